/* The only code that changes cgroup file systems. A place is the directory descriptor of a hierarchy's mount and a path as
 * /proc/PID/cgroup shows it ("/a/b"). Nothing here follows a symbolic link, leaves the mount or climbs above it, and no file is
 * opened with O_TRUNC (landlock would have to allow that for whole mounts). All return -errno. */
#pragma once
#include <sys/types.h>
#include "common/macro.h"

/* Opens `file` (NULL: the directory itself) of the cgroup. The credentials of who opens cgroup.procs are those that the kernel
 * checks at each write. */
int cgroupfs_open(int mount_fd, const char *path, const char *file, int flags);

int cgroupfs_mkdir(int mount_fd, const char *path);       /* 0 = made, 1 = was there */
/* The same with a mark that stays as long as the directory does, whoever runs: its sticky bit, which means nothing in a directory that only root
 * writes. cgroupfs_is_marked(): 1 or 0. */
int cgroupfs_mkdir_marked(int mount_fd, const char *path);
int cgroupfs_is_marked(int mount_fd, const char *path);
int cgroupfs_mkdir_parents(int mount_fd, const char *path, size_t from); /* components behind the first `from` bytes too */
int cgroupfs_rmdir(int mount_fd, const char *path);       /* -EBUSY: members or children */
int cgroupfs_inode(int mount_fd, const char *path, uint64_t *ret);
int cgroupfs_list(int mount_fd, const char *path, char ***ret); /* names of child cgroups; strv_free() */

ssize_t cgroupfs_read(int mount_fd, const char *path, const char *file, char *buf, size_t size); /* without the last newline */
int cgroupfs_write(int mount_fd, const char *path, const char *file, const char *text);

/* Moves a process by the open cgroup.procs of its new cgroup. */
int cgroupfs_move(int procs_fd, pid_t pid);
/* Calls back for every member until one call returns below 0, which is passed up. The list is read in pieces: by the time of a call its number may be
 * another process's. */
int cgroupfs_each_member(int mount_fd, const char *path, int (*callback)(pid_t pid, void *userdata), void *userdata);
/* 1 = no members (children are not looked at), 0 = some. */
int cgroupfs_is_empty(int mount_fd, const char *path);

/* v2: hands `controller` down to the children of `path`, and of all its ancestors, where that is not yet so. */
int cgroupfs_enable(int mount_fd, const char *path, const char *controller);
/* v1 cpuset: a new directory has no CPUs and no memory nodes and takes nobody; it gets its parent's. */
int cgroupfs_inherit_cpuset(int mount_fd, const char *path);

/* True when the word is in a list such as "cpu,cpuacct" or "cpuset cpu io". */
bool cgroupfs_has_word(const char *list, const char *word);
