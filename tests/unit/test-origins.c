/* Places and the file of origins. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/origins.h"
#include "common/fd.h"
#include "tests/unit/fakecgroup.h"

static void test_places(void **state) {
        _cleanup_(place_table_freep) PlaceTable *t = NULL;
        uint32_t a, b, c;
        unsigned h = 99;
        char longest[WIRE_PATH_MAX + 1];

        assert_int_equal(place_table_new(&t), 0);
        assert_int_equal(place_intern(t, 0, "/a", &a), 0);
        assert_int_equal(place_intern(t, 1, "/a", &b), 0);
        assert_int_equal(place_intern(t, 0, "/a", &c), 0);
        assert_int_equal(a, 0);
        assert_int_equal(b, 1);
        assert_int_equal(c, a);
        assert_string_equal(place_path(t, b, &h), "/a");
        assert_int_equal(h, 1);
        assert_null(place_path(t, 2, &h));
        assert_null(place_path(t, WIRE_NONE, &h));
        memset(longest, 'x', WIRE_PATH_MAX);
        longest[WIRE_PATH_MAX] = '\0';
        assert_int_equal(place_intern(t, 0, longest, &a), -ENAMETOOLONG);
}

static void test_places_are_capped(void **state) {
        _cleanup_(place_table_freep) PlaceTable *t = NULL;
        char path[32];
        uint32_t place;

        assert_int_equal(place_table_new(&t), 0);
        for (unsigned i = 0; i < PLACES_MAX; i++) {
                snprintf(path, sizeof(path), "/%u", i);
                assert_int_equal(place_intern(t, 0, path, &place), 0);
                assert_int_equal(place, i);
        }
        assert_int_equal(place_intern(t, 0, "/more", &place), -ENOSPC);
        assert_int_equal(place_intern(t, 0, "/77", &place), 0);
        assert_int_equal(place, 77);
        assert_string_equal(place_path(t, 65534, NULL), "/65534");
        assert_int_equal(wire_place((uint16_t) place), 77);
        assert_int_equal(wire_place((uint16_t) 65534), 65534); /* the last one is not taken for none */
}

static void test_place_sets(void **state) {
        PlaceSet a = {}, b = {};

        assert_false(place_set_has(&a, 0));
        assert_int_equal(place_set_add(&a, 9), 0);
        assert_int_equal(place_set_add(&a, 9), 0);
        assert_int_equal(place_set_add(&b, 40000), 0);
        assert_int_equal(a.count, 1);
        assert_false(place_set_has(&a, 8));
        assert_false(place_set_has(&a, 40000));
        assert_int_equal(place_set_merge(&a, &b), 0);
        assert_true(place_set_has(&a, 9) && place_set_has(&a, 40000));
        assert_int_equal(a.count, 2);
        assert_int_equal(place_set_merge(&b, &a), 0);
        assert_true(place_set_has(&b, 9));
        assert_int_equal(place_set_add(&a, PLACES_MAX), -EINVAL);
        assert_int_equal(place_set_add(&a, WIRE_NONE), -EINVAL);
        assert_false(place_set_has(&a, WIRE_NONE));
        place_set_clear(&a);
        place_set_clear(&b);
        assert_false(place_set_has(&a, 9));
}

static uint32_t sum(uint32_t h, const char *line, size_t n) {
        while (n-- > 0)
                h = (h ^ (unsigned char) *line++) * 16777619u;
        return h;
}

/* Lines with their checksums behind them; that of the first is its own, the others are of the boot that it names. Static buffer. */
static const char *summed(const char *text) {
        static char out[4096];
        const uint32_t begin = 2166136261u, of_boot = sum(begin, text + strlen("boot "), strcspn(text, "\n") - strlen("boot "));
        int n = 0;

        for (const char *p = text, *end; *p; p = end) {
                end = strchrnul(p, '\n');
                n += snprintf(out + n, sizeof(out) - (size_t) n, "%.*s %08x%s", (int) (end - p), p, sum(p == text ? begin : of_boot, p, (size_t) (end - p)), *end ? "\n" : "");
                end += *end != '\0';
        }
        return out;
}

static Origins *open_origins(FakeCgroup *f, PlaceTable *t, const char *boot, int expected) {
        Origins *o = NULL;

        assert_int_equal(origins_open(f->dirfd, f->proc_fd, f->set, t, boot, &o), expected);
        return o;
}

static void test_survive_a_restart(void **state) {
        FakeCgroup *f = *state;
        _cleanup_(place_table_freep) PlaceTable *t = NULL, *again = NULL;
        OriginRecord *r;
        uint32_t a, b;
        struct stat st;

        fake_process(f, 100, 'S', 0, 0, 500, "/", "/");
        fake_process(f, 101, 'S', 0, 0, 501, "/", "/"); /* 101 was somebody else: start 400 */
        assert_int_equal(place_table_new(&t), 0);
        Origins *o = open_origins(f, t, "boot-1", 0);
        assert_int_equal(place_intern(t, 2, "/a b/c", &a), 0);
        assert_int_equal(place_intern(t, 0, "/m", &b), 0);
        assert_int_equal(origins_add(o, 100, 500, UINT64_MAX, 2, a, &r), 0);
        assert_int_equal(origins_add(o, 100, 500, UINT64_MAX, 0, b, &r), 0);
        assert_int_equal(origins_add(o, 100, 500, UINT64_MAX, 0, a, &r), 0); /* the first one stays */
        assert_int_equal(r->origin[0], b);
        assert_int_equal(origins_add(o, 101, 400, 1, 2, a, &r), 0);
        assert_int_equal(origins_add(o, 102, 1, 1, 2, a, &r), 0); /* is no more */
        assert_int_equal(fstatat(f->dirfd, ORIGINS_FILE, &st, 0), 0);
        off_t before = st.st_size;
        assert_int_equal(origins_flush(o), 0);
        assert_int_equal(fstatat(f->dirfd, ORIGINS_FILE, &st, 0), 0);
        assert_true(st.st_size > before); /* what was added waited for the flush, and is there when it returns */
        origins_free(o);
        assert_int_equal(fstatat(f->dirfd, ORIGINS_FILE, &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);

        assert_int_equal(place_table_new(&again), 0);
        o = open_origins(f, again, "boot-1", 0);
        assert_int_equal(origins_count(o), 1);
        r = origins_find(o, 100, 500);
        assert_non_null(r);
        assert_true(r->cookie == UINT64_MAX);
        assert_string_equal(place_path(again, r->origin[2], NULL), "/a b/c");
        assert_string_equal(place_path(again, r->origin[0], NULL), "/m");
        assert_int_equal(wire_place(r->origin[1]), WIRE_NONE);
        assert_null(origins_find(o, 100, 501));
        assert_null(origins_find(o, 101, 501));
        origins_free(o);
        assert_string_equal(fake_read(f, ORIGINS_FILE), summed("boot boot-1\n100 500 18446744073709551615 memory /m\n"
                                                               "100 500 18446744073709551615 cgroup2 /a b/c\n"));
}

static void test_another_boot(void **state) {
        FakeCgroup *f = *state;
        _cleanup_(place_table_freep) PlaceTable *t = NULL;

        fake_process(f, 100, 'S', 0, 0, 500, "/", "/");
        fake_write(f, ORIGINS_FILE, summed("boot boot-1\n100 500 7 memory /m\n"));
        assert_int_equal(place_table_new(&t), 0);
        Origins *o = open_origins(f, t, "boot-2", 1);
        assert_int_equal(origins_count(o), 0);
        origins_free(o);
        assert_string_equal(fake_read(f, ORIGINS_FILE), summed("boot boot-2\n"));
}

static void test_torn_lines(void **state) {
        FakeCgroup *f = *state;
        _cleanup_(place_table_freep) PlaceTable *t = NULL;

        fake_process(f, 100, 'S', 0, 0, 500, "/", "/");
        fake_write(f, ORIGINS_FILE, summed("boot b\n100 500 7\nx\n100 500 7 nosuch /m\n-1 5 7 memory /m\n100 500 7 memory relative\n\n100 500 7 memory /older\n100 500 7 memory /m\n100 50"));
        assert_int_equal(place_table_new(&t), 0);
        Origins *o = open_origins(f, t, "b", 0);
        assert_int_equal(origins_count(o), 1);
        assert_int_equal(place_count(t), 2);
        assert_string_equal(place_path(t, origins_find(o, 100, 500)->origin[0], NULL), "/m"); /* the later line is the newer origin */
        origins_free(o);
}

/* Whatever a bit or a cut does, an origin is the right one or none, and what is missing was counted. */
static void check_damage(FakeCgroup *f, const char *text, bool cut_between) {
        _cleanup_(place_table_freep) PlaceTable *t = NULL;
        _cleanup_(origins_freep) Origins *o = NULL;
        const OriginRecord *a, *b;

        fake_write(f, ORIGINS_FILE, text);
        assert_int_equal(place_table_new(&t), 0);
        assert_int_equal(origins_open(f->dirfd, f->proc_fd, f->set, t, "b", &o), 0);
        a = origins_find(o, 100, 500);
        b = origins_find(o, 101, 501);
        assert_int_equal(origins_count(o), (a ? 1u : 0) + (b ? 1 : 0));
        if (a)
                assert_string_equal(place_path(t, a->origin[0], NULL), "/m");
        if (b)
                assert_string_equal(place_path(t, b->origin[0], NULL), "/home/x");
        if (origins_count(o) < 2)
                assert_true(origins_damaged(o) > 0 || cut_between);
}

/* A line that did not fit on the disk does not take the next one along. */
static void test_line_after_a_full_disk(void **state) {
        FakeCgroup *f = *state;
        _cleanup_(place_table_freep) PlaceTable *t = NULL, *again = NULL;
        struct rlimit all, little;
        OriginRecord *r;
        struct stat st;
        uint32_t a;

        fake_process(f, 100, 'S', 0, 0, 500, "/", "/");
        fake_process(f, 101, 'S', 0, 0, 501, "/", "/");
        assert_int_equal(place_table_new(&t), 0);
        Origins *o = open_origins(f, t, "boot-1", 0);
        assert_int_equal(place_intern(t, 2, "/a", &a), 0);
        assert_int_equal(fstatat(f->dirfd, ORIGINS_FILE, &st, 0), 0);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
        little = (struct rlimit) { st.st_size + 10, all.rlim_max };
        assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
        assert_int_equal(origins_add(o, 100, 500, 1, 2, a, &r), 0);
        assert_int_equal(origins_flush(o), -EFBIG);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
        assert_int_equal(origins_add(o, 101, 501, 1, 2, a, &r), 0);
        assert_int_equal(origins_flush(o), 0);
        origins_free(o);

        assert_int_equal(place_table_new(&again), 0);
        o = open_origins(f, again, "boot-1", 0);
        assert_null(origins_find(o, 100, 500));
        assert_non_null(origins_find(o, 101, 501));
        assert_int_equal(origins_damaged(o), 1);
        origins_free(o);
}

static void test_cut_and_flipped_anywhere(void **state) {
        FakeCgroup *f = *state;
        char text[256], damaged[256];

        fake_process(f, 100, 'S', 0, 0, 500, "/", "/");
        fake_process(f, 101, 'S', 0, 0, 501, "/", "/");
        snprintf(text, sizeof(text), "%s", summed("boot b\n100 500 7 memory /m\n101 501 8 memory /home/x\n"));
        check_damage(f, text, false);
        assert_int_equal(strlen(text), strlen("boot b ........\n100 500 7 memory /m ........\n101 501 8 memory /home/x ........\n"));
        for (size_t at = 0; text[at]; at++) {
                strcpy(damaged, text);
                damaged[at] = '\0';
                check_damage(f, damaged, at > 0 && (text[at] == '\n' || text[at - 1] == '\n'));
                for (unsigned bit = 0; bit < 8; bit++) {
                        strcpy(damaged, text);
                        damaged[at] ^= (char) (1u << bit);
                        check_damage(f, damaged, false);
                }
        }
}

static void test_forget(void **state) {
        FakeCgroup *f = *state;
        _cleanup_(place_table_freep) PlaceTable *t = NULL;
        OriginRecord *r;

        assert_int_equal(place_table_new(&t), 0);
        Origins *o = open_origins(f, t, "b", 0);
        assert_int_equal(place_intern(t, 0, "/m", &(uint32_t) { 0 }), 0);
        assert_int_equal(origins_add(o, 5, 1, 1, 0, 0, &r), 0);
        assert_int_equal(origins_add(o, 5, 1, 1, 2, 0, &r), 0);
        origins_forget(o, 5, 2, 0); /* another process of that number */
        origins_forget(o, 5, 1, 0);
        assert_int_equal(wire_place(origins_find(o, 5, 1)->origin[0]), WIRE_NONE);
        assert_int_equal(origins_find(o, 5, 1)->origin[2], 0);
        origins_forget(o, 5, 1, 2);
        assert_null(origins_find(o, 5, 1));
        origins_free(o);
}

/* Lines of dead processes do not gather for ever. */
static void test_compaction(void **state) {
        FakeCgroup *f = *state;
        _cleanup_(place_table_freep) PlaceTable *t = NULL;
        OriginRecord *r;

        fake_process(f, 7, 'S', 0, 0, 70, "/", "/");
        assert_int_equal(place_table_new(&t), 0);
        Origins *o = open_origins(f, t, "b", 0);
        assert_int_equal(place_intern(t, 0, "/m", &(uint32_t) { 0 }), 0);
        assert_int_equal(origins_add(o, 7, 70, 1, 0, 0, &r), 0);
        for (int pid = 1000; pid < 1000 + ORIGINS_SLACK - 1; pid++)
                assert_int_equal(origins_add(o, pid, 1, 1, 0, 0, &r), 0);
        assert_int_equal(origins_count(o), ORIGINS_SLACK);
        assert_int_equal(origins_add(o, 9999, 1, 1, 0, 0, &r), 0);
        assert_null(r); /* it is among the dead itself */
        assert_string_equal(fake_read(f, ORIGINS_FILE), summed("boot b\n7 70 1 memory /m\n"));
        assert_int_equal(origins_count(o), 1);
        origins_free(o);
}

static size_t count_in_file(int dirfd, const char *name, const char *what) {
        _cleanup_free_ char *text = NULL;
        size_t size, n = 0;

        assert_int_equal(fd_read_file(dirfd, name, 1 << 20, &text, &size), 0);
        for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
                n++;
        return n;
}

static void add_dead(Origins *o, int from, int n) {
        OriginRecord *r;

        for (int pid = from; pid < from + n; pid++)
                assert_int_equal(origins_add(o, pid, 1, 1, 0, 0, &r), 0);
}

/* The file cannot be written anew: it is not tried at every line, every line is in the old file, and it is told once. */
static void test_compaction_that_fails(void **state) {
        FakeCgroup *f = *state;
        _cleanup_(place_table_freep) PlaceTable *t = NULL;
        OriginRecord *r;

        fake_process(f, 7, 'S', 0, 0, 70, "/", "/");
        assert_int_equal(place_table_new(&t), 0);
        Origins *o = open_origins(f, t, "b", 0);
        assert_int_equal(place_intern(t, 0, "/m", &(uint32_t) { 0 }), 0);
        _cleanup_close_ int said = openat(f->dirfd, "said", O_RDWR | O_CREAT | O_CLOEXEC, 0600), err = dup(STDERR_FILENO);
        assert_true(said >= 0 && err >= 0 && dup2(said, STDERR_FILENO) >= 0);
        fake_mkdir(f, "." ORIGINS_FILE ".new");
        assert_int_equal(origins_add(o, 7, 70, 1, 0, 0, &r), 0);
        add_dead(o, 1000, ORIGINS_SLACK);
        assert_int_equal(origins_count(o), 1); /* the last one tried */
        add_dead(o, 10000, ORIGINS_SLACK - 1);
        assert_int_equal(origins_count(o), ORIGINS_SLACK); /* none of these did */
        add_dead(o, 20000, 1);
        assert_int_equal(origins_count(o), 1);
        assert_int_equal(origins_flush(o), 0);
        assert_int_equal(count_in_file(f->dirfd, ORIGINS_FILE, " memory /m "), 2 * ORIGINS_SLACK + 1);
        assert_int_equal(unlinkat(f->dirfd, "." ORIGINS_FILE ".new", AT_REMOVEDIR), 0);
        add_dead(o, 30000, ORIGINS_SLACK);
        assert_true(dup2(err, STDERR_FILENO) >= 0);
        assert_string_equal(fake_read(f, ORIGINS_FILE), summed("boot b\n7 70 1 memory /m\n"));
        assert_int_equal(count_in_file(f->dirfd, "said", "cannot be written anew"), 1);
        add_dead(o, 40000, 1);
        assert_int_equal(origins_flush(o), 0);
        assert_int_equal(count_in_file(f->dirfd, ORIGINS_FILE, "40000 1 1 memory /m "), 1); /* the new file goes on */
        origins_free(o);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_places),
                cmocka_unit_test(test_places_are_capped),
                cmocka_unit_test(test_place_sets),
                cmocka_unit_test_setup_teardown(test_survive_a_restart, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_another_boot, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_torn_lines, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_line_after_a_full_disk, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_cut_and_flipped_anywhere, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_forget, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_compaction, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_compaction_that_fails, fake_setup, fake_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
