/* Empty classes. */
#include "daemon/emptiness.h"

#include <stdio.h>
#include <sys/inotify.h>
#include "common/log.h"
#include "daemon/cgroupread.h"
#include "daemon/internal.h"
#include "daemon/timer.h"
#include "daemon/watcher.h"

#define AGAIN_USEC 4000 /* after the exit of a witness that is listed still */
#define UNREAD_USEC 1000000 /* after a look that failed: what was missing may last */

typedef struct EmptyWatch {
        Manager *m;
        uint32_t class_index;
        uint32_t hierarchy;
        sd_event_source *source;  /* v2: its cgroup.events */
        sd_event_source *parent;  /* v2: removals in the directory above; not of instances, which go in normal life */
        bool known, empty;
        bool unread;              /* the last look failed: nothing is known until the next one */
        pid_t witness;            /* v1: a member, 0 = none */
        bool witness_exited;
        struct EmptyWatch *next;  /* of the same witness */
        char path[];              /* of the class */
} EmptyWatch;

/* ---- witnesses --------------------------------------------------------------------------------------------------------- */

static void witness_drop(EmptyWatch *w) {
        Map *witnesses = w->m->emptiness.witnesses;
        EmptyWatch *first = w->witness ? map_remove_u64(witnesses, w->witness) : NULL;

        for (EmptyWatch **p = &first; *p; p = &(*p)->next)
                if (*p == w) {
                        *p = w->next;
                        break;
                }
        if (first) /* there is room: one was just taken out */
                (void) map_put_u64(witnesses, w->witness, first);
        w->witness = 0;
        w->next = NULL;
        w->witness_exited = false;
}

static int witness_set(EmptyWatch *w, pid_t pid) {
        Map *witnesses = w->m->emptiness.witnesses;

        if (pid == w->witness)
                return 0;
        witness_drop(w);
        if (!pid)
                return 0;
        EmptyWatch *first = map_remove_u64(witnesses, pid);
        int r = map_put_u64(witnesses, pid, w);
        if (r < 0)
                return r;
        w->next = first;
        w->witness = pid;
        return 0;
}

/* ---- looking ----------------------------------------------------------------------------------------------------------- */

static void state_is(EmptyWatch *w, bool empty) {
        Manager *m = w->m;
        const Class *c = classes_get(&m->classes, w->class_index);
        bool news = w->known && w->empty != empty;

        w->known = true;
        w->empty = empty;
        if (!news || !c)
                return;
        if (empty && class_is_made_on_demand(c))
                instances_check_soon(m);
        if (m->ops && m->ops->class_empty)
                m->ops->class_empty(c->name, empty, m->ops_userdata);
}

static int look_v2(EmptyWatch *w) {
        bool populated;
        int r = cgroup_populated(w->m->classes.hierarchies[w->hierarchy].mount, w->path, &populated);

        if (r >= 0)
                state_is(w, !populated);
        return r;
}

static int look_v1(EmptyWatch *w) {
        bool exited = w->witness_exited;
        pid_t old = w->witness, pid = 0;
        int r = cgroup_some_member(w->m->classes.hierarchies[w->hierarchy].mount, w->path, &pid);

        if (r < 0)
                return r;
        r = witness_set(w, pid);
        w->witness_exited = exited && pid == old && pid != 0;
        state_is(w, pid == 0);
        return r;
}

static void look(EmptyWatch *w) {
        w->unread = false;
        int r = w->m->classes.hierarchies[w->hierarchy].version == 2 ? look_v2(w) : look_v1(w);

        if (r == -ENOENT || r == -ENODEV)
                state_is(w, true); /* nobody is in what is not there */
        else if (r < 0) {
                w->unread = true;
                timer_within(w->m->emptiness.again, UNREAD_USEC);
                log_debug("Cannot read whether %s is empty: %s", w->path, strerror(-r));
        }
}

static int on_events(sd_event_source *s, const struct inotify_event *event, void *userdata) {
        look(userdata);
        return 0;
}

static int on_again(sd_event_source *s, uint64_t usec, void *userdata) {
        Manager *m = userdata;
        bool more = false;
        size_t i = 0;
        EmptyWatch *w;

        while ((w = map_next_u64(m->emptiness.watches, &i, NULL)))
                if (w->witness_exited || w->unread) {
                        look(w);
                        more = more || (w->witness_exited && !w->unread);
                }
        if (more)
                timer_within(s, AGAIN_USEC);
        return 0;
}

/* The event may come before the kernel has taken the process off its lists, and a leader is listed until its threads have ended. */
static void emptiness_on_exit(Manager *m, const ProcEvent *e) {
        EmptyWatch *next;

        if (map_size(m->emptiness.witnesses) == 0)
                return;
        for (EmptyWatch *w = map_get_u64(m->emptiness.witnesses, e->pid); w; w = next) {
                next = w->next; /* a new witness takes it out of this chain */
                w->witness_exited = true;
                look(w);
                if (w->witness_exited)
                        timer_within(m->emptiness.again, AGAIN_USEC);
        }
}
PCLASS_WATCHER(EXIT, emptiness_on_exit);

/* ---- which classes ------------------------------------------------------------------------------------------------------ */

static EmptyWatch *watch_of(const Manager *m, const Class *c) {
        return map_get_u64(m->emptiness.watches, (uint64_t) c->index + 1);
}

static void watch_free(EmptyWatch *w) {
        witness_drop(w);
        sd_event_source_disable_unref(w->source);
        sd_event_source_disable_unref(w->parent);
        free(w);
}
DEFINE_CLEANUP(EmptyWatch *, watch_free)

static int watch_new(Manager *m, const Class *c, uint32_t h, EmptyWatch **ret) {
        char path[WIRE_PATH_MAX];
        int r = classes_path(&m->classes, h, c->name, "", path, sizeof(path));

        if (r < 0)
                return r;
        EmptyWatch *w = calloc(1, sizeof(*w) + strlen(path) + 1);
        if (!w)
                return -ENOMEM;
        w->m = m;
        w->class_index = c->index;
        w->hierarchy = h;
        strcpy(w->path, path);
        *ret = w;
        return 0;
}

/* The kernel tells the directory above of the removal, not the one that is removed. */
static int on_removed(sd_event_source *s, const struct inotify_event *event, void *userdata) {
        EmptyWatch *w = userdata;
        const char *name = strrchr(w->path, '/');
        const Class *c = classes_get(&w->m->classes, w->class_index);

        if (c && event->len > 0 && name && streq(event->name, name + 1)) {
                look(w);
                classcare_check(w->m, c);
        }
        return 0;
}

static void watch_parent(EmptyWatch *w) {
        const WireHierarchy *h = &w->m->classes.hierarchies[w->hierarchy];
        const Class *c = classes_get(&w->m->classes, w->class_index);
        char path[2 * WIRE_PATH_MAX];

        if (!c || c->template)
                return;
        snprintf(path, sizeof(path), "%s/%s", h->mount, w->path);
        *strrchr(path, '/') = '\0';
        if (sd_event_add_inotify(w->m->event, &w->parent, path, IN_DELETE | IN_ONLYDIR, on_removed, w) >= 0)
                (void) sd_event_source_set_description(w->parent, "class-removed");
}

/* A user may have fs.inotify.max_user_watches of them. */
static void subscribe(EmptyWatch *w) {
        const WireHierarchy *h = &w->m->classes.hierarchies[w->hierarchy];
        _cleanup_free_ char *file = NULL;

        if (asprintf(&file, "%s/%s/cgroup.events", h->mount, w->path) < 0) {
                file = NULL;
                return;
        }
        int r = sd_event_add_inotify(w->m->event, &w->source, file, IN_MODIFY, on_events, w);
        if (r >= 0)
                (void) sd_event_source_set_description(w->source, "class-events");
        else if (!w->m->emptiness.unwatched_told && r != -ENOENT) {
                w->m->emptiness.unwatched_told = true;
                log_warning_errno(r, "Cannot watch %s; that a class is empty is seen by sweeps only (see fs.inotify.max_user_watches)", file);
        }
}

int emptiness_add(Manager *m, const Class *c) {
        _cleanup_(watch_freep) EmptyWatch *w = NULL;
        uint32_t h = m->classes.membership;

        if (c->flags & WIRE_CLASS_TEMPLATE || h == WIRE_NONE || !(c->hierarchies & 1u << h) || watch_of(m, c))
                return 0;
        int r = watch_new(m, c, h, &w);
        if (r >= 0)
                r = map_put_u64(m->emptiness.watches, (uint64_t) c->index + 1, w);
        if (r < 0)
                return r;
        if (m->classes.hierarchies[h].version == 2) {
                subscribe(w);
                watch_parent(w);
        }
        look(TAKE_PTR(w));
        return 0;
}

void emptiness_remove(Manager *m, const Class *c) {
        EmptyWatch *w = map_remove_u64(m->emptiness.watches, (uint64_t) c->index + 1);

        if (w)
                watch_free(w);
}

void emptiness_done(Manager *m) {
        size_t i = 0;
        EmptyWatch *w;

        sd_event_source_disable_unref(m->emptiness.again);
        while (m->emptiness.watches && (w = map_next_u64(m->emptiness.watches, &i, NULL)))
                watch_free(w);
        map_free(m->emptiness.watches);
        map_free(m->emptiness.witnesses);
        m->emptiness = (Emptiness) {};
}

bool emptiness_is_empty(const Manager *m, const Class *c) {
        const EmptyWatch *w = watch_of(m, c);

        return w && w->known && w->empty && !w->unread;
}

void emptiness_look(Manager *m, const Class *c) {
        EmptyWatch *w = watch_of(m, c);

        if (w)
                look(w);
}

void emptiness_look_at_all(Manager *m) {
        size_t i = 0;
        EmptyWatch *w;

        while ((w = map_next_u64(m->emptiness.watches, &i, NULL)))
                if (!w->source) /* of the others the kernel tells */
                        look(w);
}

void emptiness_moved(Manager *m, pid_t pid, const Class *to) {
        EmptyWatch *next, *w = to ? watch_of(m, to) : NULL;
        uint32_t h = m->classes.membership;

        if (h == WIRE_NONE || m->classes.hierarchies[h].version == 2)
                return; /* the kernel tells */
        for (EmptyWatch *x = map_get_u64(m->emptiness.witnesses, pid); x; x = next) {
                next = x->next;
                look(x);
        }
        /* The classes above are no longer empty either. */
        for (const Class *c = to; c && w && w->empty; c = classes_parent(&m->classes, c), w = c ? watch_of(m, c) : NULL)
                look(w);
}

int emptiness_init(Manager *m) {
        int r = timer_new(m->event, CLOCK_MONOTONIC, 1000, on_again, m, &m->emptiness.again);

        if (r >= 0)
                r = map_new_u64(&m->emptiness.watches);
        return r < 0 ? r : map_new_u64(&m->emptiness.witnesses);
}
