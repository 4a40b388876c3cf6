/* File descriptor helpers. */
#include "common/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

int fd_read_all(int fd, size_t max, char **ret, size_t *ret_size) {
        _cleanup_free_ char *buf = NULL;
        size_t size = 0, room = 0;

        for (;;) {
                if (room - size < 4096) {
                        room = room ? room * 2 : 8192;
                        char *b = realloc(buf, room + 1);
                        if (!b)
                                return -ENOMEM;
                        buf = b;
                }
                ssize_t n = read(fd, buf + size, room - size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += n;
                if (size > max)
                        return -EFBIG;
        }
        buf[size] = '\0';
        if (ret_size)
                *ret_size = size;
        *ret = TAKE_PTR(buf);
        return 0;
}

int fd_read_file(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        return fd < 0 ? -errno : fd_read_all(fd, max, ret, ret_size);
}

ssize_t fd_read_text(int dirfd, const char *path, char *buf, size_t size) {
        _cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        size_t have = 0;

        if (fd < 0)
                return -errno;
        while (have < size - 1) {
                ssize_t n = read(fd, buf + have, size - 1 - have);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                have += n;
        }
        buf[have] = '\0';
        return have;
}

int fd_write_all(int fd, const void *data, size_t size) {
        const char *p = data;

        while (size > 0) {
                ssize_t n = write(fd, p, size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                p += n;
                size -= n;
        }
        return 0;
}

#define NEW_NAME_SIZE 256

static void new_name(const char *name, char buf[static NEW_NAME_SIZE]) {
        snprintf(buf, NEW_NAME_SIZE, ".%s.new", name);
}

int fd_write_new(int dirfd, const char *name, const void *data, size_t size, mode_t mode, bool sync) {
        char tmp[NEW_NAME_SIZE];

        new_name(name, tmp);
        _cleanup_close_ int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        int r = fd_write_all(fd, data, size);
        if (r >= 0 && sync && fsync(fd) < 0)
                r = -errno;
        if (r < 0)
                (void) unlinkat(dirfd, tmp, 0);
        return r;
}

int fd_take_new(int dirfd, const char *name, bool sync) {
        char tmp[NEW_NAME_SIZE];

        new_name(name, tmp);
        /* The rename itself must be on disk too. dirfd may be an O_PATH one, so it is opened anew: before, for with an error all is to be as it was. */
        _cleanup_close_ int d = sync ? openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;
        if ((sync && d < 0) || renameat(dirfd, tmp, dirfd, name) < 0) {
                int r = -errno;
                (void) unlinkat(dirfd, tmp, 0);
                return r;
        }
        return sync && fsync(d) < 0 ? -errno : 0;
}

int fd_replace_file(int dirfd, const char *name, const void *data, size_t size, mode_t mode) {
        int r = fd_write_new(dirfd, name, data, size, mode, true);

        return r < 0 ? r : fd_take_new(dirfd, name, true);
}

int fd_replace_file_unsynced(int dirfd, const char *name, const void *data, size_t size, mode_t mode) {
        int r = fd_write_new(dirfd, name, data, size, mode, false);

        return r < 0 ? r : fd_take_new(dirfd, name, false);
}
