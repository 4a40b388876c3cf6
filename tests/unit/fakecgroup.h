/* A directory that looks like cgroup file systems, and one that looks like /proc, for handlers that are given descriptors. Writing
 * a pid to cgroup.procs moves nobody here: what was written is read back. */
#pragma once
#include "broker/hierarchy.h"

typedef struct FakeCgroup {
        char dir[64];
        int dirfd;
        int proc_fd;
        HierarchySet *set; /* 0: cgroup2 at "v2", 1: memory at "memory", 2: cpuset at "cpuset"; class root "/pclass" */
} FakeCgroup;

int fake_setup(void **state);
int fake_teardown(void **state);

void fake_mkdir(FakeCgroup *f, const char *path);                   /* with parents */
void fake_cgroup(FakeCgroup *f, const char *path);                  /* a directory with an empty cgroup.procs */
void fake_write(FakeCgroup *f, const char *path, const char *text);
const char *fake_read(FakeCgroup *f, const char *path);             /* static buffer, "" when there is none */
bool fake_exists(FakeCgroup *f, const char *path);
/* A process of that name in /proc: flags as in /proc/PID/stat, its uid, its start time, and where it is in v2 and memory. */
void fake_process(FakeCgroup *f, int pid, char state, unsigned flags, unsigned uid, unsigned start, const char *v2, const char *memory);
