/* REMOVE_CLASS: refuse, drain or kill. */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/cgroupfs.h"
#include "broker/classlimits.h"
#include "broker/classmake.h"
#include "broker/limits.h"
#include "broker/move.h"
#include "broker/process.h"
#include "broker/runtimeclass.h"
#include "broker/tune.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/str.h"

#define DEPTH_MAX 16
#define PASSES_MAX 8

/* Calls `act` for every process of the cgroup and those below it. */
typedef struct Walk {
        Broker *b;
        Class *c;
        unsigned hierarchy;
        const Class *to;   /* drain: the class above that is in this hierarchy, NULL = to the origins */
        size_t seen;
        void (*act)(struct Walk *w, pid_t pid);
} Walk;

static void walk_one(Walk *w, const char *path) {
        _cleanup_close_ int fd = cgroupfs_open(w->b->hierarchies->items[w->hierarchy].mount_fd, path, "cgroup.procs", O_RDONLY);
        FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
        int pid;

        if (!f)
                return;
        TAKE_FD(fd);
        while (fscanf(f, "%d", &pid) == 1)
                if (pid > 0) {
                        w->seen++;
                        w->act(w, pid);
                }
        fclose(f);
}

static void walk_tree(Walk *w, const char *path, unsigned depth) {
        _cleanup_strv_ char **children = NULL;
        char below[WIRE_PATH_MAX];

        walk_one(w, path);
        if (depth > DEPTH_MAX || cgroupfs_list(w->b->hierarchies->items[w->hierarchy].mount_fd, path, &children) < 0)
                return;
        for (char **child = children; child && *child; child++)
                if ((size_t) snprintf(below, sizeof(below), "%s/%s", path, *child) < sizeof(below))
                        walk_tree(w, below, depth + 1);
}

/* In every hierarchy of the class that `mask` has, until nobody is left or the passes are used up: members fork. */
static size_t walk_class(Walk *w, uint32_t mask) {
        const ClassSet *s = w->b->classes;
        char path[WIRE_PATH_MAX];
        size_t left = 0;

        for (w->hierarchy = 0; w->hierarchy < s->hierarchies->n; w->hierarchy++) {
                if (!(w->c->hierarchies & mask & 1u << w->hierarchy))
                        continue;
                class_path(s, w->c, w->hierarchy, path, sizeof(path));
                w->seen = 1;
                for (unsigned pass = 0; pass < PASSES_MAX && w->seen > 0; pass++) {
                        w->seen = 0;
                        walk_tree(w, path, 0);
                }
                left += w->seen;
        }
        return left;
}

static void count_one(Walk *w, pid_t pid) {
}

/* By the same checks as any move, and only him who is in the class: a list of members is old by the time one comes to its end, and a number on it may be
 * another's. */
static WireCode move_one(Walk *w, pid_t pid, const Class *to, unsigned hierarchy) {
        WireMove m = { .pid = pid, .class_index = to->index, .hierarchies = 1u << hierarchy };
        WireMoveReply reply;

        if (!move_may_end(w->b, w->c, w->hierarchy, pid))
                return WIRE_PROTECTED;
        move_process(w->b, &m, &reply);
        return reply.code;
}

/* ---- drain --------------------------------------------------------------------------------------------------------------- */

static const Class *class_above(const ClassSet *s, const Class *c, unsigned hierarchy) {
        char name[CLASS_NAME_MAX + 1];

        strcpy(name, c->name);
        for (char *slash; (slash = strrchr(name, '/'));) {
                *slash = '\0';
                const Class *above = map_get_string(s->by_name, name);
                if (above && above->hierarchies & 1u << hierarchy && !above->def->is_template)
                        return above;
        }
        return NULL;
}

/* Where it came from, or its nearest parent. */
static void drain_to_origin(Walk *w, pid_t pid) {
        _cleanup_free_ Process *p = malloc(sizeof(*p));

        if (!p || process_open(w->b->proc_fd, pid, p) < 0)
                return;
        const OriginRecord *record = origins_find(w->b->origins, pid, p->start);
        WireReturn back = { .pid = pid, .class_index = w->c->index, .hierarchy = w->hierarchy, .place = WIRE_NONE };
        WireResult result;

        process_close(p);
        if (record && wire_place(record->origin[w->hierarchy]) != WIRE_NONE)
                back.place = record->origin[w->hierarchy];
        for (uint32_t place = 0; back.place == WIRE_NONE && place < place_count(w->b->places); place++) {
                unsigned h;
                if (place_set_has(&w->c->places, place) && place_path(w->b->places, place, &h) && h == w->hierarchy)
                        back.place = place; /* by birth: a fellow's origin */
        }
        if (back.place != WIRE_NONE)
                return_process(w->b, &back, &result);
}

static void drain_one(Walk *w, pid_t pid) {
        const Class *to = class_above(w->b->classes, w->c, w->hierarchy);

        WireCode code = to ? move_one(w, pid, to, w->hierarchy) : WIRE_NOT_ALLOWED;

        if (code == WIRE_NOT_ALLOWED || code == WIRE_PROTECTED) /* there is none, or it does not take him */
                drain_to_origin(w, pid);
}

static void drain(Broker *b, Class *c) {
        Walk w = { .b = b, .c = c, .act = drain_one };

        for (unsigned h = 0; h < b->hierarchies->n; h++) {
                /* From there they may go back to where those came from who were in this class. */
                Class *to = (Class *) class_above(b->classes, c, h);
                if (to && c->hierarchies & 1u << h && place_set_merge(&to->places, &c->places) < 0)
                        return;
        }
        (void) walk_class(&w, UINT32_MAX);
}

/* ---- kill ---------------------------------------------------------------------------------------------------------------- */

/* Who is a member elsewhere only joins them on v2: one write ends them all. */
static void gather_one(Walk *w, pid_t pid) {
        (void) move_one(w, pid, w->c, w->b->hierarchies->membership);
}

/* Where there is no cgroup2 one by one. The descriptor comes first: should the number be another's by the time the place is read, its owner is
 * judged, and only he who was pinned can be hit. */
static void kill_one(Walk *w, pid_t pid) {
        _cleanup_close_ int pidfd = syscall(SYS_pidfd_open, pid, 0);

        if (pidfd >= 0 && move_may_end(w->b, w->c, w->hierarchy, pid))
                (void) syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

/* Who forks faster than this is asked for again: pclassd repeats the request while somebody is in there. */
static int kill_each(Broker *b, Class *c) {
        Walk w = { .b = b, .c = c, .act = kill_one };

        if (!b->may_kill)
                return -EOPNOTSUPP;
        (void) walk_class(&w, UINT32_MAX);
        return 0;
}

/* Who is frozen by v1 does not end before he is thawed; cgroup2 needs no such thing. */
static void thaw(const ClassSet *s, const Class *c) {
        char path[WIRE_PATH_MAX];
        unsigned i;

        if (class_limit_hierarchy(s, c, CLASS_FREEZE, &i) < 0 || s->hierarchies->items[i].version != 1)
                return;
        class_path(s, c, i, path, sizeof(path));
        (void) cgroupfs_write(s->hierarchies->items[i].mount_fd, path, limit_file(CLASS_FREEZE, 1), "THAWED");
}

static int kill_all(Broker *b, Class *c) {
        const Hierarchy *h = &b->hierarchies->items[b->hierarchies->membership];
        Walk w = { .b = b, .c = c, .act = gather_one };
        char path[WIRE_PATH_MAX];

        if (h->version != 2)
                return kill_each(b, c);
        (void) walk_class(&w, ~(1u << b->hierarchies->membership));
        class_path(b->classes, c, b->hierarchies->membership, path, sizeof(path));
        return cgroupfs_write(h->mount_fd, path, "cgroup.kill", "1");
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------ */

_printf_(3, 4) static void refuse(WireResult *ret, WireCode code, const char *format, ...) {
        va_list ap;

        ret->code = code;
        va_start(ap, format);
        vsnprintf(ret->text, sizeof(ret->text), format, ap);
        va_end(ap);
}

static bool may_end(const Broker *b, const Class *c, WireResult *ret) {
        if (!c->own && c->template_index == WIRE_NONE)
                refuse(ret, WIRE_NOT_ALLOWED, "root's configuration defines it in %s", c->def->file);
        else if (class_has_children(b->classes, c)) {
                ret->error = -EBUSY;
                refuse(ret, WIRE_NOT_ALLOWED, "there are classes below it");
        }
        return ret->code == WIRE_OK;
}

/* Mostly the same ones are in each hierarchy. */
static size_t count_members(Broker *b, Class *c) {
        Walk w = { .b = b, .c = c, .act = count_one };
        size_t most = 0;

        for (unsigned h = 0; h < b->hierarchies->n; h++)
                most = MAX(most, walk_class(&w, 1u << h));
        return most;
}

static void unmake(Broker *b, Class *c, WireResult *ret) {
        int r = class_unmake(b->classes, c);

        if (r == -EBUSY)
                return refuse(ret, WIRE_STALE, "%zu processes are in it", count_members(b, c));
        if (r < 0) {
                ret->error = r;
                return refuse(ret, WIRE_FAILED, "its cgroup cannot be removed");
        }
        class_set_forget(b->classes, c);
        tune_dropped(b, c);
        r = runtime_classes_save(b->classes);
        if (r < 0)
                log_warning_errno(r, "class %s is removed, but will be there again after a restart", c->name);
}

void runtime_class_remove(Broker *b, const WireRemoveClass *m, WireResult *ret) {
        Class *c = class_by_index(b->classes, m->class_index);

        *ret = (WireResult) {};
        if (m->how > WIRE_REMOVE_KILL)
                return refuse(ret, WIRE_NOT_ALLOWED, "no such way");
        if (!c)
                return refuse(ret, WIRE_NOT_ALLOWED, "no such class");
        if (!may_end(b, c, ret))
                return;
        if (m->how == WIRE_REMOVE_DRAIN)
                drain(b, c);
        else if (m->how == WIRE_REMOVE_KILL)
                ret->error = kill_all(b, c);
        if (m->how == WIRE_REMOVE_KILL && ret->error >= 0)
                thaw(b->classes, c);
        if (ret->error < 0)
                return refuse(ret, WIRE_FAILED, "its members cannot be killed%s",
                              ret->error == -EOPNOTSUPP ? ": without cgroup2 that takes CAP_KILL (the drop-in kill-members.conf)" : "");
        unmake(b, c, ret);
}
