/* Files kept over a restart, whole ones and journals, cut, flipped and on a full disk. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/fd.h"
#include "common/kept.h"
#include "common/str.h"

static char directory[32];
static int dir = -1;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static int setup(void **state) {
        strcpy(directory, "/tmp/pclass-test-kept-XXXXXX");
        dir = mkdtemp(directory) ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        return dir >= 0 ? 0 : -1;
}

static int teardown(void **state) {
        dir = fd_close(dir);
        return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *name, const char *text, size_t size) {
        assert_int_equal(fd_replace_file_unsynced(dir, name, text, size, 0644), 0);
}

static size_t get(const char *name, char *text, size_t size) {
        ssize_t n = fd_read_text(dir, name, text, size);

        assert_true(n >= 0);
        return (size_t) n;
}

static void assert_kept(const char *name, int expected, const char *text) {
        _cleanup_free_ char *have = NULL;

        assert_int_equal(kept_load(dir, name, &have), expected);
        if (expected < 0)
                assert_null(have);
        else
                assert_string_equal(have, text);
}

/* ---- whole files ---- */

static void test_round_trip(void **state) {
        struct stat st;

        assert_kept("x", -ENOENT, NULL);
        assert_int_equal(kept_save(dir, "x", "one\n", 0600), 0);
        assert_kept("x", 0, "one\n");
        assert_kept("x.previous", -ENOENT, NULL);
        assert_int_equal(kept_save(dir, "x", "", 0600), 0); /* empty, and believed to be */
        assert_kept("x", 0, "");
        assert_kept("x.previous", 0, "one\n");
        assert_int_equal(kept_save_unsynced(dir, "x", "three", 0600), 0);
        assert_kept("x", 0, "three");
        assert_kept("x.previous", 0, "one\n");
        assert_int_equal(fstatat(dir, "x", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        put("x", "by hand\n", 8);
        assert_kept("x", 0, "by hand\n");
}

static void test_cut_and_flipped_anywhere(void **state) {
        char text[128];

        assert_int_equal(kept_save(dir, "x", "old\n", 0600), 0);
        assert_int_equal(kept_save(dir, "x", "new\nmore\n", 0600), 0);
        size_t size = get("x", text, sizeof(text));
        for (size_t cut = 0; cut < size; cut++) {
                put("x", text, cut);
                assert_kept("x", 1, "old\n");
        }
        for (size_t at = 0; at < size; at++)
                for (unsigned bit = 0; bit < 8; bit++) {
                        text[at] ^= (char) (1 << bit);
                        put("x", text, size);
                        if (at < strlen("# checksum ")) /* before the sum itself nothing is lost */
                                assert_kept("x", text[at] == '\n' || text[at] == '\0' ? 1 : 0, text[at] == '\n' || text[at] == '\0' ? "old\n" : "new\nmore\n");
                        else
                                assert_kept("x", 1, "old\n");
                        text[at] ^= (char) (1 << bit);
                }
}

static void test_damaged_without_a_copy(void **state) {
        char text[128];

        assert_int_equal(kept_save(dir, "x", "one\n", 0600), 0);
        size_t size = get("x", text, sizeof(text));
        for (size_t cut = 0; cut < size; cut++) {
                put("x", text, cut);
                assert_kept("x", -EBADMSG, NULL);
        }
        assert_int_equal(kept_save(dir, "x", "two\n", 0600), 0); /* what was damaged does not become the copy */
        assert_kept("x.previous", -ENOENT, NULL);
        assert_kept("x", 0, "two\n");
        put("x", "", 0);
        put("x.previous", "# checksum 00", 13);
        assert_kept("x", -EBADMSG, NULL);
}

/* Nobody of ours removes one of the two. */
static void test_gone(void **state) {
        assert_int_equal(kept_save(dir, "x", "one\n", 0600), 0);
        assert_int_equal(kept_save(dir, "x", "two\n", 0600), 0);
        assert_int_equal(unlinkat(dir, "x", 0), 0);
        assert_kept("x", KEPT_GONE, "one\n");
        assert_int_equal(kept_save(dir, "x", "three\n", 0600), 0);
        assert_kept("x", KEPT_WHOLE, "three\n");
        assert_kept("x.previous", KEPT_WHOLE, "one\n");
        assert_int_equal(unlinkat(dir, "x", 0), 0);
        put("x.previous", "# checksum 00", 13);
        assert_kept("x", -EBADMSG, NULL);
        assert_int_equal(unlinkat(dir, "x.previous", 0), 0);
        assert_kept("x", -ENOENT, NULL);
}

#define CHECK(condition) do { if (!(condition)) _exit(__LINE__ % 251 + 1); } while (0)

/* In a process and a mount namespace of its own. */
static void on_a_small_disk(void) {
        static const char zeros[4096];
        char *text = NULL;

        CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        CHECK(mount("tmpfs", directory, "tmpfs", 0, "size=64k") == 0);
        int d = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CHECK(d >= 0 && kept_save(d, "x", "one\n", 0600) == 0 && kept_save(d, "x", "two\n", 0600) == 0);
        int fd = openat(d, "filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        CHECK(fd >= 0);
        while (write(fd, zeros, sizeof(zeros)) > 0)
                ;
        CHECK(errno == ENOSPC);
        for (int i = 0; i < 3; i++) { /* no attempt eats into what is there */
                CHECK(kept_save(d, "x", "three\n", 0600) == -ENOSPC && kept_save_unsynced(d, "x", "three\n", 0600) == -ENOSPC);
                CHECK(kept_load(d, "x", &text) == 0 && streq(text, "two\n"));
                free(text);
                CHECK(kept_load(d, "x.previous", &text) == 0 && streq(text, "one\n"));
                free(text);
        }
        CHECK(ftruncate(fd, 0) == 0 && kept_save(d, "x", "three\n", 0600) == 0 && kept_load(d, "x", &text) == 0 && streq(text, "three\n"));
        free(text);
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

/* ---- journals ---- */

static void test_lines(void **state) {
        char line[64] = "7 web a b", copy[64];
        size_t n = strlen(line);

        assert_int_equal(kept_seal(line, (int) n, "b"), n + KEPT_SUM_SIZE);
        assert_string_equal(line + n + KEPT_SUM_SIZE - 1, "\n");
        line[n + KEPT_SUM_SIZE - 1] = '\0';
        strcpy(copy, line);
        assert_true(kept_unseal(copy, "b"));
        assert_string_equal(copy, "7 web a b");
        strcpy(copy, line);
        assert_false(kept_unseal(copy, "c")); /* of another boot */
        assert_string_equal(copy, line);
        for (size_t cut = 0; line[cut]; cut++) {
                snprintf(copy, sizeof(copy), "%.*s", (int) cut, line);
                assert_false(kept_unseal(copy, "b"));
        }
        for (size_t bit = 0; bit < strlen(line) * 8; bit++) {
                strcpy(copy, line);
                copy[bit / 8] ^= (char) (1 << bit % 8);
                assert_false(kept_unseal(copy, "b"));
        }
}

static void test_first_line(void **state) {
        char line[64], copy[64];
        int n = kept_begin(line, sizeof(line), "0b-1");

        assert_int_equal(n, strlen("boot 0b-1") + KEPT_SUM_SIZE);
        assert_int_equal(line[n - 1], '\n');
        line[n - 1] = '\0';
        assert_int_equal(kept_boot(line, "0b-1"), KEPT_THIS_BOOT);
        assert_int_equal(kept_boot(line, "0b-2"), KEPT_OTHER_BOOT);
        for (size_t cut = 0; line[cut]; cut++) {
                snprintf(copy, sizeof(copy), "%.*s", (int) cut, line);
                assert_int_equal(kept_boot(copy, "0b-1"), KEPT_DAMAGED);
        }
        for (size_t bit = 0; bit < strlen(line) * 8; bit++) {
                strcpy(copy, line);
                copy[bit / 8] ^= (char) (1 << bit % 8);
                assert_int_equal(kept_boot(copy, "0b-1"), KEPT_DAMAGED);
        }
        /* an id that is too long is cut, not written beyond the end */
        n = kept_begin(copy, 24, "0123456789abcdef0123456789abcdef");
        assert_int_equal(n, strlen(copy));
        assert_true(n < 24);
}

/* Zeroes, as a file system may leave them, cost the line that they are in. */
static void test_zeroes(void **state) {
        char lines[3][64] = { "", "1 web", "2 web" }, file[sizeof(lines)];
        _cleanup_free_ char *text = NULL;
        size_t n = kept_begin(lines[0], sizeof(lines[0]), "b"), size, whole;

        memcpy(file, lines[0], n);
        for (int i = 1; i < 3; i++) {
                size_t length = kept_seal(lines[i], strlen(lines[i]), "b");
                memcpy(file + n, lines[i], length);
                n += length;
        }
        whole = strlen(lines[0]);
        memset(file + whole, 0, 3); /* of the first after the boot's */
        assert_int_equal(fd_replace_file(dir, "x", file, n, 0600), 0);
        assert_int_equal(kept_read_journal(dir, "x", n, &text, &size), 0);
        assert_int_equal(size, n);
        assert_int_equal(strlen(text), n);
        char *rest = text + whole, *damaged = strsep(&rest, "\n"), *good = strsep(&rest, "\n");
        assert_false(kept_unseal(damaged, "b"));
        assert_true(kept_unseal(good, "b"));
        assert_string_equal(good, "2 web");
        assert_int_equal(kept_read_journal(dir, "x", n - 1, &text, &size), -EFBIG);
        assert_int_equal(kept_read_journal(dir, "y", n, &text, &size), -ENOENT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_round_trip),
                TEST(test_cut_and_flipped_anywhere),
                TEST(test_damaged_without_a_copy),
                TEST(test_gone),
                TEST(test_disk_full),
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_first_line),
                TEST(test_zeroes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
