/* Writing to cgroup file systems. */
#include "broker/cgroupfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/str.h"

#define CGROUP_PATH_MAX 4096

static int open_beneath(int mount_fd, const char *path, int flags) {
        struct open_how how = {
                .flags = flags | O_CLOEXEC | O_NOFOLLOW,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
        };

        while (*path == '/')
                path++;
        int fd = syscall(SYS_openat2, mount_fd, *path ? path : ".", &how, sizeof(how));
        return fd < 0 ? -errno : fd;
}

int cgroupfs_open(int mount_fd, const char *path, const char *file, int flags) {
        char whole[CGROUP_PATH_MAX];

        if (!file)
                return open_beneath(mount_fd, path, flags | O_DIRECTORY);
        if (strchr(file, '/'))
                return -EINVAL;
        if ((size_t) snprintf(whole, sizeof(whole), "%s/%s", path, file) >= sizeof(whole))
                return -ENAMETOOLONG;
        return open_beneath(mount_fd, whole, flags);
}

/* Opens the parent directory of `path` and says what the last component is. */
static int open_parent(int mount_fd, const char *path, const char **ret_name) {
        char parent[CGROUP_PATH_MAX];
        const char *slash = strrchr(path, '/');

        if (!slash || !slash[1])
                return -EINVAL;
        if ((size_t) (slash - path) >= sizeof(parent))
                return -ENAMETOOLONG;
        memcpy(parent, path, slash - path);
        parent[slash - path] = '\0';
        *ret_name = slash + 1;
        return open_beneath(mount_fd, parent, O_PATH | O_DIRECTORY);
}

static int make_directory(int mount_fd, const char *path, mode_t mode) {
        const char *name;
        _cleanup_close_ int fd = open_parent(mount_fd, path, &name);

        if (fd < 0)
                return fd;
        if (mkdirat(fd, name, mode) == 0)
                return 0;
        if (errno != EEXIST)
                return -errno;
        struct stat st;
        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? 1 : -ENOTDIR;
}

int cgroupfs_mkdir(int mount_fd, const char *path) {
        return make_directory(mount_fd, path, 0755);
}

int cgroupfs_mkdir_marked(int mount_fd, const char *path) {
        return make_directory(mount_fd, path, 0755 | S_ISVTX);
}

int cgroupfs_is_marked(int mount_fd, const char *path) {
        _cleanup_close_ int fd = open_beneath(mount_fd, path, O_PATH | O_DIRECTORY);
        struct stat st;

        if (fd < 0)
                return fd;
        return fstat(fd, &st) < 0 ? -errno : (st.st_mode & S_ISVTX) != 0;
}

int cgroupfs_mkdir_parents(int mount_fd, const char *path, size_t from) {
        char part[CGROUP_PATH_MAX];
        int r = 1;

        for (size_t n = from + strspn(path + from, "/"); path[n];) {
                n += strcspn(path + n, "/");
                if (n >= sizeof(part))
                        return -ENAMETOOLONG;
                memcpy(part, path, n);
                part[n] = '\0';
                r = cgroupfs_mkdir(mount_fd, part);
                if (r < 0)
                        return r;
                n += strspn(path + n, "/");
        }
        return r;
}

int cgroupfs_rmdir(int mount_fd, const char *path) {
        const char *name;
        _cleanup_close_ int fd = open_parent(mount_fd, path, &name);

        if (fd < 0)
                return fd;
        return unlinkat(fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int cgroupfs_inode(int mount_fd, const char *path, uint64_t *ret) {
        _cleanup_close_ int fd = open_beneath(mount_fd, path, O_PATH | O_DIRECTORY);
        struct stat st;

        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        *ret = st.st_ino;
        return 0;
}

int cgroupfs_list(int mount_fd, const char *path, char ***ret) {
        int fd = open_beneath(mount_fd, path, O_RDONLY | O_DIRECTORY), r = 0;
        _cleanup_strv_ char **names = NULL;
        struct dirent *entry;

        if (fd < 0)
                return fd;
        DIR *d = fdopendir(fd);
        if (!d) {
                r = -errno;
                close(fd);
                return r;
        }
        while (r >= 0 && (entry = readdir(d)))
                if (entry->d_type == DT_DIR && !streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
                        r = strv_append(&names, entry->d_name);
        closedir(d);
        if (r >= 0)
                *ret = TAKE_PTR(names);
        return r;
}

ssize_t cgroupfs_read(int mount_fd, const char *path, const char *file, char *buf, size_t size) {
        _cleanup_close_ int fd = cgroupfs_open(mount_fd, path, file, O_RDONLY);
        ssize_t n;

        if (fd < 0)
                return fd;
        do
                n = read(fd, buf, size - 1);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        while (n > 0 && buf[n - 1] == '\n')
                n--;
        buf[n] = '\0';
        return n;
}

int cgroupfs_write(int mount_fd, const char *path, const char *file, const char *text) {
        _cleanup_close_ int fd = cgroupfs_open(mount_fd, path, file, O_WRONLY);

        /* The newline makes an empty value a write at all: a write of no bytes never reaches the kernel's handler. */
        char line[CGROUP_PATH_MAX];
        int n = snprintf(line, sizeof(line), "%s\n", text);

        if (fd < 0)
                return fd;
        if ((size_t) n >= sizeof(line))
                return -EINVAL;
        return fd_write_all(fd, line, n);
}

int cgroupfs_move(int procs_fd, pid_t pid) {
        char text[16];
        int n = snprintf(text, sizeof(text), "%d\n", pid);

        return pid > 0 ? fd_write_all(procs_fd, text, n) : -EINVAL; /* 0 would move the writer */
}

int cgroupfs_each_member(int mount_fd, const char *path, int (*callback)(pid_t pid, void *userdata), void *userdata) {
        _cleanup_close_ int fd = cgroupfs_open(mount_fd, path, "cgroup.procs", O_RDONLY);
        FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
        int pid, r = 0;

        if (!f)
                return fd < 0 ? fd : -errno;
        TAKE_FD(fd);
        while (r >= 0 && fscanf(f, "%d", &pid) == 1)
                r = callback(pid, userdata);
        fclose(f);
        return MIN(r, 0);
}

int cgroupfs_is_empty(int mount_fd, const char *path) {
        char text[16];
        ssize_t n = cgroupfs_read(mount_fd, path, "cgroup.procs", text, sizeof(text));

        return n < 0 ? n : n == 0;
}

bool cgroupfs_has_word(const char *list, const char *word) {
        for (size_t n; *list; list += n + strspn(list + n, ", \n")) {
                n = strcspn(list, ", \n");
                if (n == strlen(word) && memcmp(list, word, n) == 0)
                        return true;
                if (n == 0 && !strspn(list, ", \n"))
                        break;
        }
        return false;
}

static int enable_here(int mount_fd, const char *path, const char *controller) {
        char text[1024], change[80];
        ssize_t n = cgroupfs_read(mount_fd, path, "cgroup.subtree_control", text, sizeof(text));

        if (n < 0)
                return n;
        if (cgroupfs_has_word(text, controller))
                return 0;
        snprintf(change, sizeof(change), "+%s", controller);
        return cgroupfs_write(mount_fd, path, "cgroup.subtree_control", change);
}

int cgroupfs_enable(int mount_fd, const char *path, const char *controller) {
        char part[CGROUP_PATH_MAX];
        int r = enable_here(mount_fd, "/", controller);

        for (size_t n = strspn(path, "/"); r >= 0 && path[n]; n += strspn(path + n, "/")) {
                n += strcspn(path + n, "/");
                if (n >= sizeof(part))
                        return -ENAMETOOLONG;
                memcpy(part, path, n);
                part[n] = '\0';
                r = enable_here(mount_fd, part, controller);
        }
        return r;
}

int cgroupfs_inherit_cpuset(int mount_fd, const char *path) {
        static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
        char parent[CGROUP_PATH_MAX], have[1024], value[1024];
        const char *slash = strrchr(path, '/');

        if (!slash || (size_t) (slash - path) >= sizeof(parent))
                return -EINVAL;
        memcpy(parent, path, slash - path);
        parent[slash - path] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                ssize_t n = cgroupfs_read(mount_fd, path, files[i], have, sizeof(have));
                if (n == 0)
                        n = cgroupfs_read(mount_fd, parent, files[i], value, sizeof(value));
                else if (n > 0)
                        continue;
                if (n >= 0)
                        n = cgroupfs_write(mount_fd, path, files[i], value);
                if (n < 0)
                        return n;
        }
        return 0;
}
