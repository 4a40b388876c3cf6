/* Any bytes as a rules file: nothing may crash, canonical texts must be stable, and the index must answer as a walk through
 * all rules does. */
#include <assert.h>
#include "rules/expand.h"
#include "tests/fuzz/fuzz.h"

static int by_name(const char *name, uint32_t *ret, void *userdata) {
        *ret = (uint32_t) strlen(name);
        return *name == 'n' ? -ENOENT : *name == 'l' ? -EAGAIN : 0;
}

static const char *group_name(gid_t gid, void *userdata) {
        return gid == 3 ? "ann" : NULL;
}

static void count(const TextError *err, void *userdata) {
        assert(err->line > 0 && *err->message);
        ++*(int *) userdata;
}

static void check_canonical(const Rule *rule) {
        _cleanup_(rule_unrefp) Rule *again = NULL;
        const char *text = rule_text(rule);

        assert(rule_parse(text, strlen(text), &again, NULL) == 0);
        assert(streq(rule_text(again), text));
        assert(rule_facts(again) == rule_facts(rule));
        assert(streq(rule_target_text(again), rule_target_text(rule)));
}

static void check_expansion(const Rule *rule, const Subject *s) {
        const RuleTarget *t;
        size_t n = rule_targets(rule, &t);

        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *name = NULL;
                const char *component;
                Fact missing;
                int r = expand_class_name(t[i].class_name, s, &name, &component, &missing);
                assert(r == 0 || r == -ENODATA || r == -EINVAL);
        }
}

static void check_match(const Ruleset *rs, const Subject *s) {
        const RuleEntry *e, *slow = NULL;
        const char *condition;
        uint32_t missing;
        bool unknown;

        for (size_t i = 0; i < ruleset_size(rs) && !slow; i++)
                if (ruleset_get(rs, i)->active && ruleset_explain(rs, ruleset_get(rs, i), s, &condition, &unknown))
                        slow = ruleset_get(rs, i);
        e = ruleset_match(rs, s, &missing);
        assert(e == slow);
        assert(ruleset_match(rs, s, NULL) == e);
        if (e)
                check_expansion(e->rule, s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const gid_t groups[] = { 3, 4 };
        static const RulesetEnv env = { .user_by_name = by_name, .group_by_name = by_name, .group_name = group_name };
        static const Subject subjects[] = {
                { .known = 0 },
                { .known = ~0u, .pid = 7, .uid = 4, .gid = 3, .groups = groups, .n_groups = 2, .members = groups, .n_members = 1,
                  .context = "system_u:system_r:httpd_t:s0-s1:c0.c5", .user = "root", .group = "ann", .comm = "nginx",
                  .exe = "/usr/sbin/nginx", .arg0 = "my prog", .cgroup = "/a/b", .unit = "x.service", .label = "a\"b" },
                { .known = ~FACT_BIT(FACT_COMM), .context = "u:r:t", .user = "", .group = "", .exe = "", .arg0 = "", .cgroup = "/",
                  .unit = "", .label = "" },
        };
        _cleanup_(ruleset_freep) Ruleset *rs = NULL;
        int errors = 0;

        assert(ruleset_new(&rs) == 0);
        int r = ruleset_lint_text(rs, (const char *) data, size, "f", count, &errors);
        assert(r < 0 || r == errors);
        assert(ruleset_compile(rs, &env) == 0);
        for (size_t i = 0; i < ruleset_size(rs); i++)
                check_canonical(ruleset_get(rs, i)->rule);
        for (size_t i = 0; i < ELEMENTSOF(subjects); i++)
                check_match(rs, &subjects[i]);
        return 0;
}
