/* Reading cgroup files. Groups come and go while they are read: what vanishes half way was empty. */
#include "daemon/cgroupread.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include "common/fd.h"
#include "common/str.h"

#define PROCS_SIZE_MAX (64u << 20) /* 2^22 pids, the kernel's PID_MAX_LIMIT, of 8 bytes, and twice that */
#define IO_TEXT_MAX 65536 /* a line of about 100 bytes for each device */
#define DEPTH_MAX 128              /* of subgroups; each level holds a file descriptor */

typedef struct PidList {
        pid_t *pids;
        size_t n, room;
} PidList;

static int pid_list_add(PidList *l, pid_t pid) {
        if (l->n == l->room) {
                size_t room = l->room ? l->room * 2 : 64;
                pid_t *pids = reallocarray(l->pids, room, sizeof(*pids));
                if (!pids)
                        return -ENOMEM;
                l->pids = pids;
                l->room = room;
        }
        l->pids[l->n++] = pid;
        return 0;
}

static int pid_compare(const void *a, const void *b) {
        pid_t x = *(const pid_t *) a, y = *(const pid_t *) b;

        return (x > y) - (x < y);
}

/* The kernel promises neither order nor uniqueness, and a process may have moved to a subgroup between two reads. */
static void pid_list_unique(PidList *l) {
        size_t n = 0;

        if (l->n > 0)
                qsort(l->pids, l->n, sizeof(*l->pids), pid_compare);
        for (size_t i = 0; i < l->n; i++)
                if (n == 0 || l->pids[n - 1] != l->pids[i])
                        l->pids[n++] = l->pids[i];
        l->n = n;
}

/* Pids of one directory. 0 stands for a process of another pid namespace. */
static int read_procs(int dir, PidList *l) {
        _cleanup_free_ char *text = NULL;
        int r = fd_read_file(dir, "cgroup.procs", PROCS_SIZE_MAX, &text, NULL);

        if (r == -EOPNOTSUPP) /* a threaded group: its processes are listed in the group above that is their domain */
                return 0;
        if (r < 0)
                return r;
        for (char *p = text, *end; *p; p = end) {
                unsigned long pid = strtoul(p, &end, 10);
                if (end == p || *end != '\n' || pid > INT32_MAX)
                        return -EBADMSG;
                end++;
                if (pid > 0 && (r = pid_list_add(l, pid)) < 0)
                        return r;
        }
        return 0;
}

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

static int read_subgroups(int fd, PidList *l, unsigned depth);

/* Takes fd. */
static int read_group(int fd, PidList *l, bool recursive, unsigned depth) {
        _cleanup_close_ int dir = fd;
        int r = read_procs(dir, l);

        return r < 0 || !recursive ? r : read_subgroups(TAKE_FD(dir), l, depth);
}

static int read_subgroups(int fd, PidList *l, unsigned depth) {
        _cleanup_(closedirp) DIR *d = fdopendir(fd);
        struct dirent *e;

        if (!d) {
                int r = -errno;
                fd_close(fd);
                return r;
        }
        while (errno = 0, (e = readdir(d))) {
                if (e->d_type != DT_DIR || streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;
                if (depth == DEPTH_MAX)
                        return -ELOOP;
                int sub = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                int r = sub < 0 ? -errno : read_group(sub, l, true, depth + 1);
                if (r < 0 && r != -ENOENT && r != -ENODEV)
                        return r;
        }
        return -errno;
}

/* A directory fd of the group. */
static int open_group(const char *mount, const char *path) {
        _cleanup_free_ char *full = NULL;

        if (asprintf(&full, "%s/%s", mount, path) < 0)
                return -ENOMEM;
        int fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int cgroup_members(const char *mount, const char *path, bool recursive, pid_t **ret, size_t *ret_n) {
        PidList l = {};
        int fd = open_group(mount, path), r;

        if (fd < 0)
                return fd;
        r = read_group(fd, &l, recursive, 0);
        if (r < 0) {
                free(l.pids);
                return r == -ENODEV ? -ENOENT : r; /* removed after it was opened */
        }
        pid_list_unique(&l);
        *ret = l.pids;
        *ret_n = l.n;
        return 0;
}

/* The first pid of cgroup.procs, 0 = there is none. */
static int first_pid(int dir, pid_t *ret) {
        char text[32];
        ssize_t n = fd_read_text(dir, "cgroup.procs", text, sizeof(text));

        if (n < 0 && n != -EOPNOTSUPP)
                return n;
        *ret = n > 0 ? (pid_t) strtoul(text, NULL, 10) : 0;
        return 0;
}

/* Takes fd. */
static int first_below(int fd, unsigned depth, pid_t *ret) {
        _cleanup_(closedirp) DIR *d = NULL;
        struct dirent *e;
        int r = first_pid(fd, ret);

        if (r >= 0 && !*ret && !(d = fdopendir(fd)))
                r = -errno;
        if (!d) {
                close(fd);
                return r;
        }
        while (errno = 0, (e = readdir(d))) {
                if (e->d_type != DT_DIR || streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;
                if (depth == DEPTH_MAX)
                        return -ELOOP;
                int sub = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                r = sub < 0 ? -errno : first_below(sub, depth + 1, ret);
                if ((r < 0 && r != -ENOENT && r != -ENODEV) || *ret)
                        return r;
        }
        return -errno;
}

int cgroup_some_member(const char *mount, const char *path, pid_t *ret) {
        pid_t pid = 0;
        int fd = open_group(mount, path), r = fd < 0 ? fd : first_below(fd, 0, &pid);

        if (r < 0)
                return r == -ENODEV ? -ENOENT : r;
        *ret = pid;
        return 0;
}

/* The number behind `key` at the start of a line of `file` (key "": the file is one number). */
static int read_number(const char *mount, const char *path, const char *file, const char *key, uint64_t *ret) {
        _cleanup_close_ int dir = open_group(mount, path);
        char text[4096];
        const char *line = text;

        if (dir < 0)
                return dir;
        ssize_t n = fd_read_text(dir, file, text, sizeof(text));
        if (n < 0)
                return n == -ENODEV ? -ENOENT : n;
        while (!startswith(line, key)) {
                line = strchr(line, '\n');
                if (!line)
                        return -ENOENT;
                line++;
        }
        line += strlen(key);
        text[line - text + strcspn(line, "\n")] = '\0';
        return str_to_u64(line, ret);
}

int cgroup_cpu_usec(const char *mount, const char *path, unsigned version, uint64_t *ret) {
        uint64_t nsec;

        if (version == 2)
                return read_number(mount, path, "cpu.stat", "usage_usec ", ret);
        int r = read_number(mount, path, "cpuacct.usage", "", &nsec);
        if (r >= 0)
                *ret = nsec / 1000;
        return r;
}

int cgroup_memory_bytes(const char *mount, const char *path, unsigned version, uint64_t *ret) {
        return read_number(mount, path, version == 2 ? "memory.current" : "memory.usage_in_bytes", "", ret);
}

int cgroup_tasks(const char *mount, const char *path, uint64_t *ret) {
        return read_number(mount, path, "pids.current", "", ret);
}

/* What stands behind each `key` in the text, added up. */
static uint64_t sum_behind(const char *text, const char *key) {
        uint64_t sum = 0;

        for (const char *p = text; (p = strstr(p, key)); ) {
                p += strlen(key);
                sum += strtoull(p, NULL, 10);
        }
        return sum;
}

int cgroup_io_bytes(const char *mount, const char *path, unsigned version, uint64_t *ret_read, uint64_t *ret_written) {
        static const char *const v1[] = { "blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes" };
        _cleanup_close_ int dir = open_group(mount, path);
        _cleanup_free_ char *text = malloc(IO_TEXT_MAX);
        ssize_t n;

        if (dir < 0 || !text)
                return dir < 0 ? dir : -ENOMEM;
        n = fd_read_text(dir, version == 2 ? "io.stat" : v1[0], text, IO_TEXT_MAX);
        if (n == -ENOENT && version == 1)
                n = fd_read_text(dir, v1[1], text, IO_TEXT_MAX);
        if (n < 0)
                return n == -ENODEV ? -ENOENT : n;
        *ret_read = sum_behind(text, version == 2 ? " rbytes=" : " Read ");
        *ret_written = sum_behind(text, version == 2 ? " wbytes=" : " Write ");
        return 0;
}

int cgroup_populated(const char *mount, const char *path, bool *ret) {
        uint64_t n;
        int r = read_number(mount, path, "cgroup.events", "populated ", &n);

        if (r >= 0)
                *ret = n > 0;
        return r;
}

/* Letters of systemd's unit names and its suffixes for units that have processes of their own. */
static bool is_unit_name(const char *s) {
        static const char *const suffixes[] = { ".service", ".scope", ".mount", ".socket", ".swap" };

        for (const char *p = s; *p; p++)
                if (!isalnum((unsigned char) *p) && !strchr(":-_.\\@", *p))
                        return false;
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                const char *end = endswith(s, suffixes[i]);
                if (end)
                        return end > s && *s != '@';
        }
        return false;
}

/* A component of only a suffix is no slice. */
static bool is_slice(const char *s, size_t n) {
        static const char suffix[] = ".slice";
        size_t m = sizeof(suffix) - 1;

        return n > m && strncmp(s + n - m, suffix, m) == 0;
}

int cgroup_path_unit(const char *path, char **ret) {
        size_t n;

        for (;; path += n) {
                path += strspn(path, "/");
                n = strcspn(path, "/");
                if (!is_slice(path, n))
                        break;
        }
        if (*path == '_') { /* how systemd keeps a unit's directory apart from a file of the kernel's */
                path++;
                n--;
        }
        _cleanup_free_ char *name = strndup(path, n);
        if (!name)
                return -ENOMEM;
        if (!is_unit_name(name))
                return -ENOENT;
        *ret = TAKE_PTR(name);
        return 0;
}
