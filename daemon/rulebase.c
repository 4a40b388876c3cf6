/* The rules in force. */
#include "daemon/rulebase.h"

#include <malloc.h>
#include "common/log.h"
#include "daemon/destination.h"
#include "daemon/internal.h"
#include "daemon/selinux.h"
#include "rules/cgset.h"

#define DISCARD_SLICE 256 /* rules a wake-up: some tens of microseconds */

int rulebase_new(Manager *m, RuleBase **ret) {
        _cleanup_(rulebase_freep) RuleBase *b = calloc(1, sizeof(*b));
        int r;

        if (!b)
                return -ENOMEM;
        b->m = m;
        b->next_id = 1;
        b->generation = realtime_usec(); /* who looked before a restart must not take other rules for those */
        r = map_new_string(&b->ids);
        if (r >= 0)
                r = map_new_u64(&b->matches);
        if (r >= 0)
                r = ruleset_new(&b->files);
        if (r >= 0)
                r = match_cache_new(&b->cache);
        if (r >= 0)
                r = ruleload_init(b);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(b);
        return 0;
}

void runtime_rule_done(RuntimeRule *x) {
        rule_unref(x->rule);
        free(x->before);
        free(x->after);
}

RuleBase *rulebase_free(RuleBase *b) {
        uint64_t *count;
        size_t i = 0;

        if (!b)
                return NULL;
        ruleload_done(b);
        for (size_t k = 0; k < b->n_runtime; k++)
                runtime_rule_done(&b->runtime[k]);
        free(b->runtime);
        while (b->matches && (count = map_next_u64(b->matches, &i, NULL)))
                free(count);
        map_free(b->matches);
        map_free(b->ids);
        map_free(b->by_id);
        strv_free(b->disabled);
        match_cache_free(b->cache);
        sd_event_source_unref(b->discard);
        while (b->n_discarded > 0)
                ruleset_free(b->discarded[--b->n_discarded]);
        ruleset_free(b->current);
        ruleset_free(b->files);
        free(b);
        return NULL;
}

/* ---- what rules ask of the machine -------------------------------------------------------------------------------- */

static int env_user(const char *name, uid_t *ret, void *userdata) {
        RuleBase *b = userdata;
        int r = names_uid(b->m->names, name, ret);

        b->names_pending |= r == -EAGAIN;
        return r;
}

static int env_group(const char *name, gid_t *ret, void *userdata) {
        RuleBase *b = userdata;
        int r = names_gid(b->m->names, name, ret);

        b->names_pending |= r == -EAGAIN;
        return r;
}

static const char *env_group_name(gid_t gid, void *userdata) {
        RuleBase *b = userdata;
        const char *name;
        int r = names_group(b->m->names, gid, &name);

        b->groups_pending |= r == -EAGAIN;
        return r < 0 ? NULL : name;
}

static bool env_class(const char *name, void *userdata) {
        RuleBase *b = userdata;

        return classes_find(&b->m->classes, name) != NULL;
}

static bool env_class_reaches(const char *name, char *const *controllers, void *userdata) {
        RuleBase *b = userdata;
        const Class *c = classes_find(&b->m->classes, name);
        uint32_t mask = 0;

        for (; c && *controllers; controllers++)
                mask |= c->hierarchies & classes_controller(&b->m->classes, *controllers);
        return mask != 0;
}

static bool env_controller(const char *controller, void *userdata) {
        RuleBase *b = userdata;

        return classes_controller(&b->m->classes, controller) != 0;
}

static bool env_destination(const char *destination, char *const *controllers, char *reason, size_t size, void *userdata) {
        RuleBase *b = userdata;

        return destination_allowed(&b->m->classes, destination, controllers, reason, size);
}

/* Where the policy cannot be asked the rule counts: it matches what it says. */
static bool env_context(const char *context, void *userdata) {
        return selinux_check_context(context) != -EINVAL;
}

int rulebase_compiler(RuleBase *b, Ruleset *rs, RulesetCompiler **ret) {
        RulesetEnv env = {
                .user_by_name = env_user,
                .group_by_name = env_group,
                .group_name = env_group_name,
                .class_exists = env_class,
                .class_reaches = env_class_reaches,
                .controller_exists = env_controller,
                .context_exists = env_context,
                .destination_allowed = env_destination,
                .no_context_reason = selinux_absent_reason(),
                .no_audit_reason = b->m->reader.audit ? NULL : "this kernel has no audit, so processes have no loginuid and no session",
                .no_label_reason = b->m->reader.label_attr ? NULL : NO_LABEL_REASON,
                .userdata = b,
        };

        b->names_pending = false;
        return ruleset_compiler_new(rs, &env, ret);
}

/* ---- building -------------------------------------------------------------------------------------------------------- */

uint64_t rulebase_id(RuleBase *b, const char *name) {
        uint64_t id = (uintptr_t) map_get_string(b->ids, name);

        if (id == 0) {
                id = b->next_id;
                if (map_put_string(b->ids, name, (void *) (uintptr_t) id) < 0)
                        return 0;
                b->next_id++;
        }
        return id;
}

void rulebase_forget(RuleBase *b, const char *name) {
        uint64_t id = (uintptr_t) map_remove_string(b->ids, name);

        free(map_remove_u64(b->matches, id));
}

static int rulebase_compile(RuleBase *b, Ruleset *rs) {
        _cleanup_(ruleset_compiler_freep) RulesetCompiler *c = NULL;
        int r = rulebase_compiler(b, rs, &c);

        while (r >= 0 && (r = ruleset_compiler_step(c, SIZE_MAX)) > 0)
                ;
        return r;
}

int rulebase_append(RuleBase *b, Ruleset *rs, const Rule *rule, const char *file, unsigned line, TextError *err) {
        int r = ruleset_add(rs, rule, rulebase_id(b, rule_name(rule)), file, line, err);

        if (r >= 0 && strv_contains(b->disabled, rule_name(rule)))
                ruleset_set_enabled(rs, ruleset_size(rs) - 1, false);
        return r;
}

int rulebase_build(RuleBase *b, const Ruleset *files, const RuntimeRule *list, size_t n, Ruleset **ret, TextError *err) {
        _cleanup_(rule_order_freep) RuleOrder *order = NULL;
        _cleanup_(ruleset_freep) Ruleset *rs = NULL;
        int r = rule_order_new(b, files, list, n, &order);

        while (r >= 0 && (r = rule_order_step(order, SIZE_MAX, err)) > 0)
                ;
        if (r < 0)
                return r;
        rs = rule_order_take(order);
        r = rulebase_compile(b, rs);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rs);
        return 0;
}

/* Letting go of ten thousand rules takes milliseconds that events should not wait for. */
static int on_discard(sd_event_source *s, void *userdata) {
        RuleBase *b = userdata;

        if (b->n_discarded > 0 && !ruleset_free_step(b->discarded[b->n_discarded - 1], DISCARD_SLICE))
                ruleset_free(b->discarded[--b->n_discarded]);
        if (b->n_discarded > 0)
                return 0;
        if (b->trim)
                (void) malloc_trim(0); /* what two rulesets needed, one does not */
        b->trim = false;
        return sd_event_source_set_enabled(s, SD_EVENT_OFF);
}

void rulebase_discard(RuleBase *b, Ruleset *rs) {
        if (!rs)
                return;
        if (!b->discard) {
                int r = sd_event_add_defer(b->m->event, &b->discard, on_discard, b);
                if (r >= 0)
                        r = sd_event_source_set_priority(b->discard, PRIORITY_RULES);
                if (r < 0)
                        b->discard = sd_event_source_unref(b->discard);
        }
        if (!b->discard || b->n_discarded == ELEMENTSOF(b->discarded)) {
                ruleset_free(rs); /* in one go, then */
                return;
        }
        b->trim |= ruleset_size(rs) > 4 * DISCARD_SLICE;
        b->discarded[b->n_discarded++] = rs;
        (void) sd_event_source_set_enabled(b->discard, SD_EVENT_ON);
}

/* From here on nothing can fail: the new ruleset takes the old one's place. */
void rulebase_swap(RuleBase *b, Ruleset *rs) {
        Manager *m = b->m;

        match_cache_drop(b->cache);
        b->by_id = map_free(b->by_id);
        rulebase_discard(b, TAKE_PTR(b->current));
        b->current = rs;
        b->generation++;
        if (m->ready && m->exe.fd < 0 && (rulebase_facts(b) & FACT_BIT(FACT_EXE))) {
                log_notice("A rule asks for the program file: the exe reader is needed");
                manager_restart_soon(m);
        }
        if (m->ops && m->ops->rules_changed)
                m->ops->rules_changed(b->generation, m->ops_userdata);
        scan_request(m);
}

int rulebase_recompile(RuleBase *b) {
        _cleanup_(ruleset_freep) Ruleset *rs = NULL;
        TextError err;
        int r = rulebase_build(b, b->files, b->runtime, b->n_runtime, &rs, &err);

        if (r < 0)
                return r;
        rulebase_swap(b, TAKE_PTR(rs));
        return 0;
}

/* ---- looking ---------------------------------------------------------------------------------------------------------- */

uint64_t manager_generation(Manager *m) {
        return m->rules->generation;
}

const Ruleset *manager_ruleset(Manager *m) {
        return m->rules->current;
}

/* Made when first asked for: GetManagedObjects looks for every rule, ten times. */
static void index_ids(RuleBase *b) {
        _cleanup_(map_freep) Map *map = NULL;

        if (map_new_u64(&map) < 0)
                return;
        for (size_t i = 0; i < ruleset_size(b->current); i++) {
                const RuleEntry *e = ruleset_get(b->current, i);

                if (map_put_u64(map, e->id, (void *) e) < 0)
                        return;
        }
        b->by_id = TAKE_PTR(map);
}

const RuleEntry *manager_rule_by_id(Manager *m, uint64_t id) {
        const Ruleset *rs = m->rules->current;

        if (!m->rules->by_id)
                index_ids(m->rules);
        if (m->rules->by_id)
                return map_get_u64(m->rules->by_id, id);
        for (size_t i = 0; i < ruleset_size(rs); i++)
                if (ruleset_get(rs, i)->id == id)
                        return ruleset_get(rs, i);
        return NULL;
}

uint64_t manager_rule_matches(Manager *m, uint64_t id) {
        const uint64_t *count = map_get_u64(m->rules->matches, id);

        return count ? *count : 0;
}

void rulebase_count_match(RuleBase *b, uint64_t id) {
        uint64_t *count = map_get_u64(b->matches, id);

        if (!count) {
                count = calloc(1, sizeof(*count));
                if (!count || map_put_u64(b->matches, id, count) < 0) {
                        free(count);
                        return; /* one count less to show */
                }
        }
        (*count)++;
}

uint32_t rulebase_facts(const RuleBase *b) {
        uint32_t facts = 0;

        for (size_t i = 0; b->current && i < ruleset_size(b->current); i++)
                facts |= rule_facts(ruleset_get(b->current, i)->rule);
        return facts;
}

bool rulebase_spells_names(const RuleBase *b) {
        for (size_t i = 0; b->current && i < ruleset_size(b->current); i++)
                if (rule_names(ruleset_get(b->current, i)->rule) > 0)
                        return true;
        return b->current && ruleset_cgrules(b->current) && cgrules_spell_names(ruleset_cgrules(b->current));
}

bool rulebase_in_force(const RuleBase *b, const Rule *rule) {
        const RuleEntry *e = ruleset_find(b->current, rule_name(rule));

        return e && e->active && (e->rule == rule || streq(rule_text(e->rule), rule_text(rule)));
}

bool rulebase_leads_to(const RuleBase *b, const char *class_name, const char *template_name) {
        if (b->runtime_lost) /* one of those may */
                return true;
        for (size_t i = 0; i < ruleset_size(b->current); i++) {
                const RuleEntry *e = ruleset_get(b->current, i);
                const RuleTarget *targets;
                size_t n = e->active ? rule_targets(e->rule, &targets) : 0, entry;
                if (e->active && rule_is_foreign(e->rule, &entry) && cgrules_may_lead_to(ruleset_cgrules(b->current), entry, class_name))
                        return true;
                for (size_t k = 0; k < n; k++)
                        if (streq(targets[k].class_name, class_name) || streq_ptr(targets[k].class_name, template_name))
                                return true;
        }
        return false;
}

int manager_candidate(Manager *m, const char *text, bool alone, Ruleset **ret, TextError *err) {
        _cleanup_(ruleset_freep) Ruleset *rs = NULL;
        RuleBase *b = m->rules;
        bool pending = b->names_pending;
        int r = ruleset_new(&rs);

        if (r >= 0)
                r = ruleset_add_text(rs, text, strlen(text), "", err);
        if (r >= 0 && !alone)
                r = ruleset_set_cgrules(rs, ruleset_cgrules(b->current));
        for (size_t i = 0; r >= 0 && !alone && i < ruleset_size(b->current); i++) {
                const RuleEntry *e = ruleset_get(b->current, i);
                if (ruleset_find(rs, rule_name(e->rule)))
                        continue; /* the candidate stands for it */
                r = rulebase_append(b, rs, e->rule, e->file, e->line, err);
        }
        if (r >= 0)
                r = rulebase_compile(b, rs);
        b->names_pending = pending;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rs);
        return 0;
}
