/* The state directory, written and read back, also by other hands. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "common/fd.h"
#include "daemon/store.h"

static char directory[32];
static Store *store;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static int setup(void **state) {
        strcpy(directory, "/tmp/pclass-test-store-XXXXXX");
        return mkdtemp(directory) && store_open(directory, &store) >= 0 ? 0 : -1;
}

static int teardown(void **state) {
        store_free(store);
        return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put_file(const char *name, const char *text, size_t size) {
        char path[64];

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, text, size), 0);
        close(fd);
}
#define PUT(name, text) put_file(name, text, strlen(text))

static void get_file(const char *name, char *text, size_t size) {
        char path[64];

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        assert_true(fd_read_text(AT_FDCWD, path, text, size) >= 0);
}

static void assert_rules(const StoredRule *expected, size_t n) {
        StoredRule *rules = NULL;
        size_t have = 99;

        assert_int_equal(store_load_rules(store, &rules, &have), 0);
        assert_int_equal(have, n);
        for (size_t i = 0; i < n; i++) {
                assert_string_equal(rules[i].text, expected[i].text);
                assert_true(streq_ptr(rules[i].before, expected[i].before));
                assert_true(streq_ptr(rules[i].after, expected[i].after));
        }
        stored_rules_free(rules, have);
}

/* ---- rules ---- */

static const StoredRule sample[] = {
        { .text = (char *) "z: uid=1 => web" },
        { .text = (char *) "a: comm=\"x # y\" => web", .before = (char *) "m" },
        { .text = (char *) "m: uid=2 => \xff\xfe\t\x01 ignore\r" },
        { .text = (char *) "b: uid=3 => web ", .after = (char *) "z" },
        { .text = (char *) " c: uid=4 => web" },
};

static void test_rules_round_trip(void **state) {
        char text[1024];

        assert_rules(NULL, 0); /* no file yet */
        assert_int_equal(store_save_rules(store, sample, ELEMENTSOF(sample)), 0);
        assert_rules(sample, ELEMENTSOF(sample));
        get_file("rules", text, sizeof(text));
        assert_non_null(strstr(text, "\n# before m\na: comm=\"x # y\" => web\nm: uid=2"));
        assert_non_null(strstr(text, "\n# after z\nb: uid=3 => web \n c: uid=4"));
        assert_int_equal(store_save_rules(store, sample + 1, 1), 0); /* replaced whole */
        assert_rules(sample + 1, 1);
        assert_int_equal(store_save_rules(store, NULL, 0), 0);
        assert_rules(NULL, 0);
}

static void test_rules_survive_reopening(void **state) {
        assert_int_equal(store_save_rules(store, sample, ELEMENTSOF(sample)), 0);
        store = store_free(store);
        assert_int_equal(store_open(directory, &store), 0);
        assert_rules(sample, ELEMENTSOF(sample));
}

/* As many as make the list grow many times. */
static void test_many_rules(void **state) {
        enum { N = 1000 };
        static StoredRule rules[N];
        static char texts[N][32];

        for (size_t i = 0; i < N; i++) {
                snprintf(texts[i], sizeof(texts[i]), "r%zu: uid=%zu => web", i, i);
                rules[i] = (StoredRule) { .text = texts[i], .after = i % 3 == 1 ? texts[i - 1] : NULL };
        }
        assert_int_equal(store_save_rules(store, rules, N), 0);
        assert_rules(rules, N);
}

static void test_rules_edited_by_hand(void **state) {
        static const StoredRule expected[] = {
                { .text = (char *) "a: uid=1 => web" },
                { .text = (char *) "b: uid=2 => web", .after = (char *) "x" },
                { .text = (char *) "c: uid=3 => web" },
        };

        PUT("rules", "# a comment\n\n#before x\na: uid=1 => web\n  \n# before q\n# after x\n# why\nb: uid=2 => web\nc: uid=3 => web\n# before z");
        assert_rules(expected, ELEMENTSOF(expected));
}

/* What would come back as something else is not written, and what was there stays. */
static void test_rules_refused(void **state) {
        static const StoredRule bad[] = {
                { .text = (char *) "a: uid=1 => web\nb: uid=2 => web" },
                { .text = (char *) "# a: uid=1 => web" },
                { .text = (char *) "" },
                { .text = (char *) " \t" },
                { .text = (char *) "a: uid=1 => web", .before = (char *) "x\ny" },
                { .text = (char *) "a: uid=1 => web", .after = (char *) "" },
                { .text = (char *) "a: uid=1 => web", .before = (char *) "x", .after = (char *) "y" },
        };

        assert_int_equal(store_save_rules(store, sample, 1), 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                StoredRule rules[] = { sample[1], bad[i], sample[2] };
                assert_int_equal(store_save_rules(store, rules, ELEMENTSOF(rules)), -EINVAL);
                assert_rules(sample, 1);
        }
}

static void test_rules_damaged(void **state) {
        StoredRule *rules = (StoredRule *) 1;
        size_t n = 7;
        char path[64];

        put_file("rules", "a: uid=1 => web\0b: uid=2 => web\n", 32);
        assert_int_equal(store_load_rules(store, &rules, &n), -EBADMSG);
        snprintf(path, sizeof(path), "%s/rules", directory);
        assert_int_equal(remove(path), 0);
        assert_int_equal(mkdir(path, 0755), 0);
        assert_int_equal(store_load_rules(store, &rules, &n), -EISDIR);
        assert_int_equal(store_save_rules(store, sample, 1), -EISDIR);
        assert_ptr_equal(rules, (void *) 1);
        assert_int_equal(n, 7);
}

/* A crash between writing and renaming leaves a temporary file: it is not read, and in nobody's way. */
/* Whatever happens to the file, the rules that come back are those of the last save or of the one before it, and which is said. */
static void check_damaged(const char *text, size_t size, bool may_be_whole) {
        StoredRule *rules = NULL;
        size_t n = 0;

        put_file("rules", text, size);
        int r = store_load_rules(store, &rules, &n);
        assert_true(r == 1 || (may_be_whole && r == 0));
        assert_int_equal(n, 1);
        assert_string_equal(rules[0].text, r == 1 ? "old: uid=1 => a" : "new: uid=2 => b");
        stored_rules_free(rules, n);
}

static void test_cut_and_flipped_anywhere(void **state) {
        const StoredRule before = { .text = (char *) "old: uid=1 => a" }, now = { .text = (char *) "new: uid=2 => b" };
        char text[1024];

        assert_int_equal(store_save_rules(store, &before, 1), 0);
        assert_int_equal(store_save_rules(store, &now, 1), 0);
        get_file("rules", text, sizeof(text));
        size_t size = strlen(text);
        for (size_t cut = 0; cut < size; cut++)
                check_damaged(text, cut, false);
        for (size_t at = 0; at < size; at++)
                for (unsigned bit = 0; bit < 8; bit++) {
                        text[at] ^= 1u << bit;
                        check_damaged(text, size, at < 11); /* before the sum itself nothing is lost */
                        text[at] ^= 1u << bit;
                }
}

static void test_damaged_without_a_copy(void **state) {
        const StoredRule now = { .text = (char *) "new: uid=2 => b" };
        StoredRule *rules = NULL;
        size_t n = 0;
        char text[1024];

        assert_int_equal(store_save_rules(store, &now, 1), 0);
        get_file("rules", text, sizeof(text));
        put_file("rules", text, strlen(text) - 1);
        assert_int_equal(store_load_rules(store, &rules, &n), -EBADMSG);
        assert_null(rules);
        /* A save over a damaged file does not make that the copy. */
        assert_int_equal(store_save_rules(store, &now, 1), 0);
        assert_int_equal(store_load_rules(store, &rules, &n), 0);
        stored_rules_free(rules, n);
}

static void test_leftover(void **state) {
        char text[64];

        assert_int_equal(store_save_rules(store, sample, 1), 0);
        PUT(".rules.new", "half: a ru");
        PUT(".disabled.new", "half");
        PUT(".mode.new", "enforce");
        char **names = NULL;
        Mode mode;
        assert_rules(sample, 1);
        assert_int_equal(store_load_disabled(store, &names), 0);
        assert_null(names);
        assert_int_equal(store_load_mode(store, &mode), -ENOENT);
        assert_int_equal(store_save_rules(store, sample, 2), 0);
        assert_rules(sample, 2);
        snprintf(text, sizeof(text), "%s/.rules.new", directory);
        assert_int_equal(access(text, F_OK), -1);
}

/* Whoever reads while it is saved sees a whole list, old or new. */
static void test_atomic(void **state) {
        pid_t writer = fork();

        if (writer == 0) {
                for (int i = 0; i < 300; i++)
                        if (store_save_rules(store, sample, i % 2 ? ELEMENTSOF(sample) : 1) < 0)
                                _exit(1);
                _exit(0);
        }
        int status = -1, reads = 0;
        for (pid_t done = 0; done == 0; reads++) {
                StoredRule *rules;
                size_t n;
                done = waitpid(writer, &status, WNOHANG);
                assert_int_equal(store_load_rules(store, &rules, &n), 0);
                assert_true(n == ELEMENTSOF(sample) || n == 1 || (n == 0 && done == 0));
                stored_rules_free(rules, n);
        }
        assert_int_equal(status, 0);
        assert_rules(sample, ELEMENTSOF(sample));
}

/* ---- the others ---- */

static void test_disabled(void **state) {
        char *names[] = { (char *) "web", (char *) "a.b-c_d", NULL }, *bad[] = { (char *) "web", (char *) "x\ny", NULL };
        _cleanup_strv_ char **have = NULL, **none = (char **) 1;

        assert_int_equal(store_load_disabled(store, &none), 0);
        assert_null(none);
        assert_int_equal(store_save_disabled(store, names), 0);
        assert_int_equal(store_save_disabled(store, bad), -EINVAL);
        assert_int_equal(store_load_disabled(store, &have), 0);
        assert_int_equal(strv_length(have), 2);
        assert_string_equal(have[0], "web");
        assert_string_equal(have[1], "a.b-c_d");
        assert_int_equal(store_save_disabled(store, NULL), 0);
        assert_int_equal(store_load_disabled(store, &none), 0);
        assert_null(none);
        PUT("disabled", "# by hand\n\nx");
        assert_int_equal(store_load_disabled(store, &none), 0);
        assert_int_equal(strv_length(none), 1);
        assert_string_equal(none[0], "x");
}

static void test_mode(void **state) {
        Mode mode = (Mode) 7;

        assert_int_equal(store_load_mode(store, &mode), -ENOENT);
        assert_int_equal(store_save_mode(store, MODE_ENFORCE), 0);
        assert_int_equal(store_load_mode(store, &mode), 0);
        assert_int_equal(mode, MODE_ENFORCE);
        assert_int_equal(store_save_mode(store, MODE_OBSERVE), 0);
        assert_int_equal(store_load_mode(store, &mode), 0);
        assert_int_equal(mode, MODE_OBSERVE);
        mode = (Mode) 7;
        PUT("mode", "enforced\n");
        assert_int_equal(store_load_mode(store, &mode), -EINVAL);
        assert_int_equal(mode, 7);
}

/* The same for the other files. */
static void test_others_cut_anywhere(void **state) {
        char *before[] = { (char *) "old", NULL }, *now[] = { (char *) "new", (char *) "more", NULL };
        char text[200];

        assert_int_equal(store_save_disabled(store, before), 0);
        assert_int_equal(store_save_disabled(store, now), 0);
        get_file("disabled", text, sizeof(text));
        for (size_t cut = 0, size = strlen(text); cut < size; cut++) {
                _cleanup_strv_ char **names = NULL;
                put_file("disabled", text, cut);
                assert_int_equal(store_load_disabled(store, &names), 1);
                assert_int_equal(strv_length(names), 1);
                assert_string_equal(names[0], "old");
        }
        assert_int_equal(store_save_mode(store, MODE_ENFORCE), 0);
        assert_int_equal(store_save_mode(store, MODE_OBSERVE), 0);
        get_file("mode", text, sizeof(text));
        for (size_t cut = 0, size = strlen(text); cut < size; cut++) {
                Mode mode = MODE_OBSERVE;
                put_file("mode", text, cut);
                assert_int_equal(store_load_mode(store, &mode), 1);
                assert_int_equal(mode, MODE_ENFORCE);
        }
        assert_int_equal(store_save_assignments(store, "boot a\norder 1 2 0 1 0 0 0 web\nprocess 1 100 abc\n"), 0);
        get_file("assignments", text, sizeof(text));
        for (size_t cut = 0, size = strlen(text); cut < size; cut++) {
                char *all = NULL;
                put_file("assignments", text, cut);
                assert_int_equal(store_load_assignments(store, &all), -EBADMSG); /* never some of them */
                assert_null(all);
        }
}

/* ---- a full disk ---- */

#define CHECK(condition) do { if (!(condition)) _exit(__LINE__ % 251 + 1); } while (0)

/* Leaves no byte. */
static void fill(int fd) {
        static const char zeros[4096];

        while (write(fd, zeros, sizeof(zeros)) > 0)
                ;
        CHECK(errno == ENOSPC);
}

/* In a process and a mount namespace of its own. */
static void on_a_small_disk(void) {
        char *off[] = { (char *) "off", NULL }, *more[] = { (char *) "on", NULL };
        _cleanup_strv_ char **names = NULL;
        StoredRule *rules = NULL;
        char path[64];
        size_t n = 0;
        Mode mode;
        Store *s;

        CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        CHECK(mount("tmpfs", directory, "tmpfs", 0, "size=64k") == 0 && store_open(directory, &s) == 0);
        CHECK(store_save_rules(s, sample, 2) == 0 && store_save_disabled(s, off) == 0 && store_save_mode(s, MODE_ENFORCE) == 0);
        snprintf(path, sizeof(path), "%s/filler", directory);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        CHECK(fd >= 0);
        fill(fd);
        for (int i = 0; i < 3; i++) { /* again and again: no attempt eats into what is there */
                CHECK(store_save_rules(s, sample, 1) == -ENOSPC);
                CHECK(store_save_disabled(s, more) == -ENOSPC);
                CHECK(store_save_mode(s, MODE_OBSERVE) == -ENOSPC);
                CHECK(store_save_assignments(s, "boot a\n") == -ENOSPC);
        }
        CHECK(store_load_rules(s, &rules, &n) == 0 && n == 2 && streq(rules[0].text, sample[0].text));
        CHECK(store_load_disabled(s, &names) == 0 && names && streq(names[0], "off"));
        CHECK(store_load_mode(s, &mode) == 0 && mode == MODE_ENFORCE);
        CHECK(ftruncate(fd, 0) == 0 && store_save_rules(s, sample, 1) == 0);
        stored_rules_free(rules, n);
        CHECK(store_load_rules(s, &rules, &n) == 0 && n == 1);
        _exit(0);
}

static void test_disk_full(void **state) {
        int status;

        if (geteuid() != 0)
                skip();
        pid_t pid = fork();
        if (pid == 0)
                on_a_small_disk();
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0); /* else the line, modulo 251, and 1 more */
}

static void test_open_fails(void **state) {
        Store *s = (Store *) 1;
        char path[64];

        snprintf(path, sizeof(path), "%s/none", directory);
        assert_int_equal(store_open(path, &s), -ENOENT);
        PUT("none", "");
        assert_int_equal(store_open(path, &s), -ENOTDIR);
        assert_ptr_equal(s, (void *) 1);
}

/* As the service's user: what is in a directory that may be read and not written is known all the same; in one that may not be read nothing is. */
static void test_denied(void **state) {
        static const struct {
                mode_t mode;
                int open, unwritable;
        } cases[] = { { 0777, 0, 0 }, { 0755, 0, -EACCES }, { 0700, -EACCES, 0 } };

        assert_int_equal(store_save_mode(store, MODE_ENFORCE), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int status;
                assert_int_equal(chmod(directory, cases[i].mode), 0);
                pid_t pid = fork();
                if (pid == 0) {
                        Mode mode = MODE_OBSERVE;
                        Store *s;
                        CHECK(seteuid(65534) == 0 && store_open(directory, &s) == cases[i].open);
                        if (cases[i].open == 0)
                                CHECK(store_unwritable(s) == cases[i].unwritable && store_load_mode(s, &mode) == 0 && mode == MODE_ENFORCE);
                        _exit(0);
                }
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_int_equal(status, 0);
        }
}

static void test_assignments(void **state) {
        _cleanup_free_ char *text = NULL;
        char whole[200];

        assert_int_equal(store_load_assignments(store, &text), 0);
        assert_string_equal(text, "");
        free(TAKE_PTR(text));
        assert_int_equal(store_save_assignments(store, "boot a\norder 1\n"), 0);
        assert_int_equal(store_save_assignments(store, "boot a\norder 2\n"), 0);
        assert_int_equal(store_load_assignments(store, &text), 0);
        assert_string_equal(text, "boot a\norder 2\n");
        free(TAKE_PTR(text));
        get_file("assignments", whole, sizeof(whole));
        whole[strlen(whole) - 2] = '3'; /* one digit of the last line */
        PUT("assignments", whole);
        assert_int_equal(store_load_assignments(store, &text), -EBADMSG); /* what held before is no answer */
        assert_null(text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_rules_round_trip),
                TEST(test_rules_survive_reopening),
                TEST(test_many_rules),
                TEST(test_rules_edited_by_hand),
                TEST(test_rules_refused),
                TEST(test_rules_damaged),
                TEST(test_cut_and_flipped_anywhere),
                TEST(test_damaged_without_a_copy),
                TEST(test_leftover),
                TEST(test_atomic),
                TEST(test_disabled),
                TEST(test_mode),
                TEST(test_assignments),
                TEST(test_others_cut_anywhere),
                TEST(test_disk_full),
                TEST(test_open_fails),
                TEST(test_denied),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
