/* Paths of cgroup2 groups by their ids, which PIDFD_GET_INFO tells in half a microsecond where /proc/PID/cgroup takes ten, and waits for whoever
 * holds the kernel's lock of all cgroups. A path is believed only if the directory there has that very id. Groups of cgroup2 are not renamed and an id
 * is never given again, so what is remembered stays true; of one that is gone nobody asks any more. */
#pragma once
#include "common/map.h"

#define CGROUP_IDS_MAX 512 /* then all are forgotten and learned anew */

typedef struct CgroupIds {
        Map *paths; /* by id; strings of its own */
} CgroupIds;

int cgroup_ids_init(CgroupIds *c); /* -ENOMEM */
void cgroup_ids_done(CgroupIds *c);

/* The path as /proc/PID/cgroup shows it, valid until the next cgroup_ids_note(); NULL = not known. */
const char *cgroup_ids_get(const CgroupIds *c, uint64_t id);
/* A process with that id was seen at `path` of the hierarchy mounted at `mount`. It may have moved between the two looks, so the directory is asked.
 * False: it is not known afterwards either, which costs time only. */
bool cgroup_ids_note(CgroupIds *c, const char *mount, const char *path, uint64_t id);
