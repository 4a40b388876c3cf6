/* What the broker remembers of classes over a restart: what was changed of them, and those that were made at run time. Whatever happens to the files, it is
 * the last state or the one before it, or the broker says that it is lost. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "broker/runtimeclass.h"
#include "broker/tune.h"
#include "common/fd.h"
#include "common/kept.h"
#include "common/log.h"
#include "tests/unit/fakecgroup.h"

static const char classes[] = "[Class web]\nTunable=CPUWeight\n[Class runtime]\n";
static int said = -1; /* what was logged */
static int standard_error = -1;

static int setup(void **state) {
        log_open("test", LOG_WARNING);
        said = memfd_create("said", MFD_CLOEXEC);
        standard_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        return fake_setup(state);
}

static int teardown(void **state) {
        standard_error = fd_close(standard_error);
        said = fd_close(said);
        return fake_teardown(state);
}

static void listen_in(void) {
        assert_int_equal(ftruncate(said, 0), 0);
        assert_true(dup2(said, STDERR_FILENO) >= 0);
}

/* Was anything said since listen_in()? */
static bool heard(void) {
        assert_true(dup2(standard_error, STDERR_FILENO) >= 0);
        return lseek(said, 0, SEEK_END) > 0;
}

static void put(FakeCgroup *f, const char *name, const char *text, size_t size) {
        assert_int_equal(fd_replace_file_unsynced(f->dirfd, name, text, size, 0600), 0);
}

typedef struct World {
        ClassTable *table;
        ClassSet *set;
} World;

static void world_open(World *w, FakeCgroup *f) {
        TextError err = {};

        w->table = NULL;
        assert_int_equal(class_table_parse(classes, strlen(classes), "c", &w->table, &err), 0);
        assert_int_equal(class_set_new(w->table, f->set, &w->set), 0);
        w->set->runtime_fd = f->dirfd;
        w->set->runtime_max = 8;
}

static void world_close(World *w) {
        class_set_free(w->set);
        class_table_free(w->table);
}

/* ---- what was changed ---- */

static void save_weight(FakeCgroup *f, const char *weight) {
        World w;

        world_open(&w, f);
        Class *web = map_get_string(w.set->by_name, "web");
        assert_non_null(web->tuned[CLASS_CPU_WEIGHT] = strdup(weight));
        assert_int_equal(tune_save(f->dirfd, w.set), 0);
        world_close(&w);
}

static int found; /* what the last load said */

/* The weight that is remembered; "" when nothing is. Static buffer. */
static const char *load_weight(FakeCgroup *f) {
        _cleanup_(class_table_freep) ClassTable *t = NULL;
        static char weight[16];

        assert_true((found = tune_load(f->dirfd, &t)) >= 0);
        const ClassDef *web = t ? class_table_find(t, "web") : NULL;
        snprintf(weight, sizeof(weight), "%s", web && web->properties[CLASS_CPU_WEIGHT] ? web->properties[CLASS_CPU_WEIGHT] : "");
        return weight;
}

static void check_tuned(FakeCgroup *f, const char *text, size_t size, const char *expected) {
        put(f, TUNE_FILE, text, size);
        listen_in();
        const char *weight = load_weight(f);
        bool is_said = heard();
        assert_int_equal(found, !is_said ? KEPT_WHOLE : *weight ? KEPT_COPY : KEPT_LOST);
        if (expected) {
                assert_string_equal(weight, expected);
                assert_true(is_said);
        } else if (!is_said) { /* a bit of the word in front of the sum */
                assert_string_equal(weight, "200");
        } else {
                assert_string_equal(weight, "100");
        }
}

static void test_tuned(void **state) {
        FakeCgroup *f = *state;
        char text[256];

        assert_string_equal(load_weight(f), "");
        save_weight(f, "100");
        save_weight(f, "200");
        assert_string_equal(load_weight(f), "200");
        snprintf(text, sizeof(text), "%s", fake_read(f, TUNE_FILE));
        size_t size = strlen(text);
        for (size_t cut = 0; cut < size; cut++)
                check_tuned(f, text, cut, "100");
        for (size_t bit = 0; bit < size * 8; bit++) {
                text[bit / 8] ^= (char) (1 << bit % 8);
                check_tuned(f, text, size, NULL);
                text[bit / 8] ^= (char) (1 << bit % 8);
        }
        assert_int_equal(unlinkat(f->dirfd, TUNE_FILE, 0), 0);
        assert_string_equal(load_weight(f), "100");
        assert_int_equal(found, KEPT_GONE);
        assert_int_equal(unlinkat(f->dirfd, TUNE_FILE ".previous", 0), 0);
        for (size_t cut = 0; cut < size; cut++)
                check_tuned(f, text, cut, "");
        /* what fits its checksum and makes no sense is said, too */
        put(f, TUNE_FILE, "[Class\n", 7);
        listen_in();
        assert_string_equal(load_weight(f), "");
        assert_int_equal(found, KEPT_LOST);
        assert_true(heard());
}

/* What cannot be read now must not be taken for nothing: the next change would write over it. */
static void test_unreadable(void **state) {
        FakeCgroup *f = *state;
        _cleanup_(class_table_freep) ClassTable *t = NULL;
        World w;

        fake_mkdir(f, TUNE_FILE);
        fake_mkdir(f, RUNTIME_FILE);
        world_open(&w, f);
        listen_in();
        assert_int_equal(tune_load(f->dirfd, &t), -EISDIR);
        assert_int_equal(runtime_classes_load(w.set), -EISDIR);
        assert_true(heard());
        assert_null(t);
        world_close(&w);
}

/* ---- classes that were made ---- */

/* Their names, each with a comma; static buffer. */
static const char *load_classes(FakeCgroup *f) {
        static char names[256];
        World w;
        int n = 0;

        names[0] = '\0';
        world_open(&w, f);
        assert_true((found = runtime_classes_load(w.set)) >= 0);
        for (size_t i = 0; i < w.set->n; i++)
                if (w.set->items[i]->own)
                        n += snprintf(names + n, sizeof(names) - (size_t) n, "%s,", w.set->items[i]->name);
        world_close(&w);
        return names;
}

static void save_classes(FakeCgroup *f, bool second) {
        World w;
        Class *c;

        fake_cgroup(f, "v2/pclass/web");
        fake_cgroup(f, "v2/pclass/runtime");
        fake_cgroup(f, "v2/pclass/runtime/+members");
        fake_cgroup(f, "v2/pclass/runtime/one");
        fake_cgroup(f, "v2/pclass/runtime/two");
        world_open(&w, f);
        assert_int_equal(class_set_realise(w.set), 0);
        assert_int_equal(runtime_class_add(w.set, "runtime/one", 0, &c), 0);
        if (second)
                assert_int_equal(runtime_class_add(w.set, "runtime/two", 0, &c), 0);
        world_close(&w);
}

static void check_classes(FakeCgroup *f, const char *text, size_t size, const char *expected) {
        put(f, RUNTIME_FILE, text, size);
        listen_in();
        const char *names = load_classes(f);
        bool is_said = heard();
        assert_int_equal(found, !is_said ? KEPT_WHOLE : *expected ? KEPT_COPY : KEPT_LOST);
        assert_string_equal(names, is_said ? expected : "runtime/one,runtime/two,");
}

static void test_classes(void **state) {
        FakeCgroup *f = *state;
        char text[256];

        assert_string_equal(load_classes(f), "");
        save_classes(f, false);
        assert_string_equal(load_classes(f), "runtime/one,");
        save_classes(f, true);
        assert_string_equal(load_classes(f), "runtime/one,runtime/two,");
        snprintf(text, sizeof(text), "%s", fake_read(f, RUNTIME_FILE));
        size_t size = strlen(text);
        for (size_t cut = 0; cut < size; cut++)
                check_classes(f, text, cut, "runtime/one,");
        for (size_t bit = 0; bit < size * 8; bit++) {
                text[bit / 8] ^= (char) (1 << bit % 8);
                check_classes(f, text, size, "runtime/one,");
                text[bit / 8] ^= (char) (1 << bit % 8);
        }
        assert_int_equal(unlinkat(f->dirfd, RUNTIME_FILE ".previous", 0), 0);
        for (size_t cut = 0; cut < size; cut++)
                check_classes(f, text, cut, "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_tuned, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unreadable, setup, teardown),
                cmocka_unit_test_setup_teardown(test_classes, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
