/* Looking after classes. */
#include "daemon/classcare.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include "common/log.h"
#include "daemon/internal.h"

#define UPTIME_NS (3 * UINT64_C(1000000000)) /* before a start anew for the sake of a class, so that one that is removed again and again does not spin */

typedef struct Check {
        Manager *m;
        uint32_t class_index;
} Check;

/* Told once, until it is something else. */
static void tell(Manager *m, Class *c, const WireResult *result) {
        const char *found = result->text;

        if (streq(strnull(c->trouble), found))
                return;
        if (*found && result->code == WIRE_OK)
                log_warning("Class %s: %s; this was made good", c->name, found);
        else if (*found)
                log_warning("Class %s: %s; it stays so%s%s", c->name, found, result->error ? ": " : "",
                            result->error ? strerror(-result->error) : " (Sweep=)");
        m->stats.classes_found_changed += *found != '\0';
        free(c->trouble);
        c->trouble = *found && result->code != WIRE_OK ? strdup(found) : NULL;
}

static void on_checked(unsigned op, const void *reply, void *token, void *userdata) {
        _cleanup_free_ Check *x = token;
        const WireResult *result = reply;
        Class *c = result ? classes_get(&x->m->classes, x->class_index) : NULL;

        if (!c || !wire_text_ok(result->text, sizeof(result->text)))
                return;
        tell(x->m, c, result);
        if (result->code == WIRE_CLASS_GONE)
                classcare_gone(x->m, x->class_index);
}

void classcare_check(Manager *m, const Class *c) {
        const WireCheckClass item = { .class_index = c->index };
        Check *x;

        if (c->flags & WIRE_CLASS_TEMPLATE || c->dropping || !(x = malloc(sizeof(*x))))
                return;
        *x = (Check) { m, c->index };
        if (brokerclient_submit(m->broker, WIRE_CHECK_CLASS, &item, on_checked, x) < 0)
                free(x); /* the next sweep asks again */
}

/* Who unmounts a hierarchy takes it from our sight; the broker still reaches it by the descriptor that it holds. Mounted again it is the same one. */
static void check_mounts(Manager *m) {
        uint32_t before = m->hierarchies_lost;

        for (size_t h = 0; h < m->classes.n_hierarchies; h++) {
                const WireHierarchy *w = &m->classes.hierarchies[h];
                uint32_t bit = 1u << h;
                struct statfs fs;
                bool lost = statfs(w->mount, &fs) < 0 || (uint32_t) fs.f_type != (w->version == 2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
                if (lost && !(m->hierarchies_lost & bit))
                        log_warning("The hierarchy %s is not mounted at %s any more: its classes cannot be looked after. Mount it there again, or restart the service",
                                    classes_hierarchy_label(&m->classes, h), w->mount);
                if (!lost && m->hierarchies_lost & bit)
                        log_notice("The hierarchy %s is mounted at %s again", classes_hierarchy_label(&m->classes, h), w->mount);
                m->hierarchies_lost = lost ? m->hierarchies_lost | bit : m->hierarchies_lost & ~bit;
        }
        if (m->hierarchies_lost != before)
                manager_status_changed(m);
}

void classcare_sweep(Manager *m) {
        check_mounts(m);
        for (size_t i = 0; i < m->classes.n; i++)
                if (m->classes.classes[i])
                        classcare_check(m, m->classes.classes[i]);
}

static int on_restart(sd_event_source *source, uint64_t usec, void *userdata) {
        manager_restart_soon(userdata);
        return 0;
}

void classcare_gone(Manager *m, uint32_t class_index) {
        const Class *c = classes_get(&m->classes, class_index);
        uint64_t up = now_ns() - m->started_ns;

        if (!c || class_is_made_on_demand(c) || c->dropping || m->options->sweep != SWEEP_REPAIR || m->restarting || m->class_restart)
                return;
        log_warning("The cgroup of class %s is gone and cannot be made again from here; starting anew", c->name);
        if (sd_event_add_time_relative(m->event, &m->class_restart, CLOCK_MONOTONIC, up < UPTIME_NS ? (UPTIME_NS - up) / 1000 : 0, 0,
                                       on_restart, m) < 0)
                manager_exit(m, EXIT_FAILURE);
}
