/* The exe reader. A path alone proves nothing: in a mount namespace of one's own anything can be called /usr/bin/sshd. So a path
 * counts if the process lives in the host's mount namespace, or if the host has the very same file (device, inode) under it. */
#include "broker/exereader.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/sandbox.h"
#include "broker/spawn.h"
#include "common/channel.h"
#include "common/fd.h"
#include "common/log.h"

#define DELETED " (deleted)"
#define CAP_SYS_PTRACE_NUMBER 19
#define READER_FD 3

static int read_link(int dirfd, const char *name, char *buf, size_t size) {
        ssize_t n = readlinkat(dirfd, name, buf, size - 1);

        if (n < 0)
                return -errno;
        if ((size_t) n >= size - 1)
                return -ENAMETOOLONG;
        buf[n] = '\0';
        return 0;
}

int exereader_host(ExeHost *ret) {
        int r = read_link(AT_FDCWD, "/proc/self/ns/mnt", ret->own, sizeof(ret->own));

        /* The service may have been put into a namespace of its own; what pid 1 sees is the host all the same. */
        if (read_link(AT_FDCWD, "/proc/1/ns/mnt", ret->init, sizeof(ret->init)) < 0)
                ret->init[0] = '\0';
        return r;
}

static bool is_host_namespace(const ExeHost *host, int dirfd) {
        char ns[64];

        return read_link(dirfd, "ns/mnt", ns, sizeof(ns)) >= 0 && (streq(ns, host->own) || streq(ns, host->init));
}

/* A file of the host's: its name, without the mark that the kernel puts behind an unlinked one (a file may really be named so). */
static void cut_deleted(char *path, const struct stat *st) {
        const char *mark = endswith(path, DELETED);

        if (mark && st->st_nlink == 0)
                path[mark - path] = '\0';
}

static int check_path(const ExeHost *host, int dirfd, char *path) {
        struct stat there, here;

        if (fstatat(dirfd, "exe", &there, 0) < 0)
                return -errno;
        if (is_host_namespace(host, dirfd)) {
                cut_deleted(path, &there);
                return 0;
        }
        if (path[0] != '/' || fstatat(AT_FDCWD, path, &here, 0) < 0 || here.st_dev != there.st_dev || here.st_ino != there.st_ino)
                return -EREMOTE;
        return 0;
}

void exereader_answer(const ExeHost *host, int dirfd, WireExeReply *ret) {
        uint32_t pid = ret->pid;

        *ret = (WireExeReply) { .pid = pid };
        int r = read_link(dirfd, "exe", ret->path, sizeof(ret->path));
        if (r >= 0)
                r = check_path(host, dirfd, ret->path);
        if (r < 0) {
                memset(ret->path, 0, sizeof(ret->path));
                ret->error = r == -ESRCH ? -ENOENT : r;
        }
}

bool exereader_serve_one(const ExeHost *host, int channel) {
        _Alignas(8) char buf[WIRE_SIZE_MAX];
        WireExeReply answers[WIRE_EXE_BATCH] = {};
        int fds[WIRE_EXE_BATCH];
        size_t n_fds = ELEMENTSOF(fds);
        const WireHeader *h;
        const void *items;
        ssize_t n = channel_receive(channel, buf, &h, &items, fds, &n_fds);

        if (n <= 0)
                return false;
        bool ok = h->op == WIRE_EXE && h->count == n_fds;
        for (size_t i = 0; ok && i < n_fds; i++) {
                answers[i].pid = ((const WireExe *) items)[i].pid;
                exereader_answer(host, fds[i], &answers[i]);
        }
        uint32_t seq = h->seq;
        for (size_t i = 0; i < n_fds; i++)
                fd_close(fds[i]);
        return ok && channel_send(channel, WIRE_EXE | WIRE_REPLY, seq, answers, n_fds, NULL, 0) >= 0;
}

static int become_reader(uid_t uid, gid_t gid, int channel, pid_t parent, ExeHost *host) {
        int r = sandbox_become_user(uid, gid, CAP_SYS_PTRACE_NUMBER);

        if (r < 0)
                return r;
        if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        if (getppid() != parent)
                return -ESRCH;
        if (prctl(PR_SET_NAME, "pclass-exe") < 0)
                return -errno;
        r = spawn_arrange_fds(&channel, 1);
        /* It waits in receive: the other side's end alone is not blocking. */
        if (r >= 0 && fcntl(READER_FD, F_SETFL, 0) < 0)
                r = -errno;
        if (r >= 0)
                r = exereader_host(host);
        return r < 0 ? r : sandbox_filter_reader();
}

pid_t exereader_spawn(uid_t uid, gid_t gid, int *ret_fd) {
        int pair[2];
        pid_t parent = getpid();
        int r = channel_pair(4, pair);

        if (r < 0)
                return r;
        pid_t pid = fork();
        if (pid == 0) {
                ExeHost host;
                r = become_reader(uid, gid, pair[1], parent, &host);
                if (r < 0) {
                        log_error_errno(r, "the exe reader cannot start");
                        _exit(EXIT_FAILURE);
                }
                while (exereader_serve_one(&host, READER_FD))
                        ;
                _exit(EXIT_SUCCESS);
        }
        int e = errno;
        close(pair[1]);
        if (pid < 0) {
                close(pair[0]);
                return -e;
        }
        *ret_fd = pair[0];
        return pid;
}
