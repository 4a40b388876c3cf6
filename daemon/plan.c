/* What would move if these rules were in force: every process judged, nothing moved. */
#include <inttypes.h>
#include <stdio.h>
#include "common/textstream.h"
#include "daemon/internal.h"
#include "daemon/verdict.h"

#define PLAN_ENTRIES_MAX 100000

void plan_entries_free(PlanEntry *e, size_t n) {
        for (size_t i = 0; e && i < n; i++) {
                free(e[i].comm);
                free(e[i].rule);
                free(e[i].file);
                free(e[i].from);
                free(e[i].to);
                free(e[i].class_name);
                free(e[i].reason);
                free(e[i].holder_detail);
        }
        free(e);
}

typedef struct Plan {
        Manager *m;
        const Ruleset *rules;
        bool asking; /* only to ask the broker whom it would refuse: the entries are made later */
        bool final;  /* it is not asked any more */
        size_t asked;
        PlanEntry *entries;
        size_t n, room;
} Plan;

/* Where the process would go on hierarchy h: to its target's place or, where the rule has none, to its origin. -ENOENT. */
static int wanted_path(Manager *m, const Verdict *v, const Process *p, uint32_t h, char *buf, size_t size) {
        const VerdictTarget *t = verdict_target(v, h);
        const Place *origin = !t && p && p->origin ? classes_place(&m->classes, wire_place(p->origin->place[h])) : NULL;

        if (t)
                return classes_path(&m->classes, h, t->name, m->classes.hierarchies[h].version == 2 ? t->leaf2 : "", buf, size);
        if (!origin || strlen(origin->path) >= size)
                return -ENOENT;
        strcpy(buf, origin->path);
        return 0;
}

/* "cpu:/a cgroup2:/b" of the hierarchies in mask; wanted: where it would go, else where it is. */
static char *places_text(Manager *m, const Verdict *v, const Process *p, uint32_t mask, bool wanted) {
        char *text = NULL;
        TextStream stream;
        FILE *f = text_stream_open(&stream);
        bool first = true;

        if (!f)
                return NULL;
        for (uint32_t h = 0; h < m->classes.n_hierarchies; h++) {
                char path[WIRE_PATH_MAX];
                if (!(mask & 1u << h) || !v->paths[h] || (wanted && wanted_path(m, v, p, h, path, sizeof(path)) < 0))
                        continue;
                fprintf(f, "%s%s:%s", first ? "" : " ", classes_hierarchy_label(&m->classes, h), wanted ? path : v->paths[h]);
                first = false;
        }
        return text_stream_close(&stream, &text, NULL) < 0 ? NULL : text;
}

static int plan_add(Plan *plan, Verdict *v, const Process *p, uint32_t mask, Holder holder, const char *detail, const char *reason) {
        PlanEntry *e;

        if (plan->n >= PLAN_ENTRIES_MAX)
                return -E2BIG;
        if (plan->n == plan->room) {
                size_t room = plan->room ? plan->room * 2 : 64;
                PlanEntry *grown = reallocarray(plan->entries, room, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                plan->entries = grown;
                plan->room = room;
        }
        (void) verdict_facts(plan->m, v, FACT_BIT(FACT_COMM) | FACT_BIT(FACT_UID), p);
        if (!(v->info.subject.known & FACT_BIT(FACT_UID)))
                return 0; /* it has just gone */
        e = &plan->entries[plan->n++];
        *e = (PlanEntry) { .pid = v->info.pid, .uid = v->info.subject.uid, .holder = holder };
        snprintf(e->cookie, sizeof(e->cookie), "%" PRIx64, v->info.cookie);
        e->comm = strdup(v->info.subject.known & FACT_BIT(FACT_COMM) ? v->info.subject.comm : "");
        e->rule = strdup(v->entry ? rule_name(v->entry->rule) : "");
        e->file = strdup(v->entry ? v->entry->file : "");
        e->line = v->entry ? v->entry->line : 0;
        e->from = places_text(plan->m, v, p, mask, false);
        e->to = v->entry ? places_text(plan->m, v, p, mask, true) : strdup("");
        e->class_name = v->n_targets > 0 ? strdup(v->targets[0].name) : NULL;
        e->reason = strdup(reason);
        e->holder_detail = strdup(detail);
        return e->comm && e->rule && e->file && e->from && e->to && e->reason && e->holder_detail ? 0 : -ENOMEM;
}

/* The conditions of a rule: its text between the name and the arrow. */
static int conditions_text(const Rule *rule, char **ret) {
        const char *text = rule_text(rule) + strlen(rule_name(rule)) + 2, *arrow = strstr(text, " => ");

        *ret = arrow ? strndup(text, arrow - text) : strdup(text);
        return *ret ? 0 : -ENOMEM;
}

/* Hierarchies where it is in a class that its rule does not give it. */
static uint32_t to_be_left(Plan *plan, Verdict *v, const Process *p) {
        uint32_t mask = p && v->n_targets > 0 ? p->wanted & ~v->wanted : 0;

        if (mask && verdict_paths(plan->m, v) < 0)
                return 0;
        for (uint32_t h = 0; h < plan->m->classes.n_hierarchies; h++)
                if (mask & 1u << h && (!v->paths[h] || !classes_of_path(&plan->m->classes, h, v->paths[h])))
                        mask &= ~(1u << h);
        return mask;
}

/* It would move, if the broker lets it. */
static int plan_move(Plan *plan, Verdict *v, const Process *p, uint32_t mask, const char *reason) {
        const VerdictTarget *t = v->targets;

        while (t + 1 < v->targets + v->n_targets && !(t->hierarchies & mask))
                t++;
        uint32_t class_index = v->n_targets == 0 ? WIRE_NONE : t->class ? t->class->index : t->template ? t->template->index : WIRE_NONE;
        int r = plan->final ? 0 : refusals_ask(plan->m, v->info.pid, v->info.cookie, class_index);

        if (r < 0)
                return r;
        plan->asked += r;
        if (plan->asking)
                return 0;
        WireCode code = refusals_get(plan->m, v->info.pid, v->info.cookie, class_index);
        return plan_add(plan, v, p, mask, code == WIRE_OK ? HOLDER_NONE : HOLDER_PROTECTED, strnull(refusal_text(code)), reason);
}

static bool same_rule(const Process *p, const Verdict *v) {
        return p->rule && streq(rule_text(p->rule), rule_text(v->entry->rule));
}

/* What was adopted stays; what was only reported goes back as soon as rules change. */
static bool moved_by_others(const Plan *plan, const Process *p) {
        return p->adopted || (p->holder == HOLDER_MOVED && plan->rules == plan->m->rules->current);
}

static int plan_match(Plan *plan, Verdict *v, const Process *p) {
        const Order *order = assign_peek(plan->m, &v->info);
        _cleanup_free_ char *reason = NULL;
        uint32_t left = to_be_left(plan, v, p);
        char held_by[160];
        int r;

        for (size_t i = 0; i < v->n_targets; i++)
                left |= verdict_left(v, i);
        if (!left && v->holder == HOLDER_NONE)
                return 0;
        r = verdict_paths(plan->m, v);
        if (r >= 0)
                r = conditions_text(v->entry->rule, &reason);
        if (r < 0)
                return r == -ESRCH ? 0 : r;
        if (order)
                assign_describe(order, held_by, sizeof(held_by));
        if (order || cgred_describe(plan->m, v, held_by, sizeof(held_by)))
                return plan_add(plan, v, p, left ?: v->wanted, HOLDER_PIN, held_by, reason);
        if (left && p && same_rule(p, v) && moved_by_others(plan, p))
                return plan_add(plan, v, p, left, HOLDER_MOVED, moved_text(p), reason);
        /* What is left moves even where another hierarchy is held; the broker's refusals are known of processes it was asked about. */
        if (left && p && p->holder == HOLDER_PROTECTED && same_rule(p, v))
                return plan_add(plan, v, p, left, p->holder, process_detail(p), reason);
        if (left)
                return plan_move(plan, v, p, left, reason);
        return plan_add(plan, v, p, v->held ?: v->wanted, v->holder, v->detail, reason);
}

static bool stays_in_force(const Ruleset *rs, const Rule *rule) {
        const RuleEntry *e = ruleset_find(rs, rule_name(rule));

        return e && e->active && streq(rule_text(e->rule), rule_text(rule));
}

static int plan_no_match(Plan *plan, Verdict *v, const Process *p) {
        uint32_t mask = 0;

        if (!p || !p->rule || assign_peek(plan->m, &v->info) || cgred_holds(plan->m, v) || stays_in_force(plan->rules, p->rule) || verdict_paths(plan->m, v) < 0)
                return 0;
        for (uint32_t h = 0; h < plan->m->classes.n_hierarchies; h++)
                if (v->paths[h] && classes_of_path(&plan->m->classes, h, v->paths[h]))
                        mask |= 1u << h;
        return mask ? plan_add(plan, v, p, mask, HOLDER_NONE, "", "no rule matches any more") : 0;
}

static int plan_process(Plan *plan, Verdict *v, pid_t pid) {
        const Process *p;
        int r;

        if (pid <= 2 || verdict_open(plan->m, v, pid) < 0 || v->info.kernel_thread)
                return 0;
        p = proctable_get(plan->m->table, pid);
        if (p && p->cookie != 0 && p->cookie != v->info.cookie)
                p = NULL;
        r = verdict_judge(plan->m, v, plan->rules, p);
        if (r < 0)
                return r == -ESRCH ? 0 : r;
        if (v->ignored)
                return 0;
        return v->entry ? plan_match(plan, v, p) : plan_no_match(plan, v, p);
}

static int plan_all(Plan *plan) {
        _cleanup_free_ Verdict *v = malloc(sizeof(*v));
        _cleanup_free_ pid_t *pids = NULL;
        size_t n;
        int r;

        if (!v)
                return -ENOMEM;
        r = scan_list_processes(&pids, &n);
        if (r < 0)
                return r;
        verdict_init(v);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = plan_process(plan, v, pids[i]);
        verdict_reset(v);
        return r;
}

int manager_plan_ask(Manager *m, const Ruleset *candidate) {
        Plan plan = { .m = m, .rules = candidate ?: m->rules->current, .asking = true };

        refusals_begin(m);
        int r = plan_all(&plan);
        plan_entries_free(plan.entries, plan.n);
        return r;
}

int manager_plan(Manager *m, const Ruleset *candidate, bool final, PlanEntry **ret, size_t *ret_n) {
        Plan plan = { .m = m, .rules = candidate ?: m->rules->current, .final = final };
        int r = plan_all(&plan);

        if (r < 0 || plan.asked > 0) {
                plan_entries_free(plan.entries, plan.n);
                return r < 0 ? r : 1;
        }
        *ret = plan.entries;
        *ret_n = plan.n;
        return 0;
}
