/* MOVE and RETURN. Where the process is gets read once: that one read is the check of protected cgroups, the record of the origin
 * and the way back for a stranger. */
#include "broker/move.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <time.h>

#include "broker/cgroupfs.h"
#include "broker/classcare.h"
#include "broker/members.h"
#include "broker/process.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/str.h"

WireCode move_code(const Hierarchy *h, int error) {
        switch (error) {
        case 0:
                return WIRE_OK;
        case -ESRCH:
                return WIRE_GONE;
        case -ENODEV:
        case -ENOENT:
                return WIRE_CLASS_GONE;
        case -ENOSPC:
                return WIRE_EMPTY_CPUSET;
        case -EINVAL: /* a real-time task and a v1 cpu class without real-time budget (RT_GROUP_SCHED) */
                return h->version == 1 && cgroupfs_has_word(h->controllers, "cpu") ? WIRE_RT_CONFLICT : WIRE_FAILED;
        default:
                return WIRE_FAILED;
        }
}

/* Worse codes stand for the whole item when hierarchies differ: what the process cannot help before what a limit says. */
static void note_failure(WireMoveReply *reply, unsigned hierarchy, WireCode code, int error) {
        reply->failed |= 1u << hierarchy;
        if (reply->code == WIRE_OK || code == WIRE_GONE) {
                reply->code = code;
                reply->error = error;
        }
}

/* ---- who may be touched ----------------------------------------------------------------------------------------------- */

static bool is_own(const Broker *b, uint32_t pid) {
        for (size_t i = 0; i < b->n_own; i++)
                if ((uint32_t) b->own[i] == pid)
                        return true;
        return false;
}

/* Below a user's own service manager he names the units: our list, which goes by such names, ends there. */
static const char *without_users_units(const char *path, char *buf, size_t size) {
        const char *manager = strstr(path, "/user@"), *end = manager ? strstr(manager, ".service/") : NULL;

        if (!end)
                return path;
        snprintf(buf, size, "%.*s", (int) (end - path + strlen(".service")), path);
        return buf;
}

static bool is_protected_path(const Broker *b, const char *path) {
        char buf[WIRE_PATH_MAX];
        const char *ours = without_users_units(path, buf, sizeof(buf));

        for (char **glob = b->protect; glob && *glob; glob++)
                if (fnmatch(*glob, ours != path && broker_protects_itself(*glob) ? ours : path, 0) == 0)
                        return true;
        return false;
}

/* Mostly the hierarchies show one and the same path: each is looked at once. */
static bool is_repeated(const Process *p, size_t h) {
        for (size_t k = 0; k < h; k++)
                if (p->paths[k] && streq(p->paths[k], p->paths[h]))
                        return true;
        return false;
}

static bool is_in_foreign_subtree(Broker *b, const Process *p) {
        struct timespec now;

        if (!strv_contains(b->protect, PROTECT_DELEGATED))
                return false;
        clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
        for (size_t h = 0; h < b->hierarchies->n; h++)
                if (p->paths[h] && delegate_is_foreign(&b->delegates, &b->hierarchies->items[h], p->paths[h],
                                                       now.tv_sec * UINT64_C(1000000000) + now.tv_nsec))
                        return true;
        return false;
}

bool move_place_is_protected(const Broker *b, unsigned h, const char *path) {
        return is_protected_path(b, path) || (strv_contains(b->protect, PROTECT_DELEGATED) && delegate_check(&b->hierarchies->items[h], path));
}

static bool is_protected_place(Broker *b, const Process *p) {
        for (size_t h = 0; h < b->hierarchies->n; h++)
                if (p->paths[h] && !is_repeated(p, h) && is_protected_path(b, p->paths[h]))
                        return true;
        return is_in_foreign_subtree(b, p);
}

/* c: NULL = a class of which nothing is known. */
static WireCode check_user(const Broker *b, const Class *c, const Process *p, int *ret_error) {
        const Class *owner = !c || c->template_index == WIRE_NONE ? c : class_by_index(b->classes, c->template_index);
        uid_t uid;

        if (b->n_protect_uids == 0 && !(owner && owner->def->allowed_users))
                return WIRE_OK; /* nobody asks, so the file is not read */
        int r = process_read_uid(p, &uid);
        if (r < 0) {
                *ret_error = r;
                return r == -ESRCH ? WIRE_GONE : WIRE_FAILED;
        }
        for (size_t i = 0; i < b->n_protect_uids; i++)
                if (b->protect_uids[i] == uid)
                        return WIRE_PROTECTED_USER;
        return !c || class_user_allowed(b->classes, c, uid) ? WIRE_OK : WIRE_NOT_ALLOWED;
}

/* Opens the process if it may be touched at all. */
static WireCode open_process(const Broker *b, uint32_t pid, Process *p, int *ret_error) {
        if (pid <= 2 || is_own(b, pid))
                return WIRE_PROTECTED;
        if (pid > INT32_MAX)
                return WIRE_GONE;
        int r = process_open(b->proc_fd, pid, p);
        if (r >= 0 && !p->kernel_thread && !p->dead) {
                r = process_read_cgroups(p, b->hierarchies);
                if (r >= 0)
                        return WIRE_OK;
        }
        bool kernel_thread = r >= 0 && p->kernel_thread;
        process_close(p);
        if (kernel_thread)
                return WIRE_KERNEL_THREAD;
        *ret_error = r < 0 ? r : -ESRCH;
        return *ret_error == -ESRCH ? WIRE_GONE : WIRE_FAILED;
}

/* ---- moving ------------------------------------------------------------------------------------------------------------ */

/* Remembers where the process is before it is moved into `c`: as a place it may be returned to from there, and as its origin if it
 * comes from outside. -ENOSPC: the table of places is full, then it is not moved. */
static int remember(Broker *b, Class *c, const Process *p, uint64_t cookie, unsigned h, uint32_t *ret_previous, uint32_t *ret_origin) {
        OriginRecord *record = origins_find(b->origins, p->pid, p->start);
        uint32_t place;
        int r = place_intern(b->places, h, p->paths[h], &place);

        if (r >= 0)
                r = place_set_add(class_places(c), place);
        if (r < 0)
                return r;
        Class *from = class_by_path(b->classes, h, p->paths[h]);
        if (from != c && (from || class_set_owns(b->classes, h, p->paths[h]))) { /* what its fellows came from, it may have come from by birth */
                r = place_set_merge(class_places(c), from ? class_places(from) : &b->classes->left_behind);
                if (r < 0)
                        return r;
        }
        if (!class_set_owns(b->classes, h, p->paths[h])) {
                /* Somebody took it out of our classes meanwhile: that is its origin now. */
                if (record && record->origin[h] != place)
                        record->origin[h] = (uint16_t) WIRE_NONE;
                r = origins_add(b->origins, p->pid, p->start, cookie, h, place, &record);
                if (r == -EIO)
                        log_warning("the origin of process %d is not on disk and will be forgotten at a restart", p->pid);
                else if (r < 0)
                        return r;
        }
        *ret_previous = place;
        *ret_origin = record ? wire_place(record->origin[h]) : WIRE_NONE;
        return *ret_origin == WIRE_NONE ? 0 : place_set_add(class_places(c), *ret_origin);
}

/* True when it has to be written there, and where it is now is remembered. */
static bool prepare_hierarchy(Broker *b, Class *c, const Process *p, uint64_t cookie, unsigned h, WireMoveReply *reply) {
        if (!p->paths[h]) {
                note_failure(reply, h, WIRE_FAILED, -ENODATA);
                return false;
        }
        if (class_is_members_path(b->classes, c, h, p->paths[h])) {
                const OriginRecord *record = origins_find(b->origins, p->pid, p->start);
                reply->origin[h] = record ? wire_place(record->origin[h]) : WIRE_NONE;
                return false;
        }
        int r = remember(b, c, p, cookie, h, &reply->previous[h], &reply->origin[h]);
        if (r < 0) {
                reply->previous[h] = reply->origin[h] = WIRE_NONE;
                note_failure(reply, h, r == -ENOSPC ? WIRE_LIMIT : WIRE_FAILED, r);
        }
        return r >= 0;
}

static void write_hierarchy(Broker *b, Class *c, const Process *p, unsigned h, WireMoveReply *reply) {
        int r = cgroupfs_move(c->procs_fd[h], p->pid);
        if ((r == -ENODEV || r == -ENOENT) && b->sweep == SWEEP_REPAIR) { /* somebody removed the cgroup */
                r = class_mend(b->classes, c);
                r = r < 0 ? -ENODEV : cgroupfs_move(c->procs_fd[h], p->pid);
        }
        if (r >= 0) {
                reply->moved |= 1u << h;
                return;
        }
        reply->previous[h] = reply->origin[h] = WIRE_NONE;
        note_failure(reply, h, move_code(&b->hierarchies->items[h], r), r);
}

static bool is_elsewhere(const Broker *b, const Class *c, const Process *p, uint32_t hierarchies) {
        for (unsigned h = 0; h < b->hierarchies->n; h++)
                if (hierarchies & 1u << h && p->paths[h] && !class_is_members_path(b->classes, c, h, p->paths[h]))
                        return true;
        return false;
}

/* False: it is not the process that was meant, or that cannot be told. */
static bool enter_values(Broker *b, Class *c, const Process *p, const WireMove *m, WireMoveReply *ret, WireSetMember *ret_old) {
        int r = members_enter(b, c, p, m->cookie, ret_old);

        if (r < 0) {
                ret->code = r == -ESRCH ? WIRE_GONE : WIRE_FAILED;
                ret->error = r;
        } else
                ret->values = r;
        return r >= 0;
}

/* First all places are remembered, with one write to the record's file, then it is moved. */
static void move_checked(Broker *b, Class *c, const Process *p, const WireMove *m, WireMoveReply *ret) {
        WireSetMember old = {};
        uint32_t ready = 0;

        /* What it begins to fork after this has the values, what it forked before is moved by itself. A fork that is under way now may be
         * born into the class without them: pclassd asks for WIRE_MOVE_VALUES when it hears of it. */
        if (is_elsewhere(b, c, p, m->hierarchies) && !enter_values(b, c, p, m, ret, &old))
                return;
        for (unsigned h = 0; h < b->hierarchies->n; h++)
                if (m->hierarchies & 1u << h && prepare_hierarchy(b, c, p, m->cookie, h, ret))
                        ready |= 1u << h;
        if (origins_flush(b->origins) < 0)
                log_warning("the origin of process %d is not on disk and will be forgotten at a restart", p->pid);
        for (unsigned h = 0; h < b->hierarchies->n && ret->code != WIRE_GONE; h++)
                if (ready & 1u << h)
                        write_hierarchy(b, c, p, h, ret);
        if (!ret->moved)
                members_restore(b, &old);
}

static void set_values(Broker *b, Class *c, const Process *p, const WireMove *m, WireMoveReply *ret) {
        WireSetMember old;

        for (unsigned h = 0; h < b->hierarchies->n; h++)
                if (m->hierarchies & 1u << h && p->paths[h] && class_by_path(b->classes, h, p->paths[h]) == c) {
                        (void) enter_values(b, c, p, m, ret, &old);
                        return;
                }
        ret->code = WIRE_STALE;
}

/* Whether that can be asked for at all. */
static bool is_request(const WireMove *m, const Class *c) {
        if (m->flags == WIRE_MOVE_TRY)
                return c || m->class_index == WIRE_NONE;
        return c && !(c->def->is_template && c->template_index == WIRE_NONE) && m->hierarchies != 0 && !(m->hierarchies & ~c->hierarchies) &&
               !(m->flags & ~(WIRE_MOVE_LEAVE_UNIT | WIRE_MOVE_VALUES));
}

void move_process(Broker *b, const WireMove *m, WireMoveReply *ret) {
        Class *c = class_by_index(b->classes, m->class_index);
        Process p; /* large, and open_process() sets it up */

        *ret = (WireMoveReply) {};
        memset(ret->previous, 0xff, sizeof(ret->previous)); /* WIRE_NONE */
        memset(ret->origin, 0xff, sizeof(ret->origin));
        if (!is_request(m, c)) {
                ret->code = WIRE_NOT_ALLOWED;
                return;
        }
        ret->code = open_process(b, m->pid, &p, &ret->error);
        if (ret->code != WIRE_OK)
                return;
        ret->code = is_protected_place(b, &p) ? WIRE_PROTECTED : check_user(b, c, &p, &ret->error);
        if (ret->code == WIRE_OK && m->flags & WIRE_MOVE_VALUES)
                set_values(b, c, &p, m, ret);
        else if (ret->code == WIRE_OK && m->flags != WIRE_MOVE_TRY)
                move_checked(b, c, &p, m, ret);
        process_close(&p);
}

/* ---- returning ---------------------------------------------------------------------------------------------------------- */

/* Moves into the cgroup of that path or, if it is no more or takes nobody, into its nearest parent that does; `path` is cut to
 * it. 1 = a parent it was. */
static int move_to_path(const Hierarchy *h, char *path, pid_t pid) {
        for (int parent = 0;; parent = 1) {
                _cleanup_close_ int fd = cgroupfs_open(h->mount_fd, path, "cgroup.procs", O_WRONLY);
                int r = fd < 0 ? fd : cgroupfs_move(fd, pid);
                if (r >= 0)
                        return parent;
                char *slash = strrchr(path, '/');
                if ((r != -ENOENT && r != -ENODEV && r != -EBUSY && r != -EOPNOTSUPP && r != -ENOSPC) || !slash || !slash[1])
                        return r;
                slash[slash == path] = '\0';
        }
}

static bool is_in_class(const Broker *b, const Class *c, unsigned h, const char *path) {
        char dir[WIRE_PATH_MAX];

        class_path(b->classes, c, h, dir, sizeof(dir));
        const char *rest = startswith(path, dir);
        return rest && (*rest == '\0' || (*rest == '/' && !streq(dir, "/")));
}

bool move_may_end(Broker *b, const Class *c, unsigned h, pid_t pid) {
        Process p = { .dirfd = -EBADF };
        int error;

        if (open_process(b, pid, &p, &error) != WIRE_OK)
                return false;
        bool may = p.paths[h] && is_in_class(b, c, h, p.paths[h]) && !is_protected_place(b, &p) && check_user(b, c, &p, &error) != WIRE_PROTECTED_USER;
        process_close(&p);
        return may;
}

static void return_checked(Broker *b, const WireReturn *m, const Process *p, WireResult *ret) {
        const Hierarchy *h = &b->hierarchies->items[m->hierarchy];
        char path[WIRE_PATH_MAX];

        snprintf(path, sizeof(path), "%s", place_path(b->places, m->place, NULL));
        int r = move_to_path(h, path, p->pid);
        if (r < 0) {
                ret->code = r == -ENODEV || r == -ENOENT ? WIRE_FAILED : move_code(h, r);
                ret->error = r;
                return;
        }
        /* Only a way out ends the record; a stranger that is put back into another class keeps its own. */
        if (!class_set_owns(b->classes, m->hierarchy, path))
                origins_forget(b->origins, p->pid, p->start, m->hierarchy);
        if (r == 1) {
                ret->code = WIRE_PARENT;
                snprintf(ret->text, sizeof(ret->text), "%.255s", path);
        }
}

void return_process(Broker *b, const WireReturn *m, WireResult *ret) {
        Class *c = class_by_index(b->classes, m->class_index);
        Process p;
        unsigned h;

        *ret = (WireResult) {};
        if (!c || m->hierarchy >= b->hierarchies->n || !(c->hierarchies & 1u << m->hierarchy) || !place_path(b->places, m->place, &h) ||
            h != m->hierarchy || !place_set_has(class_places(c), m->place)) {
                ret->code = WIRE_NOT_ALLOWED;
                return;
        }
        ret->code = open_process(b, m->pid, &p, &ret->error);
        if (ret->code != WIRE_OK)
                return;
        if (!p.paths[h] || !is_in_class(b, c, h, p.paths[h]))
                ret->code = WIRE_STALE;
        else
                return_checked(b, m, &p, ret);
        process_close(&p);
}
