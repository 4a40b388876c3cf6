/* Any bytes as cgrules.conf: nothing may crash, what comes out stays below the root, and what is written as rules of pclass is that. */
#include <assert.h>
#include <limits.h>
#include "rules/cgrules.h"
#include "tests/fuzz/fuzz.h"

static int by_name(const char *name, uint32_t *ret, void *userdata) {
        *ret = (uint32_t) strlen(name);
        return *name == 'n' ? -ENOENT : *name == 'l' ? -EAGAIN : 0;
}

static void count(const TextError *err, void *userdata) {
        assert(err->line > 0 && *err->message);
        ++*(int *) userdata;
}

static void check_path(const char *path) {
        size_t n = strlen(path);

        assert(*path == '/' && n < CGRULES_PATH_MAX && !strstr(path, "//") && (n == 1 || path[n - 1] != '/'));
        for (const char *p = path; p; p = strchr(p + 1, '/')) {
                size_t component = strcspn(p + 1, "/");
                assert(component <= NAME_MAX && (component != 2 || strncmp(p, "/..", 3) != 0));
        }
}

static void check_match(const CgRules *c, const CgProcess *p) {
        CgVerdict v;

        assert(cgrules_match(c, p, &v) == 0);
        assert(v.rule || (!v.ignored && v.n_moves == 0 && !v.problem[0]));
        assert(!v.ignored || v.n_moves == 0);
        assert(!v.problem[0] || v.n_moves == 0);
        for (size_t i = 0; i < v.n_moves; i++)
                check_path(v.moves[i].path);
        cg_verdict_done(&v);
}

static void check_format(const CgRules *c) {
        _cleanup_(ruleset_freep) Ruleset *rs = NULL;
        char *text = NULL;
        TextError err = {};
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert(f && cgrules_format_roots(c, f) == 0 && cgrules_format(c, f) == 0 && fclose(f) == 0);
        assert(ruleset_new(&rs) == 0 && ruleset_add_text(rs, text, size, "f", &err) == 0);
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const RulesetEnv env = { .user_by_name = by_name, .group_by_name = by_name };
        static const gid_t members[] = { 3, 5 };
        static const CgPlace places[] = { { "cpu", "/a/b" }, { "*", "/" } };
        static const Subject subjects[] = {
                { .known = 0 },
                { .known = ~0u, .pid = 7, .uid = 4, .gid = 3, .members = members, .n_members = 2, .user = "root", .group = "..", .comm = "a/b",
                  .exe = "/usr/sbin/nginx", .arg0 = "my prog" },
                { .known = ~0u, .uid = 5, .gid = 9, .user = "a", .group = "", .comm = "vi", .exe = "", .arg0 = "/bin/vi" },
        };
        _cleanup_(cgrules_freep) CgRules *c = NULL;
        int errors = 0;

        assert(cgrules_new(&c) == 0);
        int r = cgrules_add_text(c, (const char *) data, size, "f", count, &errors);
        assert(r == errors);
        cgrules_resolve(c, &env);
        for (size_t i = 0; i < ELEMENTSOF(subjects); i++)
                check_match(c, &(CgProcess) { .subject = &subjects[i], .realtime = i == 1, .places = places, .n_places = ELEMENTSOF(places) });
        check_format(c);
        return 0;
}
