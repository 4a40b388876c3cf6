/* The rules in force. */
#include "daemon/rulebase.h"

#include <fcntl.h>
#include "common/conf.h"
#include "common/fd.h"
#include "common/log.h"
#include "daemon/internal.h"
#include "daemon/selinux.h"

#define RULE_FILE_MAX (16u << 20) /* bytes */

int rulebase_new(Manager *m, RuleBase **ret) {
        _cleanup_(rulebase_freep) RuleBase *b = calloc(1, sizeof(*b));
        int r;

        if (!b)
                return -ENOMEM;
        b->m = m;
        b->next_id = 1;
        r = map_new_string(&b->ids);
        if (r >= 0)
                r = map_new_u64(&b->matches);
        if (r >= 0)
                r = ruleset_new(&b->files);
        if (r >= 0)
                r = match_cache_new(&b->cache);
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

        return names_group(b->m->names, gid, &name) < 0 ? NULL : name;
}

static bool env_class(const char *name, void *userdata) {
        RuleBase *b = userdata;

        return classes_find(&b->m->classes, name) != NULL;
}

static bool env_controller(const char *controller, void *userdata) {
        RuleBase *b = userdata;

        return classes_controller(&b->m->classes, controller) != 0;
}

/* Where the policy cannot be asked the rule counts: it matches what it says. */
static bool env_context(const char *context, void *userdata) {
        return selinux_check_context(context) != -EINVAL;
}

static int rulebase_compile(RuleBase *b, Ruleset *rs) {
        RulesetEnv env = {
                .user_by_name = env_user,
                .group_by_name = env_group,
                .group_name = env_group_name,
                .class_exists = env_class,
                .controller_exists = env_controller,
                .context_exists = env_context,
                .no_context_reason = selinux_absent_reason(),
                .no_audit_reason = b->m->reader.audit ? NULL : "this kernel has no audit, so processes have no loginuid and no session",
                .no_label_reason = b->m->reader.label_attr ? NULL : "no security module with labels (AppArmor, Smack) is enabled",
                .userdata = b,
        };
        return ruleset_compile(rs, &env);
}

/* ---- building one order out of files and runtime rules -------------------------------------------------------------- */

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

static int append(RuleBase *b, Ruleset *rs, const Rule *rule, const char *file, unsigned line, TextError *err) {
        int r = ruleset_add(rs, rule, rulebase_id(b, rule_name(rule)), file, line, err);

        if (r >= 0 && strv_contains(b->disabled, rule_name(rule)))
                ruleset_set_enabled(rs, ruleset_size(rs) - 1, false);
        return r;
}

/* The runtime rules that stand before (or after) the rule `name`, in their order, each with its own neighbours. */
static int append_neighbours(RuleBase *b, Ruleset *rs, const char *name, bool before, const RuntimeRule *list, size_t n, TextError *err) {
        for (size_t i = 0; i < n; i++) {
                const char *anchor = before ? list[i].before : list[i].after;
                int r;
                if (!anchor || !streq(anchor, name) || ruleset_find(rs, rule_name(list[i].rule)))
                        continue;
                /* Neighbours of neighbours: n is bounded and each rule is appended once, so this ends. */
                r = append_neighbours(b, rs, rule_name(list[i].rule), true, list, n, err);
                if (r >= 0)
                        r = append(b, rs, list[i].rule, "", 0, err);
                if (r >= 0)
                        r = append_neighbours(b, rs, rule_name(list[i].rule), false, list, n, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int append_placed(RuleBase *b, Ruleset *rs, const Rule *rule, const char *file, unsigned line, const RuntimeRule *list, size_t n,
                         TextError *err) {
        int r = append_neighbours(b, rs, rule_name(rule), true, list, n, err);

        if (r >= 0)
                r = append(b, rs, rule, file, line, err);
        if (r >= 0)
                r = append_neighbours(b, rs, rule_name(rule), false, list, n, err);
        return r;
}

static bool has_anchor(const RuntimeRule *x, const Ruleset *files, const RuntimeRule *list, size_t n) {
        const char *anchor = x->before ?: x->after;

        if (!anchor)
                return false;
        if (ruleset_find(files, anchor))
                return true;
        for (size_t i = 0; i < n; i++)
                if (&list[i] != x && streq(rule_name(list[i].rule), anchor))
                        return true;
        return false;
}

/* Those that stand next to another one: few, so that looking through them for every rule costs little. Owns nothing but the array. */
static int anchored_rules(const RuntimeRule *list, size_t n, RuntimeRule **ret, size_t *ret_n) {
        RuntimeRule *anchored = calloc(MAX(n, (size_t) 1), sizeof(*anchored));
        size_t k = 0;

        if (!anchored)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (list[i].before || list[i].after)
                        anchored[k++] = list[i];
        *ret = anchored;
        *ret_n = k;
        return 0;
}

/* Runtime rules without a place (or whose neighbour is gone) first, then the files, each with its runtime neighbours. */
int rulebase_build(RuleBase *b, const Ruleset *files, const RuntimeRule *list, size_t n, Ruleset **ret, TextError *err) {
        _cleanup_(ruleset_freep) Ruleset *rs = NULL;
        _cleanup_free_ RuntimeRule *near = NULL;
        size_t n_near = 0;
        int r = ruleset_new(&rs);

        if (r >= 0)
                r = anchored_rules(list, n, &near, &n_near);
        for (size_t i = 0; r >= 0 && i < n; i++)
                if (!has_anchor(&list[i], files, list, n) && !ruleset_find(rs, rule_name(list[i].rule)))
                        r = append_placed(b, rs, list[i].rule, "", 0, near, n_near, err);
        for (size_t i = 0; r >= 0 && i < ruleset_size(files); i++) {
                const RuleEntry *e = ruleset_get(files, i);
                r = append_placed(b, rs, e->rule, e->file, e->line, near, n_near, err);
        }
        /* Rules that name each other as neighbours hang on nothing: they come last rather than vanish. */
        for (size_t i = 0; r >= 0 && i < n; i++)
                if (!ruleset_find(rs, rule_name(list[i].rule)))
                        r = append(b, rs, list[i].rule, "", 0, err);
        b->names_pending = false;
        if (r >= 0)
                r = rulebase_compile(b, rs);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rs);
        return 0;
}

/* From here on nothing can fail: the new ruleset takes the old one's place. */
void rulebase_swap(RuleBase *b, Ruleset *rs) {
        Manager *m = b->m;

        match_cache_drop(b->cache);
        b->by_id = map_free(b->by_id);
        ruleset_free(b->current);
        b->current = rs;
        b->generation++;
        if (m->ready && m->exe.fd < 0 && (rulebase_facts(b) & FACT_BIT(FACT_EXE))) {
                log_notice("A rule asks for the program file: the exe reader is needed");
                (void) manager_restart_soon(m);
        }
        if (m->ops && m->ops->rules_changed)
                m->ops->rules_changed(b->generation, m->ops_userdata);
        scan_request(m);
}

/* ---- files ---------------------------------------------------------------------------------------------------------- */

static int load_files(char *const *dirs, Ruleset **ret, TextError *err) {
        _cleanup_(ruleset_freep) Ruleset *rs = NULL;
        _cleanup_strv_ char **files = NULL;
        int r = ruleset_new(&rs);

        if (r >= 0)
                r = conf_list_files(dirs, ".rules", &files);
        if (r < 0)
                return r;
        for (char **f = files; f && *f; f++) {
                _cleanup_free_ char *text = NULL;
                size_t size;
                r = fd_read_file(AT_FDCWD, *f, RULE_FILE_MAX, &text, &size);
                if (r < 0) {
                        (void) text_error(err, *f, 0, 0, "cannot be read: %s", strerror(-r));
                        return r;
                }
                r = ruleset_add_text(rs, text, size, *f, err);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(rs);
        return 0;
}

static int load_runtime(RuleBase *b) {
        StoredRule *stored = NULL;
        size_t n = 0;
        int r = store_load_rules(b->m->store, &stored, &n);

        if (r < 0)
                return r;
        if (r > 0)
                log_warning("The file of rules added at run time is damaged; the copy that was saved before it is taken");
        b->runtime = calloc(MAX(n, (size_t) 1), sizeof(*b->runtime));
        if (!b->runtime)
                r = -ENOMEM;
        for (size_t i = 0; r >= 0 && i < n; i++) {
                RuntimeRule *x = &b->runtime[b->n_runtime];
                TextError err;
                if (rule_parse(stored[i].text, strlen(stored[i].text), &x->rule, &err) < 0) {
                        log_warning("Stored rule left out, it does not parse any more: column %u: %s: %s", err.column, err.message,
                                    stored[i].text);
                        continue;
                }
                x->before = TAKE_PTR(stored[i].before);
                x->after = TAKE_PTR(stored[i].after);
                b->n_runtime++;
        }
        stored_rules_free(stored, n);
        return r;
}

/* Runtime rules whose name a file took meanwhile: the file's rule counts. */
static void drop_shadowed(RuleBase *b, const Ruleset *files) {
        for (size_t i = 0; i < b->n_runtime; i++) {
                const char *name = rule_name(b->runtime[i].rule);
                if (!ruleset_find(files, name))
                        continue;
                log_warning("Runtime rule %s is dropped: a rule of that name is in %s", name, ruleset_find(files, name)->file);
                runtime_rule_done(&b->runtime[i]);
                memmove(&b->runtime[i], &b->runtime[i + 1], (b->n_runtime - i - 1) * sizeof(*b->runtime));
                b->n_runtime--;
                i--;
        }
}

int rulebase_load(RuleBase *b, TextError *err) {
        _cleanup_(ruleset_freep) Ruleset *files = NULL, *rs = NULL;
        int r = load_files(b->m->options->rule_dirs, &files, err);

        if (r >= 0 && !b->runtime) {
                r = load_runtime(b);
                if (r >= 0)
                        r = store_load_disabled(b->m->store, &b->disabled);
                if (r > 0)
                        log_warning("The list of rules that were switched off is damaged; the copy that was saved before it is taken");
                if (r < 0)
                        (void) text_error(err, b->m->options->state_dir, 0, 0, "cannot be read: %s", strerror(-r));
        }
        if (r < 0)
                return r;
        drop_shadowed(b, files);
        r = rulebase_build(b, files, b->runtime, b->n_runtime, &rs, err);
        if (r < 0)
                return r;
        ruleset_free(b->files);
        b->files = TAKE_PTR(files);
        rulebase_swap(b, TAKE_PTR(rs));
        return 0;
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
        return false;
}

bool rulebase_in_force(const RuleBase *b, const Rule *rule) {
        const RuleEntry *e = ruleset_find(b->current, rule_name(rule));

        return e && e->active && (e->rule == rule || streq(rule_text(e->rule), rule_text(rule)));
}

bool rulebase_leads_to(const RuleBase *b, const char *class_name, const char *template_name) {
        for (size_t i = 0; i < ruleset_size(b->current); i++) {
                const RuleEntry *e = ruleset_get(b->current, i);
                const RuleTarget *targets;
                size_t n = e->active ? rule_targets(e->rule, &targets) : 0;
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
        for (size_t i = 0; r >= 0 && !alone && i < ruleset_size(b->current); i++) {
                const RuleEntry *e = ruleset_get(b->current, i);
                if (ruleset_find(rs, rule_name(e->rule)))
                        continue; /* the candidate stands for it */
                r = append(b, rs, e->rule, e->file, e->line, err);
        }
        if (r >= 0)
                r = rulebase_compile(b, rs);
        b->names_pending = pending;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rs);
        return 0;
}
