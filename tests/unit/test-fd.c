/* Whole-file reads and writes. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/fd.h"

typedef struct Dir {
        char path[32];
        int fd;
} Dir;

static int setup(void **state) {
        Dir *d = calloc(1, sizeof(*d));

        strcpy(d->path, "/tmp/pclass-fd-XXXXXX");
        if (!mkdtemp(d->path))
                return -1;
        d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *state = d;
        return d->fd < 0 ? -1 : 0;
}

static int teardown(void **state) {
        Dir *d = *state;

        (void) unlinkat(d->fd, "file", 0);
        (void) unlinkat(d->fd, ".file.new", 0);
        close(d->fd);
        int r = rmdir(d->path); /* fails when something was left behind */
        free(d);
        return r;
}

static void test_replace_and_read(void **state) {
        Dir *d = *state;
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t size;

        assert_int_equal(fd_replace_file(d->fd, "file", "one", 3, 0600), 0);
        assert_int_equal(fd_replace_file(d->fd, "file", "second\0x", 8, 0600), 0);
        assert_int_equal(fd_read_file(d->fd, "file", 100, &text, &size), 0);
        assert_int_equal(size, 8);
        assert_memory_equal(text, "second\0x", 9);
        assert_int_equal(fstatat(d->fd, "file", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(faccessat(d->fd, ".file.new", F_OK, 0), -1);
}

static void test_read_limits(void **state) {
        Dir *d = *state;
        char big[20000], *text = big;
        _cleanup_free_ char *whole = NULL;
        size_t size = 7;

        memset(big, 'x', sizeof(big));
        assert_int_equal(fd_replace_file(d->fd, "file", big, sizeof(big), 0600), 0);
        assert_int_equal(fd_read_file(d->fd, "file", sizeof(big) - 1, &text, &size), -EFBIG);
        assert_ptr_equal(text, big);
        assert_int_equal(size, 7);
        assert_int_equal(fd_read_file(d->fd, "file", sizeof(big), &whole, &size), 0);
        assert_int_equal(size, sizeof(big));
        assert_memory_equal(whole, big, sizeof(big));
        assert_int_equal(fd_read_file(d->fd, "none", 100, &text, &size), -ENOENT);
}

static void test_read_text_is_cut(void **state) {
        Dir *d = *state;
        char buf[5] = "????";

        assert_int_equal(fd_replace_file(d->fd, "file", "123456", 6, 0600), 0);
        assert_int_equal(fd_read_text(d->fd, "file", buf, sizeof(buf)), 4);
        assert_string_equal(buf, "1234");
        assert_int_equal(fd_read_text(d->fd, "none", buf, sizeof(buf)), -ENOENT);
}

/* A file of no known size, as all of /proc. */
/* What is nothing is a text, too, and a whole one. */
static void test_read_pipe(void **state) {
        _cleanup_free_ char *text = NULL;
        size_t size = 7;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        close(fds[1]);
        assert_int_equal(fd_read_all(fds[0], 100, &text, &size), 0);
        assert_int_equal(size, 0);
        assert_string_equal(text, "");
        close(fds[0]);
        free(TAKE_PTR(text));
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(fd_write_all(fds[1], "cpu\t/x\n", 7), 0);
        assert_int_equal(fd_write_all(fds[1], "memory\t/y\n", 10), 0);
        close(fds[1]);
        assert_int_equal(fd_read_all(fds[0], 16, &text, &size), -EFBIG);
        assert_null(text);
        close(fds[0]);
}

static void test_read_proc(void **state) {
        _cleanup_free_ char *text = NULL;
        size_t size;

        assert_int_equal(fd_read_file(AT_FDCWD, "/proc/self/status", 1 << 20, &text, &size), 0);
        assert_int_equal(strlen(text), size);
        assert_non_null(strstr(text, "\nPid:"));
}

static void test_close_keeps_errno(void **state) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), copy = fd;

        errno = EXDEV;
        assert_int_equal(fd_close(fd), -EBADF);
        assert_int_equal(errno, EXDEV);
        assert_int_equal(fcntl(copy, F_GETFD), -1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_replace_and_read, setup, teardown),
                cmocka_unit_test_setup_teardown(test_read_limits, setup, teardown),
                cmocka_unit_test_setup_teardown(test_read_text_is_cut, setup, teardown),
                cmocka_unit_test(test_read_pipe),
                cmocka_unit_test(test_read_proc),
                cmocka_unit_test(test_close_keeps_errno),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
