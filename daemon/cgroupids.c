/* Paths of cgroup2 groups by id. */
#include "daemon/cgroupids.h"

#include <stdio.h>
#include <sys/stat.h>
#include "common/wire.h"

int cgroup_ids_init(CgroupIds *c) {
        return map_new_u64(&c->paths);
}

static void forget_all(CgroupIds *c) {
        char *path;

        for (size_t i = 0; (path = map_next_u64(c->paths, &i, NULL));)
                free(path);
        map_clear(c->paths);
}

void cgroup_ids_done(CgroupIds *c) {
        if (c->paths)
                forget_all(c);
        c->paths = map_free(c->paths);
}

const char *cgroup_ids_get(const CgroupIds *c, uint64_t id) {
        return map_get_u64(c->paths, id);
}

/* The inode number of a cgroup2 directory is the id of its group. */
static bool has_id(const char *mount, const char *path, uint64_t id) {
        char full[2 * WIRE_PATH_MAX];
        struct stat st;

        if ((size_t) snprintf(full, sizeof(full), "%s%s", mount, path) >= sizeof(full))
                return false;
        return stat(full, &st) == 0 && st.st_ino == id;
}

bool cgroup_ids_note(CgroupIds *c, const char *mount, const char *path, uint64_t id) {
        _cleanup_free_ char *copy = NULL;

        if (map_get_u64(c->paths, id))
                return true;
        if (!has_id(mount, path, id))
                return false;
        if (map_size(c->paths) >= CGROUP_IDS_MAX)
                forget_all(c);
        copy = strdup(path);
        if (!copy || map_put_u64(c->paths, id, copy) < 0)
                return false;
        TAKE_PTR(copy);
        return true;
}
