/* Why is this process where it is? */
#include <inttypes.h>
#include <stdio.h>
#include "daemon/internal.h"
#include "daemon/selinux.h"
#include "daemon/verdict.h"
#include "rules/cgset.h"

#define ALL_FACTS (FACT_BIT(_FACT_N) - 1)
#define LINE_FACTS (FACT_BIT(FACT_ARG0) | FACT_BIT(FACT_SCRIPT))

const char *holder_name(Holder h) {
        static const char *const names[] = { "", "unit", "pin", "protected", "observe", "unknown-fact", "moved", "error" };
        return names[h];
}

Explanation *explanation_free(Explanation *x) {
        if (!x)
                return NULL;
        for (size_t i = 0; i < x->n_facts; i++) {
                free(x->facts[i].value);
                free(x->facts[i].reason);
        }
        for (size_t i = 0; i < x->n_steps; i++) {
                free(x->steps[i].condition);
                free(x->steps[i].reason);
        }
        for (size_t i = 0; i < x->n_places; i++) {
                free(x->places[i].controllers);
                free(x->places[i].path);
                free(x->places[i].wanted);
        }
        free(x->facts);
        free(x->steps);
        free(x->places);
        free(x->rule);
        free(x->file);
        free(x->class_name);
        free(x->current_class);
        free(x->holder_detail);
        free(x->assigned);
        free(x->assigned_class);
        free(x->origin);
        free(x);
        return NULL;
}

static char *number_list(const gid_t *gids, size_t n) {
        char *text = malloc(n * 11 + 1), *end = text;

        if (!text)
                return NULL;
        *end = '\0';
        for (size_t i = 0; i < n; i++)
                end += sprintf(end, "%s%u", i ? "," : "", gids[i]);
        return text;
}

static char *number(unsigned n) {
        char *text;

        return asprintf(&text, "%u", n) < 0 ? NULL : text;
}

static char *fact_value(const Subject *s, Fact f) {
        const char *const texts[_FACT_N] = {
                [FACT_CONTEXT] = s->context, [FACT_USER] = s->user,     [FACT_GROUP] = s->group, [FACT_COMM] = s->comm,
                [FACT_EXE] = s->exe,         [FACT_ARG0] = s->arg0,     [FACT_CGROUP] = s->cgroup, [FACT_UNIT] = s->unit,
                [FACT_LABEL] = s->label,      [FACT_SCRIPT] = s->script,  [FACT_PARENT_CLASS] = s->parent_class,
        };

        if (!(s->known & FACT_BIT(f)))
                return NULL;
        switch (f) {
        case FACT_UID:
                return number(s->uid);
        case FACT_GID:
                return number(s->gid);
        case FACT_PID:
                return number(s->pid);
        case FACT_RUID:
                return number(s->ruid);
        case FACT_LOGINUID:
                return number(s->loginuid);
        case FACT_SESSION:
                return number(s->session);
        case FACT_GROUPS:
                return number_list(s->groups, s->n_groups);
        case FACT_MEMBER:
                return number_list(s->members, s->n_members);
        default:
                return strdup(strnull(texts[f]));
        }
}

static const char *unknown_reason(Manager *m, const Verdict *v, Fact f) {
        switch (f) {
        case FACT_CONTEXT:
                return selinux_absent_reason() ?: "the kernel does not let pclassd read it";
        case FACT_LABEL:
                return m->reader.label_attr ? "the kernel does not let pclassd read it" : "no security module with labels is enabled";
        case FACT_USER:
        case FACT_GROUP:
        case FACT_MEMBER:
                return v->names_pending ? "being asked for" : "the number has no name";
        case FACT_EXE:
                return v->exe_error == -ENOTCONN ? "no rule asks for it, so nobody reads it" :
                       v->exe_error == -EREMOTE  ? "the path is of another mount namespace and not that file here" :
                                                   "the link cannot be read";
        case FACT_ARG0:
        case FACT_SCRIPT:
                return v->line_error == -EAGAIN ? "being asked for" : v->line_error == -ETIMEDOUT ? "its command line does not answer" :
                                                                                                "the process has no command line";
        case FACT_LOGINUID:
        case FACT_SESSION:
                return m->reader.audit ? "nobody logged in for it" : "this kernel has no audit";
        case FACT_CGROUP:
        case FACT_UNIT:
                return "where it came from is not known";
        default:
                return "the process has just gone";
        }
}

static int add_facts(Manager *m, const Verdict *v, Explanation *x) {
        x->facts = calloc(_FACT_N, sizeof(*x->facts));
        if (!x->facts)
                return -ENOMEM;
        for (Fact f = 0; f < _FACT_N; f++) {
                ExplainFact *fact = &x->facts[x->n_facts++];
                fact->name = fact_name(f);
                fact->value = fact_value(&v->info.subject, f);
                if (!fact->value && !(fact->reason = strdup(unknown_reason(m, v, f))))
                        return -ENOMEM;
        }
        return 0;
}

/* The first condition of an active rule that does not hold, and why; NULL: they all do. */
static const char *unmet(const Ruleset *rs, const RuleEntry *e, const Subject *s, const char **ret_reason) {
        const char *condition;
        bool unknown = false;
        size_t line;

        if (rule_is_foreign(e->rule, &line))
                condition = cgrules_unmet(ruleset_cgrules(rs), line, s);
        else if (ruleset_explain(rs, e, s, &condition, &unknown))
                condition = NULL;
        *ret_reason = unknown ? "its fact is unknown" : "does not hold";
        return condition;
}

/* Every rule before the winner (all of them if none wins) and the first of its conditions that did not hold. */
static int add_steps(const Verdict *v, const Ruleset *rs, Explanation *x) {
        size_t n = v->entry ? v->entry->position : ruleset_size(rs);

        x->steps = calloc(MAX(n, (size_t) 1), sizeof(*x->steps));
        if (!x->steps)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const RuleEntry *e = ruleset_get(rs, i);
                ExplainStep *step = &x->steps[x->n_steps++];
                const char *condition, *reason;

                step->rule = rule_name(e->rule);
                step->file = e->file;
                step->line = e->line;
                if (!e->active)
                        step->reason = strdup(e->reason);
                else if ((condition = unmet(rs, e, &v->info.subject, &reason))) {
                        step->condition = strdup(condition);
                        step->reason = strdup(reason);
                } else
                        step->reason = strdup(v->stuck ? "holds, but a sticky rule placed the process before" : "holds now"); /* it has just changed */
                if (!step->reason)
                        return -ENOMEM;
        }
        return 0;
}

static int add_places(Manager *m, const Verdict *v, Explanation *x) {
        const Classes *c = &m->classes;
        char path[WIRE_PATH_MAX];

        x->places = calloc(WIRE_HIERARCHIES_MAX, sizeof(*x->places));
        if (!x->places)
                return -ENOMEM;
        for (uint32_t h = 0; v->has_paths && h < c->n_hierarchies; h++) {
                const VerdictTarget *t = verdict_target(v, h);
                ExplainPlace *p = &x->places[x->n_places];
                if (!v->paths[h])
                        continue;
                x->n_places++;
                p->controllers = strdup(classes_hierarchy_label(c, h));
                p->path = strdup(v->paths[h]);
                if (t && classes_path(c, h, t->name, c->hierarchies[h].version == 2 ? t->leaf2 : "", path, sizeof(path)) >= 0)
                        p->wanted = strdup(path);
                if (!p->controllers || !p->path || (t && !p->wanted))
                        return -ENOMEM;
        }
        return 0;
}

/* The verdict knows units and unknown facts, the mode holds everything, and the table knows what the broker answered. */
static void find_holder(Manager *m, const Verdict *v, const Process *p, const Order *o, Explanation *x) {
        const char *detail = v->detail;
        char registered[160];
        bool left = false;

        if (o && v->entry && !v->ignored && !x->in_place) {
                x->holder = HOLDER_PIN;
                x->holder_detail = strdup(x->assigned);
                return;
        }
        for (size_t i = 0; i < v->n_targets; i++)
                left |= verdict_left(v, i) != 0;
        x->holder = v->holder;
        if (left && cgred_describe(m, v, registered, sizeof(registered))) {
                x->holder = HOLDER_PIN;
                detail = registered;
        } else if (left && m->mode == MODE_OBSERVE) {
                x->holder = HOLDER_OBSERVE;
                detail = "";
        } else if (left && p && p->adopted) {
                x->holder = HOLDER_MOVED;
                detail = moved_text(p);
        } else if (left && p && (p->holder == HOLDER_PROTECTED || p->holder == HOLDER_MOVED || p->holder == HOLDER_ERROR)) {
                x->holder = p->holder;
                detail = process_detail(p);
        }
        x->holder_detail = strdup(detail);
}

static int add_decision(Manager *m, const Verdict *v, const Process *p, const Order *o, Explanation *x) {
        char text[160];
        uint32_t h = m->classes.membership;
        const Class *now = h != WIRE_NONE && v->has_paths && v->paths[h] ? classes_of_path(&m->classes, h, v->paths[h]) : NULL;
        const Place *origin = p && p->origin && h != WIRE_NONE ? classes_place(&m->classes, wire_place(p->origin->place[h])) : NULL;

        if (v->entry) {
                x->rule = strdup(rule_name(v->entry->rule));
                x->file = strdup(v->entry->file);
                x->line = v->entry->line;
        }
        x->ignored = v->ignored;
        if (v->n_targets > 0)
                x->class_name = strdup(v->targets[0].name);
        x->in_place = v->n_targets > 0 && v->in_place == v->wanted;
        if (now)
                x->current_class = strdup(now->name);
        if (origin)
                x->origin = strdup(origin->path);
        if (p)
                x->move_usec = p->move_usec;
        if (o) {
                assign_describe(o, text, sizeof(text));
                x->assigned = strdup(text);
                x->assigned_class = strdup(o->class_name);
                if (!x->assigned || !x->assigned_class)
                        return -ENOMEM;
        }
        find_holder(m, v, p, o, x);
        return 0;
}

static int explain_opened(Manager *m, Verdict *v, Explanation *x) {
        const Ruleset *rs = m->rules->current;
        const Process *p;
        const Order *o;
        Class *c;
        int r;

        /* While it waits for the line, lines that others wait for may come, its own as well: they are judged then, and entries and orders may go. */
        v->patient = true;
        r = verdict_facts(m, v, LINE_FACTS, NULL);
        v->patient = false;
        p = proctable_get(m->table, v->info.pid);
        o = assign_peek(m, &v->info);
        if (p && (p->home || (p->cookie != 0 && p->cookie != v->info.cookie)))
                p = NULL;
        if (r >= 0)
                r = verdict_facts(m, v, ALL_FACTS, p);
        if (r >= 0)
                r = verdict_judge(m, v, rs, p);
        if (r >= 0)
                r = verdict_paths(m, v);
        if (r < 0)
                return r;
        x->pid = v->info.pid;
        x->kernel_thread = v->info.kernel_thread;
        snprintf(x->cookie, sizeof(x->cookie), "%" PRIx64, v->info.cookie);
        if ((r = add_facts(m, v, x)) < 0 || (r = add_steps(v, rs, x)) < 0 || (r = add_decision(m, v, p, o, x)) < 0)
                return r;
        c = o ? classes_find(&m->classes, o->class_name) : NULL;
        if (c && (r = verdict_by_hand(m, v, c, o->id, o->leave_unit)) < 0)
                return r;
        return add_places(m, v, x);
}

int manager_explain(Manager *m, pid_t pid, const char *cookie, Explanation **ret) {
        _cleanup_(explanation_freep) Explanation *x = calloc(1, sizeof(*x));
        _cleanup_free_ Verdict *v = malloc(sizeof(*v));
        int r;

        if (!x || !v)
                return -ENOMEM;
        verdict_init(v);
        r = pid <= 0 ? -ESRCH : verdict_open(m, v, pid);
        if (r == -EINVAL)
                r = -ESRCH; /* a thread: no process has that number */
        if (r >= 0)
                r = verdict_is_cookie(v, cookie);
        if (r >= 0)
                r = explain_opened(m, v, x);
        verdict_reset(v);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(x);
        return 0;
}
