/* Rules of cgrules.conf within a ruleset. */
#include "rules/cgset.h"

#include <stdio.h>
#include "common/str.h"
#include "common/textstream.h"
#include "rules/cgindex.h"
#include "rules/cgset-internal.h"
#include "rules/ruleset-internal.h"

struct CgSet {
        CgRules *rules;
        CgIndex *index;      /* NULL: not compiled, or out of memory: then line by line */
        bool *out;           /* entries that are not active */
        uint32_t *positions; /* of entries in the ruleset */
        size_t first;        /* position of the first active one; SIZE_MAX: none is */
        unsigned needs;
};

static CgSet *cgset_new(CgRules *c) {
        CgSet *s = calloc(1, sizeof(*s));

        if (s)
                *s = (CgSet) { .rules = cgrules_ref(c), .first = SIZE_MAX };
        return s;
}

CgSet *cgset_free(CgSet *s) {
        if (!s)
                return NULL;
        cg_index_free(s->index);
        cgrules_free(s->rules);
        free(s->out);
        free(s->positions);
        free(s);
        return NULL;
}

/* ---- a line as a rule ----------------------------------------------------------------------------------------------- */

/* The lines that an entry carries out: itself and those behind it that continue its rule. */
static bool continues(const CgRules *c, size_t entry, size_t i) {
        return i < cgrules_size(c) && cgrules_get(c, i)->head == cgrules_get(c, entry)->head;
}

/* "cpu,cpuset:students/%u memory:copying", "ignore:managed/ cpu", as it is carried out. */
static int target_text(const CgRules *c, size_t entry, char **ret) {
        const CgRule *e = cgrules_get(c, entry);
        TextStream t;
        FILE *f = text_stream_open(&t);

        if (!f)
                return -ENOMEM;
        for (size_t i = entry; continues(c, entry, i) && (i == entry || !e->options); i++) {
                const CgRule *r = cgrules_get(c, i);
                if (i > entry)
                        fputc(' ', f);
                if (i > entry && r->own_program)
                        fprintf(f, "(%s) ", r->program);
                for (char **name = r->controllers; *name; name++)
                        fprintf(f, "%s%s", name == r->controllers ? "" : ",", *name);
                fprintf(f, ":%s%s%s", r->destination, r->options & CG_IGNORE ? " ignore" : "", r->options & CG_IGNORE_RT ? " ignore_rt" : "");
        }
        return text_stream_close(&t, ret, NULL);
}

static uint32_t entry_facts(const CgRules *c, size_t entry) {
        uint32_t facts = 0;

        for (size_t i = entry; continues(c, entry, i); i++)
                facts |= cgrule_facts(cgrules_get(c, i));
        return facts;
}

static int entry_rule(const CgRules *c, size_t entry, bool leave_unit, Rule **ret) {
        const CgRule *r = cgrules_get(c, entry);
        _cleanup_free_ char *target = NULL, *text = NULL;
        char name[CGRULE_NAME_SIZE];
        int q = target_text(c, entry, &target);

        if (q >= 0 && asprintf(&text, "%s: %s%s%s => %s", cgrule_name(r, name), r->user, r->program ? ":" : "", strnull(r->program), target) < 0) {
                text = NULL;
                q = -ENOMEM;
        }
        if (q < 0)
                return q;
        const RuleForeign f = {
                .name = name, .text = text, .target_text = target, .facts = entry_facts(c, entry), .leave_unit = leave_unit, .index = entry,
        };
        return rule_new_foreign(&f, ret);
}

int ruleset_set_cgrules(Ruleset *rs, CgRules *c) {
        CgSet *s = c ? cgset_new(c) : NULL;

        if (c && !s)
                return -ENOMEM;
        cgset_free(rs->cgset);
        rs->cgset = s;
        return 0;
}

int ruleset_add_cgrules(Ruleset *rs, CgRules *c, bool leave_unit, TextError *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < cgrules_size(c); i++) {
                _cleanup_(rule_unrefp) Rule *rule = NULL;
                const CgRule *line = cgrules_get(c, i);
                if (!cgrules_is_entry(c, i))
                        continue;
                r = entry_rule(c, i, leave_unit, &rule);
                if (r >= 0)
                        r = ruleset_add(rs, rule, 0, line->file, line->line, err);
        }
        return r < 0 ? r : ruleset_set_cgrules(rs, c);
}

CgRules *ruleset_cgrules(const Ruleset *rs) {
        return rs->cgset ? rs->cgset->rules : NULL;
}

/* ---- compiling ------------------------------------------------------------------------------------------------------ */

void cgset_resolve(CgSet *s, const RulesetEnv *env) {
        if (!s)
                return;
        s->index = cg_index_free(s->index); /* what it knows by ids may be wrong from here on */
        cgrules_resolve(s->rules, env);
}

static void nobody(const CgRule *r, const RulesetEnv *env, char *reason, size_t size) {
        bool group = *r->user == '@';
        const char *kind = group ? "group" : "user", *name = r->user + group;
        uid_t id;
        int q = -ENOENT;

        if (group && env->group_by_name)
                q = env->group_by_name(name, &id, env->userdata);
        else if (!group && env->user_by_name)
                q = env->user_by_name(name, &id, env->userdata);
        if (q == -EAGAIN)
                snprintf(reason, size, "%s %.100s is not known yet", kind, name);
        else
                snprintf(reason, size, "no such %s: %.100s", kind, name);
}

bool cgset_check(const CgSet *s, size_t entry, const RulesetEnv *env, char *reason, size_t size) {
        const CgRule *r = s ? cgrules_get(s->rules, entry) : NULL;

        if (!r)
                snprintf(reason, size, "its file is not read");
        else if (r->skipped)
                nobody(r, env, reason, size);
        else if (!r->options)
                for (size_t i = entry; continues(s->rules, entry, i) && env->destination_allowed; i++) {
                        const CgRule *line = cgrules_get(s->rules, i);
                        if (!line->options && !env->destination_allowed(line->destination, line->controllers, reason, size, env->userdata))
                                return false;
                }
        return !*reason;
}

int cgset_compile(CgSet *s, Entry *const *entries, size_t n, const bool *active) {
        if (!s)
                return 0;
        size_t lines = cgrules_size(s->rules), entry;
        _cleanup_free_ bool *out = malloc(lines + 1);
        _cleanup_free_ uint32_t *positions = calloc(lines + 1, sizeof(*positions));

        if (!out || !positions || cg_index_new(s->rules, &s->index) < 0)
                return -ENOMEM;
        memset(out, true, lines + 1);
        s->first = SIZE_MAX;
        s->needs = 0;
        for (size_t i = 0; i < n; i++) {
                if (!active[i] || !rule_is_foreign(entries[i]->entry.rule, &entry))
                        continue;
                const CgRule *r = cgrules_get(s->rules, entry);
                out[entry] = false;
                positions[entry] = (uint32_t) i;
                s->first = MIN(s->first, i);
                s->needs |= (r->options ? CG_NEEDS_PLACES : 0) | (r->options & CG_IGNORE_RT ? CG_NEEDS_REALTIME : 0);
        }
        free(s->out);
        s->out = TAKE_PTR(out);
        free(s->positions);
        s->positions = TAKE_PTR(positions);
        return 0;
}

/* ---- matching ------------------------------------------------------------------------------------------------------- */

unsigned ruleset_cgrules_needs(const Ruleset *rs) {
        return rs->cgset ? rs->cgset->needs : 0;
}

int ruleset_match_cgrules(const Ruleset *rs, const CgProcess *p, const RuleEntry *found, const RuleEntry **ret_entry, CgVerdict *ret) {
        const CgSet *s = rs->cgset;
        size_t entry;
        CgVerdict v;

        if (!s || !s->index || s->first == SIZE_MAX || (found && found->position < s->first))
                return 0;
        int q = cg_index_match(s->index, s->out, p, &v);
        if (q < 0 || !v.rule)
                return q;
        entry = (size_t) (v.rule - cgrules_get(s->rules, 0)); /* one array */
        if (found && found->position < s->positions[entry]) {
                cg_verdict_done(&v);
                return 0;
        }
        *ret_entry = ruleset_get(rs, s->positions[entry]);
        *ret = v;
        return 1;
}

/* Whether `path` begins as a destination does before its first specifier; without one: is that path, or below it. */
static bool begins_so(const char *d, const char *path) {
        path += strspn(path, "/");
        for (d += strspn(d, "/"); *d && *d != '%'; d++, path++) {
                d += *d == '\\' && d[1];
                if (*path != *d)
                        return !*path && !d[strspn(d, "/")];
        }
        return *d || !*path || *path == '/' || path[-1] == '/';
}

bool cgrules_spell_names(const CgRules *c) {
        for (size_t i = 0; i < cgrules_size(c); i++)
                if (!streq(cgrules_get(c, i)->user, "*"))
                        return true;
        return false;
}

bool cgrules_may_lead_to(const CgRules *c, size_t entry, const char *path) {
        for (size_t i = entry; continues(c, entry, i); i++)
                if (!cgrules_get(c, i)->options && begins_so(cgrules_get(c, i)->destination, path))
                        return true;
        return false;
}
