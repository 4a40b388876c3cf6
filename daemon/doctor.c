/* What cannot take effect here, as far as the daemon knows: each finding with what mends it. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include "daemon/internal.h"
#include "daemon/selinux.h"

#define RULES_TOLD_MAX 100 /* inactive rules that are named; of more there is a count */

typedef struct Doctor {
        Manager *m;
        DoctorCallback callback;
        void *userdata;
} Doctor;

static void find(const Doctor *d, const char *id, bool note, const char *subject, const char *remedy, const char *format, ...) _printf_(6, 7);
static void find(const Doctor *d, const char *id, bool note, const char *subject, const char *remedy, const char *format, ...) {
        char problem[512];
        va_list ap;

        va_start(ap, format);
        vsnprintf(problem, sizeof(problem), format, ap);
        va_end(ap);
        d->callback(&(DoctorFinding) { .id = id, .note = note, .subject = subject, .problem = problem, .remedy = remedy }, d->userdata);
}

/* What was there and is not any more. */
static void look_at_losses(const Doctor *d, const StatusInfo *s) {
        if (d->m->degraded)
                find(d, "degraded", false, "service", "journalctl -u pclass", "it works without the kernel's events: %s", d->m->degraded_reason);
        if (d->m->broker_silent)
                find(d, "broker-silent", false, "broker", "journalctl -u pclass; systemctl restart pclass starts it anew",
                     "it has not answered for %" PRIu64 " s: nothing is moved, and %" PRIu64 " moves wait for it", s->broker_silent_usec / 1000000, s->moves_pending);
        for (size_t h = 0; h < d->m->classes.n_hierarchies; h++)
                if (d->m->hierarchies_lost & 1u << h)
                        find(d, "hierarchy-lost", false, classes_hierarchy_label(&d->m->classes, h), "mount it there again, or: systemctl restart pclass",
                             "this hierarchy is not mounted at %s any more: its classes cannot be looked after", d->m->classes.hierarchies[h].mount);
}

/* Of those that rules match and that are not in their class; what one could do about it hangs on the holder. */
static void look_at_held(const Doctor *d) {
        static const struct {
                const char *problem, *remedy;
        } holders[_HOLDER_N] = {
                [HOLDER_UNIT] = { "are held by the session or the service they belong to",
                                  "pclassctl plan names them; leave-unit behind the rule, or LeaveUnit=yes in the class, moves them all the same" },
                [HOLDER_PIN] = { "are held elsewhere by hand", "pclassctl list-assignments names them, pclassctl release PID lets go of one" },
                [HOLDER_PROTECTED] = { "are protected, or their class does not take their user",
                                       "nothing, if that is meant; pclassctl plan names them and the setting" },
                [HOLDER_UNKNOWN_FACT] = { "lack a fact that the name of their class asks for", "pclassctl plan names them, pclassctl explain PID the fact" },
                [HOLDER_MOVED] = { "were moved out of their class by something else, and Sweep=report leaves them there",
                                   "pclassctl plan names them, pclassctl reload brings them back; Sweep=repair in pclass.conf does it by itself" },
                [HOLDER_ERROR] = { "could not be moved", "they are tried again; journalctl -u pclass names them" },
        };

        for (Holder h = 0; h < _HOLDER_N; h++)
                if (holders[h].problem && d->m->scan.last.held_by[h] > 0)
                        find(d, "held", true, "processes", holders[h].remedy, "%" PRIu64 " that rules match %s", d->m->scan.last.held_by[h], holders[h].problem);
}

static void look_at_state(const Doctor *d) {
        StatusInfo s;
        uint32_t facts = rulebase_facts(d->m->rules);

        manager_status(d->m, &s);
        look_at_losses(d, &s);
        if (s.mode == MODE_OBSERVE)
                find(d, "observe", true, "service", "pclassctl enforce", "it observes: it decides everything and moves nothing");
        look_at_held(d);
        if (!s.converged && s.passes > 0)
                find(d, "not-converged", false, "processes", "pclassctl reload looks at all of them again", "%" PRIu64 " were not in their class after %" PRIu64
                     " passes over all of them", s.wrong, s.passes);
        if ((facts & FACT_BIT(FACT_CONTEXT)) && selinux_absent_reason())
                find(d, "no-selinux", false, "rules by context", "boot with security=selinux, or write them by user, program or unit; pclassctl list-rules names them",
                     "they match nothing: %s", selinux_absent_reason());
        if ((facts & FACT_BIT(FACT_LABEL)) && !d->m->reader.label_attr)
                find(d, "no-label", false, "rules by label", "boot with a security module that has labels (security=apparmor); pclassctl list-rules names them",
                     "they match nothing: %s", NO_LABEL_REASON);
        if (s.events_lost > 0)
                find(d, "events-lost", true, "kernel events", "nothing: every process was looked at again after each loss",
                     "%" PRIu64 " were lost since the service started", s.events_lost);
}

static void look_at_cgred(const Doctor *d) {
        unsigned error = d->m->options->cgred_error;

        if (error)
                find(d, "cgred-socket", false, "CgredSocket=",
                     error == EROFS ? "install -D -m 644 -t /etc/systemd/system/pclass.service.d " PCLASS_DATADIR "/pclass/unit-drop-ins/cgred.conf && "
                                      "systemctl daemon-reload && systemctl restart pclass" :
                                      "make its directory, or change the path, then: systemctl restart pclass",
                     "cgexec and cgclassify of libcgroup are not served: its socket cannot be made: %s", strerror((int) error));
}

static void look_at_kernel(const Doctor *d) {
        const ProcReader *r = &d->m->reader;

        if (d->m->connector && !connector_has_mask(d->m->connector))
                find(d, "kernel-event-mask", true, "kernel", "Linux 6.6 or later", "it cannot send chosen events alone: all of them are read");
        if (!r->pidfs)
                find(d, "kernel-pidfs", true, "kernel", "Linux 6.9 or later", "handles of processes have no number of their own: start times stand for it");
        if (!r->pidfd_info)
                find(d, "kernel-pidfd-info", true, "kernel", "Linux 6.13 or later", "it tells no ids by a handle: they are read from /proc, which takes longer");
}

/* All rules that ask what no security module here answers have been named together. */
static bool is_told(const Doctor *d, const char *reason) {
        const char *no_context = selinux_absent_reason(), *no_label = d->m->reader.label_attr ? NULL : NO_LABEL_REASON;

        return (no_context && streq(reason, no_context)) || (no_label && streq(reason, no_label));
}

static void look_at_rules(const Doctor *d) {
        const Ruleset *rules = manager_ruleset(d->m);
        size_t n = 0;

        for (size_t i = 0; i < ruleset_size(rules); i++) {
                const RuleEntry *e = ruleset_get(rules, i);
                char subject[128], place[320];

                if (e->active || !e->enabled || is_told(d, e->reason) || n++ >= RULES_TOLD_MAX)
                        continue;
                snprintf(subject, sizeof(subject), "rule %s", rule_name(e->rule));
                if (e->file[0])
                        snprintf(place, sizeof(place), "mend %s:%u, then: pclassctl reload", e->file, e->line);
                else
                        snprintf(place, sizeof(place), "pclassctl replace %s 'RULE'", rule_name(e->rule));
                find(d, "rule-inactive", false, subject, place, "it is not active: %s", e->reason);
        }
        if (n > RULES_TOLD_MAX)
                find(d, "rule-inactive", false, "rules", "pclassctl list-rules", "%zu more are not active", n - RULES_TOLD_MAX);
}

/* What the unit may not do as it is delivered. */
static const char *property_remedy(const ClassNote *note) {
        return strstr(note->text, "member-limits.conf") ?
               "install -D -m 644 -t /etc/systemd/system/pclass.service.d " PCLASS_DATADIR "/pclass/unit-drop-ins/member-limits.conf && "
               "systemctl daemon-reload && systemctl restart pclass" :
               startswith(note->text, "controller ") ? "take it out of the class, or see pclass.classes(5), Hierarchies=" :
               streq(note->property, "Hierarchies") ? "take the name out, or mount the hierarchy, then: systemctl restart pclass" :
               "change it in the file of the class, or take it out, then: pclassctl reload";
}

static void look_at_class(const Doctor *d, const Class *c) {
        char subject[384];

        for (size_t k = 0; k < c->n_notes; k++) {
                const ClassNote *note = &c->notes[k];

                if (note->supported)
                        continue;
                snprintf(subject, sizeof(subject), "class %s, %s", c->name, note->property);
                find(d, "property", false, subject, property_remedy(note), "it has no effect: %s", note->text);
        }
        if (!c->trouble)
                return;
        snprintf(subject, sizeof(subject), "class %s", c->name);
        find(d, "class", false, subject, "pclassctl show-class shows what was found", "%s", c->trouble);
}

/* One instance speaks for all of its template: there may be thousands. */
static void look_at_classes(const Doctor *d) {
        _cleanup_(map_freep) Map *seen = NULL;
        const Classes *t = &d->m->classes;

        if (map_new_u64(&seen) < 0)
                return;
        for (size_t i = 0; i < t->n; i++) {
                const Class *c = t->classes[i];

                if (!c || (c->template && map_put_u64(seen, c->template->index, c->template) < 0))
                        continue;
                look_at_class(d, c);
        }
}

void manager_doctor(Manager *m, DoctorCallback callback, void *userdata) {
        Doctor d = { m, callback, userdata };

        look_at_state(&d);
        look_at_cgred(&d);
        losses_doctor(m, callback, userdata);
        look_at_kernel(&d);
        look_at_rules(&d);
        look_at_classes(&d);
}
