/* Instances of class templates. */
#include "daemon/instances.h"

#include <stdio.h>
#include "common/log.h"
#include "daemon/cgroupread.h"
#include "daemon/internal.h"
#include "daemon/timer.h"
#include "daemon/verdict.h"

#define CLEANUP_USEC 50000 /* a burst of exits is looked at once */
#define INSTANCE_PIDS_MAX 65536
#define CAPPED_PIDS_MAX 8192 /* remembered as without room; whom the list has forgotten the sweep finds */

typedef struct WaitingPid {
        pid_t pid;
        uint64_t event_ns;
} WaitingPid;

typedef struct Waiting {
        struct Waiting *next; /* of those for which there is no room */
        Manager *m;
        uint32_t template;    /* index, WIRE_NONE for a place */
        WaitingPid *pids;
        size_t n, room;
        char name[];
} Waiting;

static void waiting_free(Waiting *w) {
        if (!w)
                return;
        free(w->pids);
        free(w);
}
DEFINE_CLEANUP(Waiting *, waiting_free)

void instances_done(Manager *m) {
        while (m->instances.capped) {
                Waiting *next = m->instances.capped->next;
                waiting_free(m->instances.capped);
                m->instances.capped = next;
        }
        /* Those under way are freed by their requests, which the broker client gives back when it ends. */
        sd_event_source_unref(m->instances.cleanup);
        map_free(m->instances.waiting);
        m->instances = (Instances) {};
}

size_t instances_waiting(const Manager *m) {
        return map_size(m->instances.waiting);
}

static int waiting_add(Waiting *w, pid_t pid, uint64_t event_ns) {
        if (w->n == w->room) {
                size_t room = w->room ? w->room * 2 : 8;
                WaitingPid *grown = room <= INSTANCE_PIDS_MAX ? reallocarray(w->pids, room, sizeof(*grown)) : NULL;
                if (!grown)
                        return -ENOBUFS;
                w->pids = grown;
                w->room = room;
        }
        w->pids[w->n++] = (WaitingPid) { pid, event_ns };
        return 0;
}

/* ---- no room --------------------------------------------------------------------------------------------------------- */

/* Unlinked from those without room. NULL: it is none of them. */
static Waiting *capped_take(Manager *m, const char *name, uint32_t template) {
        for (Waiting **p = &m->instances.capped; *p; p = &(*p)->next) {
                Waiting *w = *p;
                if (name ? !streq(w->name, name) : template != WIRE_NONE && w->template != template)
                        continue;
                *p = w->next;
                m->instances.n_capped -= w->n;
                return w;
        }
        return NULL;
}

static Waiting *capped_get(const Manager *m, const char *name) {
        Waiting *w = m->instances.capped;

        while (w && !streq(w->name, name))
                w = w->next;
        return w;
}

static bool has_pid(const Waiting *w, pid_t pid) {
        for (size_t i = w->n; i > 0; i--)
                if (w->pids[i - 1].pid == pid)
                        return true;
        return false;
}

/* At the end of the queue. */
static Waiting *capped_new(Manager *m, const Waiting *like) {
        Waiting *w = calloc(1, sizeof(*w) + strlen(like->name) + 1), **p = &m->instances.capped;

        if (!w)
                return NULL;
        w->m = m;
        w->template = like->template;
        strcpy(w->name, like->name);
        while (*p)
                p = &(*p)->next;
        return *p = w;
}

static void capped_put(Manager *m, const Waiting *failed) {
        Waiting *w = capped_get(m, failed->name) ?: capped_new(m, failed);

        for (size_t i = 0; w && i < failed->n && w->n < CAPPED_PIDS_MAX; i++)
                if (!has_pid(w, failed->pids[i].pid) && waiting_add(w, failed->pids[i].pid, 0) >= 0)
                        m->instances.n_capped++;
        while (m->instances.n_capped > CAPPED_PIDS_MAX && m->instances.capped != w)
                waiting_free(capped_take(m, NULL, WIRE_NONE)); /* the oldest: its processes may be long gone */
}

static void judge_all(Manager *m, const Waiting *w) {
        for (size_t i = 0; i < w->n; i++)
                (void) classifier_judge(m, w->pids[i].pid, w->pids[i].event_ns);
}

/* The first whose processes still want a class takes the room. */
static void fill_room(Manager *m, uint32_t template) {
        for (Waiting *w; (w = capped_take(m, NULL, template));) {
                judge_all(m, w);
                bool asked = map_get_string(m->instances.waiting, w->name);
                waiting_free(w);
                if (asked) {
                        scan_request_later(m); /* what they have forked meanwhile was taken for settled */
                        return;
                }
        }
}

void instances_room(Manager *m, uint32_t template) {
        fill_room(m, template);
        if (map_size(m->instances.waiting) == 0) /* it may have been all of them together that were too many */
                fill_room(m, WIRE_NONE);
}

/* ---- asking ------------------------------------------------------------------------------------------------------------ */

/* Takes the new class in; the broker answers for one that exists with what it said before. */
static int instance_known(Manager *m, const WireClass *item) {
        Class *c = classes_get(&m->classes, item->index);

        if (c) {
                c->dropping = false;
                c->hierarchies |= item->hierarchies; /* a place outside the class roots may have got more of them */
                memcpy(c->inode, item->inode, sizeof(c->inode));
                return 0;
        }
        int r = classes_add_class(&m->classes, item, &c);
        return r < 0 ? r : manager_class_appeared(m, c);
}

static const char *why_not(const WireClass *item, int error) {
        return item->code == WIRE_LIMIT ? "as many as InstancesMax= allows are there" : item->code ? wire_code_name(item->code) : strerror(-error);
}

static void hold_without(Manager *m, pid_t pid, const char *name, const char *why) {
        Process *p = proctable_get(m->table, pid);
        char detail[160];

        if (!p)
                return;
        snprintf(detail, sizeof(detail), "class %.60s could not be made: %s", name, why);
        p->waiting = false;
        process_hold(p, HOLDER_ERROR, detail);
}

static void instance_failed(Waiting *w, const WireClass *item, int error) {
        log_warning("Class %s could not be made for %zu processes: %s", w->name, w->n, why_not(item, error));
        for (size_t i = 0; i < w->n; i++)
                hold_without(w->m, w->pids[i].pid, w->name, why_not(item, error));
        if (item->code == WIRE_LIMIT)
                capped_put(w->m, w);
}

/* Also for those who waited for room. */
static void instance_made(Manager *m, const Waiting *w) {
        _cleanup_(waiting_freep) Waiting *more = capped_take(m, w->name, WIRE_NONE);

        judge_all(m, w);
        if (more)
                judge_all(m, more);
        instances_check_soon(m); /* they may all be gone already */
}

static void on_instance(unsigned op, const void *reply, void *token, void *userdata) {
        _cleanup_(waiting_freep) Waiting *w = token;
        const WireClass *item = reply;
        Manager *m = w->m;
        int r;

        if (!reply)
                return;
        map_remove_string(m->instances.waiting, w->name);
        r = item->code == WIRE_OK ? instance_known(m, item) : -EIO;
        if (r < 0)
                instance_failed(w, item, r);
        else
                instance_made(m, w);
        classifier_origins_known(m); /* what was forked meanwhile waits for its parent */
}

/* `item` is what to ask the broker for, unless it was asked already. */
static int want(Manager *m, unsigned op, const void *item, uint32_t template, const char *name, pid_t pid, uint64_t event_ns) {
        Waiting *w = map_get_string(m->instances.waiting, name);
        int r;

        if (w)
                return waiting_add(w, pid, event_ns);
        w = calloc(1, sizeof(*w) + strlen(name) + 1);
        if (!w)
                return -ENOMEM;
        w->m = m;
        w->template = template;
        strcpy(w->name, name);
        r = waiting_add(w, pid, event_ns);
        if (r >= 0)
                r = map_put_string(m->instances.waiting, name, w);
        if (r >= 0) {
                r = brokerclient_submit(m->broker, op, item, on_instance, w);
                if (r < 0)
                        map_remove_string(m->instances.waiting, name);
        }
        if (r < 0)
                waiting_free(w);
        return r;
}

int instances_want(Manager *m, const Class *template, const char *name, const char *component, pid_t pid, uint64_t event_ns) {
        WireInstance item = { .template_index = template->index };

        if (strlen(component) >= sizeof(item.text))
                return -ENAMETOOLONG;
        strcpy(item.text, component);
        return want(m, WIRE_INSTANCE, &item, template->index, name, pid, event_ns);
}

int instances_want_place(Manager *m, const VerdictTarget *t, pid_t pid, uint64_t event_ns) {
        WirePlace item = { .root = t->root->index, .hierarchies = t->hierarchies, .own = t->own };

        strcpy(item.path, t->component); /* part of a name that is no longer */
        return want(m, WIRE_PLACE, &item, WIRE_NONE, t->name, pid, event_ns);
}

typedef struct Drop {
        Manager *m;
        uint32_t class_index;
} Drop;

static void on_dropped(unsigned op, const void *reply, void *token, void *userdata) {
        _cleanup_free_ Drop *d = token;
        const WireResult *result = reply;
        Class *c = result ? classes_get(&d->m->classes, d->class_index) : NULL;

        if (!c)
                return;
        if (result->code != WIRE_OK) {
                c->dropping = false; /* somebody came in meanwhile */
                return;
        }
        manager_class_vanished(d->m, c);
}

static bool instance_is_empty(Manager *m, const Class *c) {
        uint32_t h = m->classes.membership;
        _cleanup_free_ pid_t *pids = NULL;
        char path[WIRE_PATH_MAX];
        size_t n;

        if (h == WIRE_NONE || !(c->hierarchies & 1u << h))
                h = __builtin_ctz(c->hierarchies);
        if (classes_path(&m->classes, h, c->name, "", path, sizeof(path)) < 0)
                return false;
        return cgroup_members(m->classes.hierarchies[h].mount, path, true, &pids, &n) >= 0 && n == 0;
}

static int on_cleanup(sd_event_source *s, uint64_t usec, void *userdata) {
        Manager *m = userdata;

        for (size_t i = 0; i < m->classes.n; i++) {
                Class *c = m->classes.classes[i];
                WireDropInstance item = { .class_index = i };
                Drop *d;

                if (!c || !class_is_made_on_demand(c) || c->dropping || !c->hierarchies || !instance_is_empty(m, c))
                        continue;
                d = malloc(sizeof(*d));
                if (!d) {
                        timer_within(s, CLEANUP_USEC);
                        return 0;
                }
                *d = (Drop) { m, c->index };
                if (brokerclient_submit(m->broker, WIRE_DROP_INSTANCE, &item, on_dropped, d) < 0)
                        free(d);
                else
                        c->dropping = true;
        }
        return 0;
}

void instances_check_soon(Manager *m) {
        bool any = false;

        if (timer_is_set(m->instances.cleanup))
                return;
        for (size_t i = 0; i < m->classes.n && !any; i++)
                any = m->classes.classes[i] && class_is_made_on_demand(m->classes.classes[i]);
        if (any)
                timer_within(m->instances.cleanup, CLEANUP_USEC);
}

int instances_init(Manager *m) {
        int r = timer_new(m->event, CLOCK_MONOTONIC, 1000, on_cleanup, m, &m->instances.cleanup);

        return r < 0 ? r : map_new_string(&m->instances.waiting);
}
