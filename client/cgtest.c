/* test --cgrules. */
#include "client/cgtest.h"

#include "client/cgrulesfile.h"
#include "common/str.h"

void cgtest_done(CgTest *t) {
        for (size_t i = 0; i < t->n_places; i++) {
                free((char *) t->places[i].controller);
                free((char *) t->places[i].path);
        }
        free(t->places);
        strv_free(t->files);
        *t = (CgTest) {};
}

int cgtest_set_sched(CgTest *t, const char *text) {
        if (!streq(text, "fifo") && !streq(text, "rr") && !streq(text, "other"))
                return -EINVAL;
        t->realtime = !streq(text, "other");
        return 0;
}

static int add_place(CgTest *t, const char *controller, const char *path) {
        CgPlace *grown = reallocarray(t->places, t->n_places + 1, sizeof(CgPlace));
        char *c = strdup(controller), *p = strdup(path);

        if (grown)
                t->places = grown;
        if (!grown || !c || !p) {
                free(c);
                free(p);
                return -ENOMEM;
        }
        for (size_t n = strlen(p); n > 1 && p[n - 1] == '/'; n--)
                p[n - 1] = '\0';
        t->places[t->n_places++] = (CgPlace) { c, p };
        return 0;
}

int cgtest_add_current(CgTest *t, const char *text) {
        const char *colon = strchr(text, ':');
        _cleanup_strv_ char **list = NULL;
        _cleanup_free_ char *names = colon ? strndup(text, colon - text) : NULL;
        int r = 0;

        if (!colon || colon[1] != '/')
                return -EINVAL;
        if (!names || strv_split(names, ",", &list) < 0)
                return -ENOMEM;
        if (!list)
                return -EINVAL;
        for (char **c = list; *c && r >= 0; c++)
                r = add_place(t, *c, colon + 1);
        return r;
}

/* ---- judging -------------------------------------------------------------------------------------------------------- */

static void report_error(const TextError *where, void *userdata) {
        cli_text_error(where);
}

static int load(const CgTest *t, Host *host, CgRules **ret) {
        _cleanup_(cgrules_freep) CgRules *c = NULL;
        RulesetEnv env = host_env(host);
        int errors = 0, r = cgrules_new(&c);

        for (char **f = t->files; r >= 0 && *f; f++) {
                r = cgrules_file_add(c, *f, report_error, NULL);
                errors += MAX(r, 0);
        }
        if (r < 0)
                return cli_oom();
        if (errors > 0)
                return CLI_FAILED;
        cgrules_resolve(c, &env);
        *ret = TAKE_PTR(c);
        return CLI_OK;
}

/* ---- where to ------------------------------------------------------------------------------------------------------- */

typedef struct Answer {
        const CgVerdict *verdict;
        const RulesetEnv *env;
        bool has_classes;
        json_object *targets;
} Answer;

/* A path is that of a class if there is one of that name, or one by the very text of the destination. */
static bool class_exists(const Answer *a, const CgMove *m) {
        const char *destination = m->rule->destination;
        _cleanup_free_ char *name = strdup(destination + (*destination == '/'));

        for (size_t end = name ? strlen(name) : 0; end > 0 && name[end - 1] == '/'; end--)
                name[end - 1] = '\0';
        return name && (a->env->class_exists(m->path + 1, a->env->userdata) || a->env->class_exists(name, a->env->userdata));
}

static const CgMove *find_move(const CgVerdict *v, const char *controller) {
        for (size_t i = v->n_moves; i > 0; i--)
                if (cgrule_covers(v->moves[i - 1].rule, controller))
                        return &v->moves[i - 1];
        return NULL;
}

static int add_target(Answer *a, const char *controller) {
        const CgMove *m = find_move(a->verdict, controller);
        json_object *path;

        if (!m)
                return 0;
        if (a->has_classes && !class_exists(a, m)) {
                fprintf(stderr, "Line %u: there is no class %s.\n", m->rule->line, m->path + 1);
                return 0;
        }
        path = json_object_new_string(m->path);
        if (!path || json_object_object_add(a->targets, controller, path) < 0) {
                json_object_put(path);
                return -ENOMEM;
        }
        return 0;
}

static int add_targets(Answer *a, char *const *controllers) {
        int r = 0;

        for (; controllers && *controllers && r >= 0; controllers++)
                r = add_target(a, *controllers);
        return r;
}

static int find_targets(Answer *a, char *const *controllers) {
        int r = 0;

        if (controllers)
                return add_targets(a, controllers);
        for (size_t i = 0; i < a->verdict->n_moves && r >= 0; i++)
                r = add_targets(a, a->verdict->moves[i].rule->controllers);
        return r;
}

/* ---- printing ------------------------------------------------------------------------------------------------------- */

static int add(json_object *o, const char *key, json_object *value, bool is_null) {
        if ((!value && !is_null) || json_object_object_add(o, key, value) < 0) {
                json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

static int print_json(const Answer *a, JsonMode mode) {
        _cleanup_json_ json_object *o = json_object_new_object();
        const CgRule *r = a->verdict->rule;
        char name[CGRULE_NAME_SIZE];

        if (!o || add(o, "rule", r ? json_object_new_string(cgrule_name(r, name)) : NULL, !r) < 0 ||
            add(o, "file", r ? json_object_new_string(r->file) : NULL, !r) < 0 ||
            add(o, "line", r ? json_object_new_int64(r->line) : NULL, !r) < 0 ||
            add(o, "targets", json_object_get(a->targets), false) < 0 ||
            add(o, "ignored", json_object_new_boolean(a->verdict->ignored), false) < 0)
                return cli_oom();
        json_print(stdout, o, mode);
        return CLI_OK;
}

static int print_text(const Answer *a) {
        const CgRule *r = a->verdict->rule;
        char name[CGRULE_NAME_SIZE];

        if (!r) {
                puts("No rule matches.");
                return CLI_OK;
        }
        printf("%8s: %s (%s:%u)\n", "Rule", cgrule_name(r, name), r->file, r->line);
        if (a->verdict->ignored)
                puts("  Target: none, the process is ignored");
        json_object_object_foreach(a->targets, controller, path)
                printf("%8s: %s in %s\n", "Target", json_object_get_string(path),
                       streq(controller, "*") ? "every hierarchy" : controller);
        return CLI_OK;
}

static int answer(const Cli *cli, Host *host, bool has_classes, const CgVerdict *v, char *const *controllers) {
        _cleanup_json_ json_object *targets = json_object_new_object();
        RulesetEnv env = host_env(host);
        Answer a = { .verdict = v, .env = &env, .has_classes = has_classes, .targets = targets };

        if (!targets || find_targets(&a, controllers) < 0)
                return cli_oom();
        if (v->problem[0])
                fprintf(stderr, "The process is not moved: %s.\n", v->problem);
        return cli->json != JSON_OFF ? print_json(&a, cli->json) : print_text(&a);
}

int cgtest_run(const CgTest *t, const Cli *cli, Host *host, bool has_classes, Facts *facts, char *const *controllers) {
        _cleanup_(cgrules_freep) CgRules *c = NULL;
        CgProcess p = { .subject = &facts->subject, .realtime = t->realtime, .places = t->places, .n_places = t->n_places };
        CgVerdict v = {};
        int code = load(t, host, &c);

        if (code != CLI_OK)
                return code;
        if (host_complete(host, facts, cgrules_facts(c)) < 0 || cgrules_match(c, &p, &v) < 0)
                return cli_oom();
        code = answer(cli, host, has_classes, &v, controllers);
        cg_verdict_done(&v);
        return code;
}
