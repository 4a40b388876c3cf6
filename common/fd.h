/* File descriptors that close themselves, and whole-file reads and writes. */
#pragma once
#include <sys/types.h>
#include <unistd.h>
#include "common/macro.h"

/* Closes fd if it is one, keeps errno, returns -EBADF for assignment. */
static inline int fd_close(int fd) {
        if (fd >= 0) {
                int e = errno;
                close(fd);
                errno = e;
        }
        return -EBADF;
}
static inline void fd_closep(int *fd) {
        *fd = fd_close(*fd);
}
#define _cleanup_close_ _cleanup_(fd_closep)

/* Reads all that comes from fd into a new NUL-terminated buffer, "" when that is nothing. Else as fd_read_file(). */
int fd_read_all(int fd, size_t max, char **ret, size_t *ret_size);
/* Reads the whole of `path` below dirfd (AT_FDCWD allowed) into a new NUL-terminated buffer.
 * Works for /proc and cgroup files (no size known in advance). At most `max` bytes, else -EFBIG.
 * *ret_size may be NULL. -errno on failure. */
int fd_read_file(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size);

/* Reads one /proc or cgroup text into a caller's buffer, NUL-terminated, cut at size - 1.
 * Returns the number of bytes or -errno. */
ssize_t fd_read_text(int dirfd, const char *path, char *buf, size_t size);

/* Replaces `name` below dirfd by `data`: temporary file, fsync, rename, fsync of the directory. -errno. */
int fd_replace_file(int dirfd, const char *name, const void *data, size_t size, mode_t mode);
/* The same without fsync: whole for every process that reads it, whatever is left after a crash of the machine. */
int fd_replace_file_unsynced(int dirfd, const char *name, const void *data, size_t size, mode_t mode);

/* The two halves of them: the temporary file of `name`, which is gone again if it cannot be written, and its taking the place of `name`. */
int fd_write_new(int dirfd, const char *name, const void *data, size_t size, mode_t mode, bool sync);
int fd_take_new(int dirfd, const char *name, bool sync);

/* Writes all of it or fails. -errno. */
int fd_write_all(int fd, const void *data, size_t size);
