/* The rig for tests of a real broker. */
#include "tests/unit/test.h"

#include "tests/unit/brokerrig.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"

#define WAIT_MS 20000

/* ---- as listener or names helper ------------------------------------------------------------------------------------------------- */

static int count_open_fds(void) {
        int n = 0;

        for (int fd = 3; fd < 64; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

static void send_channel(int socket, int channel, int n_fds) {
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec iov = { &n_fds, sizeof(n_fds) };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &channel, sizeof(int));
        if (sendmsg(socket, &m, 0) < 0)
                _exit(97);
}

static void be_listener(int argc, char **argv) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const char *state = NULL;
        int n_fds = count_open_fds();

        for (int i = 1; i < argc; i++)
                if (startswith(argv[i], "--state-dir="))
                        state = startswith(argv[i], "--state-dir=");
        if (!state)
                _exit(99);
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/report", state);
        int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (connect(s, (struct sockaddr *) &address, sizeof(address)) < 0)
                _exit(98);
        send_channel(s, 3, n_fds);
        close(3);
        unsigned char status = 0; /* one byte: the status to end with; end of file: 0 */
        ssize_t n = recv(s, &status, 1, 0);
        _exit(n == 1 ? status : 0);
}

static void be_names(void) {
        char byte;

        for (;;) {
                struct pollfd p = { .fd = 3, .events = POLLIN };
                ssize_t n = recv(3, &byte, 1, 0);
                if (n == 0 || (n < 0 && errno != EAGAIN))
                        break;
                poll(&p, 1, -1);
        }
        _exit(0);
}

/* The service's user where the machine has none: a line more in a passwd file of our own mount namespace. */
static void provide_user(void) {
        char file[] = "/tmp/pclass-passwd-XXXXXX";
        _cleanup_free_ char *text = NULL;
        size_t size;

        if (getpwnam(PCLASS_USER))
                return;
        assert_int_equal(unshare(CLONE_NEWNS), 0);
        assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        assert_int_equal(fd_read_file(AT_FDCWD, "/etc/passwd", 1 << 20, &text, &size), 0);
        int fd = mkstemp(file);
        assert_true(fd >= 0);
        assert_int_equal(fchmod(fd, 0644), 0);
        assert_int_equal(fd_write_all(fd, text, size), 0);
        const char line[] = PCLASS_USER ":x:64999:64999::/nonexistent:/usr/sbin/nologin\n";
        assert_int_equal(fd_write_all(fd, line, strlen(line)), 0);
        close(fd);
        assert_int_equal(mount(file, "/etc/passwd", NULL, MS_BIND, NULL), 0);
        assert_int_equal(unlink(file), 0);
}

void rig_main(int argc, char **argv) {
        const char *slash = strrchr(argv[0], '/');

        if (streq(slash ? slash + 1 : argv[0], "listener"))
                be_listener(argc, argv);
        if (streq(slash ? slash + 1 : argv[0], "names") || streq(slash ? slash + 1 : argv[0], "cmdline"))
                be_names();
}

/* ---- fixtures ---------------------------------------------------------------------------------------------------------------------- */

static void write_file(const Rig *g, const char *name, const char *text) {
        char path[256];

        snprintf(path, sizeof(path), "%s/%s", g->dir, name);
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        fputs(text, f);
        assert_int_equal(fclose(f), 0);
}

void rig_write_config(Rig *g, const char *more, const char *classes) {
        char text[2048];

        snprintf(text, sizeof(text),
                 "[pclass]\nMode=enforce\nClassRoot=%s\nClassDirs=%s/classes.d\nRuleDirs=%s/rules.d\nStateDir=%s/state\nRuntimeDir=%s/run\n%s",
                 g->root, g->dir, g->dir, g->dir, g->dir, more);
        write_file(g, "pclass.conf", text);
        write_file(g, "classes.d/test.conf", classes);
}

static void listen_for_reports(Rig *g) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const struct passwd *pw = getpwnam(PCLASS_USER);

        assert_non_null(pw);
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/state/report", g->dir);
        g->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(g->listen_fd, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(chmod(address.sun_path, 0777), 0);
        assert_int_equal(listen(g->listen_fd, 4), 0);
        char state[64];
        snprintf(state, sizeof(state), "%s/state", g->dir);
        assert_int_equal(chown(state, pw->pw_uid, pw->pw_gid), 0);
}

int rig_setup(void **state) {
        static const char *const dirs[] = { "classes.d", "rules.d", "state", "run", "bin" };
        Rig *g = calloc(1, sizeof(*g));
        char self[256] = "", link[700];

        assert_int_equal(geteuid(), 0); /* this suite needs root; it does not pass by not running */
        provide_user();
        strcpy(g->dir, "/tmp/pclass-rig-XXXXXX");
        assert_non_null(mkdtemp(g->dir));
        assert_int_equal(chmod(g->dir, 0755), 0);
        for (size_t i = 0; i < ELEMENTSOF(dirs); i++) {
                snprintf(link, sizeof(link), "%s/%s", g->dir, dirs[i]);
                assert_int_equal(mkdir(link, 0755), 0);
        }
        /* Copies, not links: the build directory may be closed to the service's user. */
        assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
        snprintf(link, sizeof(link), "cd '%s/bin' && cp -- '%s' listener && cp listener names && cp listener cmdline", g->dir, self);
        assert_int_equal(system(link), 0);
        snprintf(g->root, sizeof(g->root), "/pclass-test-%d", getpid());
        g->listener = g->channel = g->exe = -EBADF;
        listen_for_reports(g);
        *state = g;
        return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static int remove_cgroup(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return type == FTW_DP ? rmdir(path) : 0; /* a cgroup's files go with it */
}

/* The machine's hierarchies, as /proc/self/mountinfo has them. */
static int remove_cgroups(const Rig *g, const char *name) {
        _cleanup_free_ char *text = NULL;
        char *save, path[512];
        int r = 0;

        assert_int_equal(fd_read_file(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, &text, NULL), 0);
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char point[256];
                if (!strstr(line, " - cgroup") || sscanf(line, "%*d %*d %*s %*s %255s", point) != 1)
                        continue;
                snprintf(path, sizeof(path), "%s/%s", point, name);
                if (access(path, F_OK) == 0 && nftw(path, remove_cgroup, 16, FTW_DEPTH | FTW_PHYS) != 0)
                        r = -1;
        }
        return r;
}

int rig_teardown(void **state) {
        Rig *g = *state;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(g->children); i++)
                if (g->children[i] > 0)
                        rig_kill(g, g->children[i]);
        if (g->broker > 0) {
                kill(g->broker, SIGKILL);
                waitpid(g->broker, NULL, 0);
        }
        fd_close(g->listener);
        fd_close(g->channel);
        fd_close(g->exe);
        fd_close(g->listen_fd);
        char allowed[80];
        snprintf(allowed, sizeof(allowed), "%s-allowed", g->root); /* where some tests allow places outside the class root */
        r = remove_cgroups(g, g->root) | remove_cgroups(g, allowed);
        nftw(g->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(g);
        return r;
}

/* ---- the broker ---------------------------------------------------------------------------------------------------------------------- */

void rig_spawn(Rig *g, const char *option) {
        char config[64], listener[64], names[64], cmdline[64];

        snprintf(config, sizeof(config), "--config=%s/pclass.conf", g->dir);
        snprintf(listener, sizeof(listener), "--listener=%s/bin/listener", g->dir);
        snprintf(names, sizeof(names), "--names=%s/bin/names", g->dir);
        snprintf(cmdline, sizeof(cmdline), "--cmdline=%s/bin/cmdline", g->dir);
        pid_t parent = getpid();
        g->broker = fork();
        assert_true(g->broker >= 0);
        if (g->broker == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                /* A sanitizer's look for leaks at the end needs system calls that the broker's filter ends it for. */
                setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
                if (getppid() == parent)
                        execl(PCLASS_BROKER_PROGRAM, "pclass-broker", config, listener, names, cmdline, option, NULL);
                _exit(127);
        }
}

/* Waits until something can be read; false when the broker ends first. */
static bool await(Rig *g, int fd) {
        _cleanup_close_ int broker = (int) syscall(SYS_pidfd_open, g->broker, 0);
        struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = broker, .events = POLLIN } };

        assert_true(broker >= 0);
        assert_true(poll(p, ELEMENTSOF(p), WAIT_MS) > 0);
        return p[0].revents & POLLIN;
}

static bool accept_listener(Rig *g) {
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec iov = { &g->n_listener_fds, sizeof(int) };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };

        if (!await(g, g->listen_fd))
                return false;
        fd_close(g->listener);
        g->listener = accept4(g->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (recvmsg(g->listener, &m, MSG_CMSG_CLOEXEC) <= 0) /* it has ended with the broker */
                return false;
        const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        assert_non_null(c);
        if (!c)
                return false;
        fd_close(g->channel);
        memcpy(&g->channel, CMSG_DATA(c), sizeof(int));
        return true;
}

/* NULL when the broker has closed the channel. */
static const WireHeader *receive(Rig *g, const void **ret_items) {
        struct pollfd p = { .fd = g->channel, .events = POLLIN };
        const WireHeader *h;
        size_t n_fds = 1;
        int fd = -EBADF;

        assert_int_equal(poll(&p, 1, WAIT_MS), 1);
        if (channel_receive(g->channel, g->buffer, &h, ret_items, &fd, &n_fds) <= 0)
                return NULL;
        if (n_fds > 0) {
                fd_close(g->exe);
                g->exe = fd;
        }
        return h;
}

#define NOTE(array, n) \
        for (size_t i = 0; i < h->count; i++) { assert_true((n) < ELEMENTSOF(array)); memcpy(&(array)[(n)++], items + i * size, size); }

static void note_announced(Rig *g, const WireHeader *h, const char *items) {
        size_t size = wire_item_size(h->op);

        assert_int_equal(h->seq, 0);
        switch (h->op) {
        case WIRE_HIERARCHY:
                NOTE(g->hierarchies, g->n_hierarchies);
                break;
        case WIRE_SIGNAL:
                g->n_signals += h->count;
                break;
        case WIRE_ROOT:
                NOTE(g->roots, g->n_roots);
                break;
        case WIRE_CLASS:
                NOTE(g->classes, g->n_classes);
                break;
        case WIRE_CLASS_NOTE:
                NOTE(g->notes, g->n_notes);
                break;
        case WIRE_ORIGIN:
                NOTE(g->places, g->n_places);
                break;
        case WIRE_MEMBER:
                NOTE(g->members, g->n_members);
                break;
        default:
                assert_int_equal(h->op, WIRE_READY);
        }
}

void rig_start(Rig *g, const char *option, bool needs_exe) {
        rig_spawn(g, option);
        rig_greet(g, needs_exe);
}

void rig_greet(Rig *g, bool needs_exe) {
        assert_true(rig_try_greet(g, needs_exe));
}

bool rig_try_greet(Rig *g, bool needs_exe) {
        const WireHello hello = { WIRE_VERSION, needs_exe };
        const WireHeader *h;
        const void *items;

        g->n_hierarchies = g->n_classes = g->n_notes = g->n_places = g->n_members = g->n_roots = 0;
        if (!accept_listener(g) || channel_send(g->channel, WIRE_HELLO, ++g->seq, &hello, 1, NULL, 0) < 0 || !(h = receive(g, &items)))
                return false;
        assert_int_equal(h->op, WIRE_HELLO | WIRE_REPLY);
        assert_int_equal(h->seq, g->seq);
        memcpy(&g->hello, items, sizeof(g->hello));
        do {
                h = receive(g, &items);
                if (!h)
                        return false;
                note_announced(g, h, items);
        } while (h->op != WIRE_READY);
        return true;
}

void rig_ask(Rig *g, unsigned op, const void *item, void *answer) {
        assert_true(rig_try_ask(g, op, item, answer));
}

bool rig_try_ask(Rig *g, unsigned op, const void *item, void *answer) {
        const WireHeader *h;
        const void *items;

        if (channel_send(g->channel, op, ++g->seq, item, 1, NULL, 0) < 0)
                return false;
        while ((h = receive(g, &items)) && h->seq == 0)
                note_announced(g, h, items);
        if (!h)
                return false;
        assert_int_equal(h->op, op | WIRE_REPLY);
        assert_int_equal(h->seq, g->seq);
        assert_int_equal(h->count, 1);
        memcpy(answer, items, wire_item_size(h->op));
        return true;
}

int rig_wait(Rig *g) {
        int status;

        alarm(WAIT_MS / 1000); /* a broker that hangs fails the test program */
        assert_int_equal(waitpid(g->broker, &status, 0), g->broker);
        alarm(0);
        g->broker = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void rig_stop(Rig *g) {
        g->listener = fd_close(g->listener);
        kill(g->broker, SIGTERM);
        assert_int_equal(rig_wait(g), 0);
        g->channel = fd_close(g->channel);
        g->exe = fd_close(g->exe);
}

/* ---- looking -------------------------------------------------------------------------------------------------------------------------- */

const WireClass *rig_class(const Rig *g, const char *name) {
        for (size_t i = 0; i < g->n_classes; i++)
                if (streq(g->classes[i].name, name))
                        return &g->classes[i];
        return NULL;
}

/* By one controller ("cpu"), or "" for cgroup2. */
unsigned rig_hierarchy(const Rig *g, const char *controller) {
        for (size_t i = 0; i < g->n_hierarchies; i++) {
                const WireHierarchy *h = &g->hierarchies[i];
                char list[300], word[80];
                snprintf(list, sizeof(list), ",%s,", h->controllers);
                snprintf(word, sizeof(word), ",%s,", controller);
                if (*controller ? h->version == 1 && strstr(list, word) : h->version == 2)
                        return i;
        }
        fail_msg("no hierarchy \"%s\" here", controller);
        return 0;
}

const char *rig_place(const Rig *g, uint32_t place, unsigned hierarchy) {
        for (size_t i = 0; i < g->n_places; i++)
                if (g->places[i].place == place && g->places[i].hierarchy == hierarchy)
                        return g->places[i].path;
        return NULL;
}

const WireClassNote *rig_note(const Rig *g, const char *class, const char *property) {
        const WireClass *c = rig_class(g, class);

        for (size_t i = 0; c && i < g->n_notes; i++)
                if (g->notes[i].class_index == c->index && streq(g->notes[i].property, property))
                        return &g->notes[i];
        return NULL;
}

/* Programs of this rig are known by the path of their file. */
unsigned rig_members(const Rig *g) {
        unsigned n = 0;
        DIR *d = opendir("/proc");

        assert_non_null(d);
        for (struct dirent *e; (e = readdir(d));) {
                char path[300], exe[300] = "";
                snprintf(path, sizeof(path), "/proc/%.16s/exe", e->d_name);
                if (readlink(path, exe, sizeof(exe) - 1) > 0 && startswith(exe, g->dir))
                        n++;
        }
        closedir(d);
        return n;
}

pid_t rig_child(Rig *g) {
        pid_t parent = getpid(), pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                while (getppid() == parent)
                        pause();
                _exit(0);
        }
        rig_adopt(g, pid);
        return pid;
}

void rig_adopt(Rig *g, pid_t pid) {
        size_t i = 0;

        while (i < ELEMENTSOF(g->children) && g->children[i])
                i++;
        assert_true(i < ELEMENTSOF(g->children));
        g->children[i] = pid;
}

void rig_kill(Rig *g, pid_t pid) {
        for (size_t i = 0; i < ELEMENTSOF(g->children); i++)
                if (g->children[i] == pid)
                        g->children[i] = 0;
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

const char *rig_where(const Rig *g, pid_t pid, unsigned hierarchy) {
        static char text[8192];
        const WireHierarchy *h = &g->hierarchies[hierarchy];
        char path[64], *save;

        snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
        if (fd_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
                return "";
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *controllers = strchr(line, ':') + 1, *at = strchr(controllers, ':');
                *at = '\0';
                if (streq(controllers, h->version == 2 ? "" : h->controllers))
                        return at + 1;
        }
        return "";
}

static void class_file(const Rig *g, unsigned hierarchy, const char *below_root, const char *file, char *buf, size_t size) {
        const WireHierarchy *h = &g->hierarchies[hierarchy];

        snprintf(buf, size, "%s%s/%s/%s", h->mount, h->root, below_root, file);
}

const char *rig_read(const Rig *g, unsigned hierarchy, const char *below_root, const char *file) {
        static char text[4096];
        char path[4096];

        class_file(g, hierarchy, below_root, file, path, sizeof(path));
        if (fd_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
                return "";
        text[strcspn(text, "\n")] = '\0';
        return text;
}

bool rig_exists(const Rig *g, unsigned hierarchy, const char *below_root) {
        char path[4096];

        class_file(g, hierarchy, below_root, "cgroup.procs", path, sizeof(path));
        return access(path, F_OK) == 0;
}

const char *rig_status(pid_t pid, const char *key) {
        static char text[4096];
        char path[64], wanted[64], *save;

        snprintf(path, sizeof(path), "/proc/%d/status", pid);
        snprintf(wanted, sizeof(wanted), "%s:\t", key);
        if (fd_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
                return "";
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                if (startswith(line, wanted))
                        return startswith(line, wanted);
        return "";
}
