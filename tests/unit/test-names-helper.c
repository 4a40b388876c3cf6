/* The names helper: the program as it was built, asked through the cache, in a mount namespace with a passwd and a group file of ours. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "common/fd.h"
#include "tests/unit/namesrig.h"

static void bind_file(const char *directory, const char *name) {
        char from[128], to[64];

        snprintf(from, sizeof(from), "%s/%s", directory, name);
        snprintf(to, sizeof(to), "/etc/%s", name);
        if (mount(from, to, NULL, MS_BIND, NULL) < 0)
                _exit(99);
}

static void program_child(const char *directory, int fd) {
        if (directory) {
                if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                        _exit(99);
                bind_file(directory, "passwd");
                bind_file(directory, "group");
        }
        if (dup2(fd, NAMES_FD) < 0 || (fd == NAMES_FD && fcntl(fd, F_SETFD, 0) < 0))
                _exit(99);
        setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* LeakSanitizer traces the program, which its own sandbox does not allow */
        execl(PCLASS_NAMES_PROGRAM, "pclass-names", NULL);
        _exit(99);
}

static void start_program(Fixture *f, const char *directory) {
        f->program = fork();
        assert_true(f->program >= 0);
        if (f->program == 0)
                program_child(directory, f->helper);
        f->helper = fd_close(f->helper);
}

/* The next answer of the cache that is not "asked". */
#define AWAIT(f, r, call) RUN_UNTIL(f, (r = (call)) != -EAGAIN)

static void test_program_here(void **state) {
        Fixture *f = *state;
        const gid_t *gids;
        const char *name;
        size_t n;
        uid_t uid;
        gid_t gid;
        int r;

        start_program(f, NULL);
        AWAIT(f, r, names_uid(f->names, "root", &uid));
        assert_int_equal(r, 0);
        assert_int_equal(uid, 0);
        AWAIT(f, r, names_gid(f->names, "root", &gid));
        assert_int_equal(r, 0);
        assert_int_equal(gid, 0);
        AWAIT(f, r, names_uid(f->names, "pclass-nobody-is-called-so", &uid));
        assert_int_equal(r, -ENOENT);
        AWAIT(f, r, names_group(f->names, 0, &name));
        assert_string_equal(name, "root");
        AWAIT(f, r, names_user(f->names, 0, &name));
        assert_string_equal(name, "root");
        assert_int_equal(names_member(f->names, 0, &gids, &n), 0);
        assert_int_equal(gids[0], 0);
}

static void write_group_file(Fixture *f) {
        _cleanup_free_ char *text = malloc(1 << 20);
        size_t n = 0;

        assert_non_null(text);
        n += sprintf(text + n, "home:x:500:\nextra:x:700:ann\nother:x:800:ben\nempty:x:900:\n");
        for (int i = 0; i < 1100; i++)
                n += sprintf(text + n, "g%d:x:%d:busy%s\n", i, 10000 + i, i < 1023 ? ",full" : "");
        n += sprintf(text + n, "huge:x:901:"); /* a line that the first buffer does not hold */
        for (int i = 0; i < 20000; i++)
                n += sprintf(text + n, "%sm%d", i ? "," : "", i);
        sprintf(text + n, "\n");
        write_file(f, "group", text);
}

static void test_program_files(void **state) {
        Fixture *f = *state;
        const gid_t *gids;
        const char *name;
        size_t n;
        uid_t uid;
        gid_t gid;
        static char passwd[24000];
        int r;

        if (geteuid() != 0)
                skip();
        snprintf(passwd, sizeof(passwd), "root:x:0:0::/:\nann:x:4001:500::/:\nbusy:x:4002:500::/:\nfull:x:4003:500::/:\nlong:x:4004:500:%020000d:/:\n", 0);
        write_file(f, "passwd", passwd);
        write_group_file(f);
        start_program(f, f->directory);
        AWAIT(f, r, names_uid(f->names, "ann", &uid));
        assert_int_equal(r, 0);
        assert_int_equal(uid, 4001);
        AWAIT(f, r, names_uid(f->names, "ben", &uid));
        assert_int_equal(r, -ENOENT);
        AWAIT(f, r, names_uid(f->names, "long", &uid)); /* its line is longer than the first buffer, as is that of the group */
        assert_int_equal(r, 0);
        assert_int_equal(uid, 4004);
        AWAIT(f, r, names_gid(f->names, "huge", &gid));
        assert_int_equal(r, 0);
        assert_int_equal(gid, 901);
        AWAIT(f, r, names_group(f->names, 901, &name));
        assert_string_equal(name, "huge");
        AWAIT(f, r, names_member(f->names, 4001, &gids, &n));
        assert_int_equal(r, 0);
        assert_int_equal(n, 2);
        assert_int_equal(gids[0], 500);
        assert_int_equal(gids[1], 700);
        AWAIT(f, r, names_member(f->names, 4002, &gids, &n));
        assert_int_equal(r, -E2BIG);
        assert_int_equal(names_user(f->names, 4002, &name), 0);
        assert_string_equal(name, "busy");
        AWAIT(f, r, names_member(f->names, 4003, &gids, &n));
        assert_int_equal(r, 0);
        assert_int_equal(n, 1024);

        /* a change of the very file, as it is written */
        write_file(f, "passwd", "root:x:0:0::/:\nben:x:4001:500::/:\n");
        RUN_UNTIL(f, names_uid(f->names, "ben", &uid) == 0);
        assert_int_equal(uid, 4001);
        RUN_UNTIL(f, names_pending(f->names) == 0);
        assert_int_equal(names_uid(f->names, "ann", &uid), -ENOENT);
        assert_int_equal(names_user(f->names, 4001, &name), 0);
        assert_string_equal(name, "ben");
        assert_int_equal(names_member(f->names, 4001, &gids, &n), 0);
        assert_int_equal(gids[1], 800);
}

/* Ends with EOF and status 0; with a question of a wrong size it ends in failure. */
static void test_program_ends(void **state) {
        Fixture *f = *state;

        for (int nonsense = 0; nonsense < 2; nonsense++) {
                int pair[2], status;
                assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
                pid_t pid = fork();
                if (pid == 0) {
                        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
                        dup2(null, STDERR_FILENO); /* it complains */
                        close(f->helper);
                        program_child(NULL, pair[1]);
                }
                close(pair[1]);
                if (nonsense)
                        assert_int_equal(send(pair[0], "x", 1, 0), 1);
                else
                        shutdown(pair[0], SHUT_WR);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFEXITED(status));
                assert_int_equal(WEXITSTATUS(status), nonsense);
                close(pair[0]);
        }
}

static void test_program_has_no_way_up(void **state) {
        Fixture *f = *state;
        char path[64], text[8192];
        struct stat st;
        uid_t uid;
        int r;

        start_program(f, NULL);
        AWAIT(f, r, names_uid(f->names, "root", &uid));
        snprintf(path, sizeof(path), "/proc/%d/status", f->program);
        assert_true(fd_read_text(AT_FDCWD, path, text, sizeof(text)) > 0);
        assert_non_null(strstr(text, "\nNoNewPrivs:\t1\n"));
        snprintf(path, sizeof(path), "/proc/%d/limits", f->program);
        assert_true(fd_read_text(AT_FDCWD, path, text, sizeof(text)) > 0);
        assert_non_null(strstr(text, "Max core file size        0 "));
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", f->program, NAMES_FD + 1); /* holds nothing but its socket */
        assert_int_equal(lstat(path, &st), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, names_rig_setup, names_rig_teardown)
int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_program_here),
                TEST(test_program_files),
                TEST(test_program_ends),
                TEST(test_program_has_no_way_up),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
