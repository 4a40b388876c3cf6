/* Reading cgroup files: members and use of a class. The only reader of cgroupfs in the daemon; it never writes. */
#pragma once
#include <sys/types.h>
#include "common/wire.h"

/* Pids in `path` (a cgroup directory below the mount point), e.g. mount "/sys/fs/cgroup/unified", path "/pclass/web". Caller frees. -ENOENT, -errno.
 * recursive: subgroups too. On v2 a domain-threaded cgroup is read the same way. */
int cgroup_members(const char *mount, const char *path, bool recursive, pid_t **ret, size_t *ret_n);
/* One of those pids, whichever comes first: *ret is 0 when there is none. Errors likewise: then nothing is known. */
int cgroup_some_member(const char *mount, const char *path, pid_t *ret);
/* v2: is anybody in the group or below it (cgroup.events)? */
int cgroup_populated(const char *mount, const char *path, bool *ret);
/* Microseconds of CPU: cpu.stat usage_usec (v2) or cpuacct.usage (v1). -ENOENT if this hierarchy does not count. */
int cgroup_cpu_usec(const char *mount, const char *path, unsigned version, uint64_t *ret);
/* Bytes: memory.current (v2) or memory.usage_in_bytes (v1). -ENOENT likewise. */
int cgroup_memory_bytes(const char *mount, const char *path, unsigned version, uint64_t *ret);
/* Tasks: pids.current. -ENOENT likewise. */
int cgroup_tasks(const char *mount, const char *path, uint64_t *ret);
/* Bytes read from and written to block devices: io.stat (v2) or blkio.throttle.io_service_bytes (v1). -ENOENT likewise. */
int cgroup_io_bytes(const char *mount, const char *path, unsigned version, uint64_t *ret_read, uint64_t *ret_written);
/* Innermost unit of a path on systemd's hierarchy that systemd itself would name: the first component after slices that ends in a
 * unit suffix (.service .scope .mount .socket .swap); *ret is a new string, -ENOENT if there is none. */
int cgroup_path_unit(const char *path, char **ret);
