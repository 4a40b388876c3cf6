/* Marks of processes survive the service, and damage costs a line, never a wrong mark. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/fd.h"
#include "common/kept.h"
#include "daemon/internal.h"

static const char rules_text[] = "stick: uid=1 => web sticky\nplain: uid=2 => web\nborn: parent-class=ci uid=3 => web\n";

typedef struct World {
        char dir[64];
        Manager m;
        RuleBase rules;
} World;

static void world_open(World *w) {
        TextError err = {};

        w->m = (Manager) { .marks.fd = -EBADF, .rules = &w->rules };
        assert_int_equal(ruleset_new(&w->rules.current), 0);
        assert_true(ruleset_add_text(w->rules.current, rules_text, strlen(rules_text), "t", &err) >= 0);
        assert_int_equal(ruleset_compile(w->rules.current, &(RulesetEnv) {}), 0);
        assert_int_equal(proc_reader_init(&w->m.reader, NULL), 0);
        assert_int_equal(store_open(w->dir, &w->m.store), 0);
        assert_int_equal(proctable_new(&w->m.table), 0);
        assert_int_equal(marks_open(&w->m), 0);
}

static void world_close(World *w) {
        marks_done(&w->m);
        proctable_free(w->m.table);
        store_free(w->m.store);
        proc_reader_done(&w->m.reader);
        ruleset_free(w->rules.current);
}

static int setup(void **state) {
        World *w = calloc(1, sizeof(*w));

        strcpy(w->dir, "/tmp/test-marks.XXXXXX");
        assert_non_null(mkdtemp(w->dir));
        *state = w;
        return 0;
}

static int teardown(void **state) {
        static const char *const files[] = { "marks", "marks.new" };
        World *w = *state;
        char path[128];

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                snprintf(path, sizeof(path), "%s/%s", w->dir, files[i]);
                (void) unlink(path);
        }
        assert_int_equal(rmdir(w->dir), 0);
        free(w);
        return 0;
}

static Process *process(World *w, pid_t pid, uint64_t cookie, const char *rule) {
        Process *p;

        assert_int_equal(proctable_make(w->m.table, pid, cookie, &p), 0);
        if (rule)
                process_set_rule(p, ruleset_find(w->rules.current, rule)->rule);
        return p;
}

static void note_some(World *w) {
        Process *p = process(w, 100, 0xabc, "stick");

        marks_stick(&w->m, p);
        marks_stick(&w->m, p);
        marks_stick(&w->m, process(w, 101, 0xabd, "plain"));
        p = process(w, 99, 0xab9, "stick");
        p->parent = 100;
        marks_stick(&w->m, p);
        assert_false(p->sticky); /* the image of its parent */
        p->own = true;
        marks_stick(&w->m, p);
        assert_true(p->sticky);
        proctable_remove(w->m.table, 99);
        p = process(w, 102, 0xabe, "born");
        assert_int_equal(process_set_born(p, "ci"), 0);
        marks_note(&w->m, p);
        p = process(w, 103, 0xabf, "born");
        assert_int_equal(process_set_born(p, ""), 0);
        marks_note(&w->m, p);
}

static void test_survive(void **state) {
        World *w = *state;

        world_open(w);
        note_some(w);
        assert_true(proctable_get(w->m.table, 100)->sticky);
        assert_false(proctable_get(w->m.table, 101)->sticky);
        world_close(w);

        world_open(w);
        Process *p = process(w, 100, 0xabc, NULL);
        marks_restore(&w->m, p);
        assert_true(p->sticky);
        assert_string_equal(rule_name(p->rule), "stick");
        p = process(w, 101, 0xabd, NULL);
        marks_restore(&w->m, p);
        assert_false(p->sticky);
        p = process(w, 102, 0xabe, NULL);
        marks_restore(&w->m, p);
        assert_string_equal(p->born, "ci");
        assert_false(p->sticky);
        p = process(w, 103, 0xabf, NULL);
        marks_restore(&w->m, p);
        assert_string_equal(p->born, "");
        /* another process of that number */
        p = process(w, 100, 0xdef, NULL);
        p->sticky = false;
        marks_restore(&w->m, p);
        assert_false(p->sticky);
        world_close(w);
}

static void test_tidy(void **state) {
        World *w = *state;
        struct stat before, after;
        Process *p;

        world_open(w);
        note_some(w);
        world_close(w);
        world_open(w);
        p = process(w, 102, 0xabe, "born");
        marks_restore(&w->m, p);
        assert_int_equal(fstatat(store_dir(w->m.store), "marks", &before, 0), 0);
        marks_tidy(&w->m);
        assert_null(w->m.marks.old);
        assert_int_equal(fstatat(store_dir(w->m.store), "marks", &after, 0), 0);
        assert_true(after.st_size < before.st_size);
        marks_stick(&w->m, process(w, 104, 0xb0, "stick")); /* goes to the new file */
        world_close(w);
        world_open(w);
        p = process(w, 100, 0xabc, NULL);
        marks_restore(&w->m, p);
        assert_false(p->sticky);
        p = process(w, 102, 0xabe, NULL);
        marks_restore(&w->m, p);
        assert_string_equal(p->born, "ci");
        p = process(w, 104, 0xb0, NULL);
        marks_restore(&w->m, p);
        assert_true(p->sticky);
        world_close(w);
}

/* Whatever is in the file: a mark is the one that was noted, or it is not there; and that was counted, but for a cut between two lines. */
static void check_marks(World *w, bool cut_between) {
        static const struct {
                pid_t pid;
                uint64_t cookie;
                const char *rule, *born;
        } noted[] = { { 100, 0xabc, "stick", NULL }, { 102, 0xabe, NULL, "ci" }, { 103, 0xabf, NULL, "" } };

        size_t found = 0;

        world_open(w);
        for (pid_t pid = 1; pid < 1100; pid++) {
                uint64_t cookie = 0xabc + (uint64_t) pid - 100;
                for (size_t i = 0; i < ELEMENTSOF(noted); i++)
                        if (noted[i].pid == pid)
                                cookie = noted[i].cookie;
                Process *p = process(w, pid, cookie, NULL);
                marks_restore(&w->m, p);
                for (size_t i = 0; i < ELEMENTSOF(noted); i++)
                        if (noted[i].pid == pid) {
                                assert_true(!p->sticky || (noted[i].rule && streq(rule_name(p->rule), noted[i].rule)));
                                assert_true(!p->born || (noted[i].born && streq(p->born, noted[i].born)));
                                cookie = 0;
                        }
                assert_true(cookie == 0 || (!p->sticky && !p->born));
                found += p->sticky || p->born;
        }
        assert_true(found == ELEMENTSOF(noted) || w->m.marks.damaged > 0 || cut_between);
        world_close(w);
}

static void write_file(World *w, const char *text, size_t n) {
        char path[128];
        snprintf(path, sizeof(path), "%s/marks", w->dir);
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_int_equal(write(fd, text, n), n);
}

static void test_damage(void **state) {
        World *w = *state;
        _cleanup_free_ char *text = NULL;
        size_t size;

        world_open(w);
        note_some(w);
        assert_int_equal(fd_read_file(store_dir(w->m.store), "marks", 65536, &text, &size), 0);
        world_close(w);
        for (size_t n = 0; n < size; n++) {
                write_file(w, text, n);
                check_marks(w, n > 0 && (text[n] == '\n' || text[n - 1] == '\n'));
        }
        for (size_t bit = 0; bit < size * 8; bit += 3) {
                text[bit / 8] ^= (char) (1 << bit % 8);
                write_file(w, text, size);
                check_marks(w, false);
                text[bit / 8] ^= (char) (1 << bit % 8);
        }
}

/* A line that was cut does not take with it the one that is written next. */
static void test_next_line_after_a_cut_one(void **state) {
        World *w = *state;
        _cleanup_free_ char *text = NULL;
        size_t size;

        world_open(w);
        note_some(w);
        assert_int_equal(fd_read_file(store_dir(w->m.store), "marks", 65536, &text, &size), 0);
        world_close(w);
        write_file(w, text, size - 5);
        world_open(w);
        marks_stick(&w->m, process(w, 105, 0xb1, "stick"));
        world_close(w);
        world_open(w);
        Process *p = process(w, 105, 0xb1, NULL);
        marks_restore(&w->m, p);
        assert_true(p->sticky);
        world_close(w);
}

static void test_other_boot(void **state) {
        World *w = *state;
        _cleanup_free_ char *text = NULL;
        char first[128];
        size_t size;

        world_open(w);
        note_some(w);
        assert_int_equal(fd_read_file(store_dir(w->m.store), "marks", 65536, &text, &size), 0);
        world_close(w);
        const char *rest = strchr(text, '\n') + 1;
        int n = kept_begin(first, sizeof(first), "another");
        assert_int_equal(n, rest - text - (int) strlen(w->m.marks.boot_id) + 7);
        write_file(w, first, (size_t) n);
        world_open(w); /* nothing is wrong with it */
        assert_int_equal(w->m.marks.damaged, 0);
        world_close(w);
        _cleanup_free_ char *all = NULL;
        assert_true(asprintf(&all, "%s%s", first, rest) > 0);
        write_file(w, all, strlen(all));
        world_open(w);
        Process *p = process(w, 100, 0xabc, NULL);
        marks_restore(&w->m, p);
        assert_false(p->sticky);
        world_close(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_survive, setup, teardown),
                cmocka_unit_test_setup_teardown(test_tidy, setup, teardown),
                cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
                cmocka_unit_test_setup_teardown(test_next_line_after_a_cut_one, setup, teardown),
                cmocka_unit_test_setup_teardown(test_other_boot, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
