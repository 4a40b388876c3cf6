/* test: what rules say of made-up processes, without the service. */
#include "client/verbs.h"

#include <sys/stat.h>
#include "client/cgtest.h"
#include "client/host.h"
#include "client/rulefile.h"
#include "client/verdict.h"
#include "common/str.h"

enum {
        OPTION_RULES = CLI_OPTION_OWN,
        OPTION_CLASSES,
        OPTION_CONTROLLERS,
        OPTION_FACTS,
        OPTION_CGRULES,
        OPTION_USER,
        OPTION_SCHED,
        OPTION_CURRENT,
        OPTION_CLASS_ROOT,
        OPTION_FACT, /* + Fact */
};

typedef struct Trial {
        Host *host;
        Ruleset *rules;
        Facts facts;
        char **rule_files, **class_dirs, **controllers;
        char *facts_file, *user, *class_root;
        CgTest cgrules;
        bool facts_given;
} Trial;

static void trial_done(Trial *t) {
        ruleset_free(t->rules);
        host_free(t->host);
        facts_done(&t->facts);
        strv_free(t->rule_files);
        strv_free(t->class_dirs);
        strv_free(t->controllers);
        free(t->facts_file);
        free(t->user);
        free(t->class_root);
        cgtest_done(&t->cgrules);
}

static int set_once(Cli *cli, char **where, const char *name, const char *value) {
        if (*where)
                return cli_usage_error(cli, "--%s can be given once only", name);
        *where = strdup(value);
        return *where ? CLI_OK : cli_oom();
}

static int set_controllers(Cli *cli, Trial *t, const char *list) {
        if (t->controllers)
                return cli_usage_error(cli, "--controllers can be given once only");
        if (strv_split(list, ",", &t->controllers) < 0)
                return cli_oom();
        return t->controllers ? CLI_OK : cli_usage_error(cli, "--controllers needs at least one name");
}

static int set_fact(Cli *cli, Trial *t, Fact fact, const char *text) {
        TextError err = {};
        int r;

        if (t->facts.subject.known & FACT_BIT(fact))
                return cli_usage_error(cli, "--%s can be given once only", fact_name(fact));
        r = facts_set(&t->facts, fact, text, &err);
        if (r == -ENOMEM)
                return cli_oom();
        t->facts_given = true;
        return r < 0 ? cli_usage_error(cli, "--%s", err.message) : CLI_OK;
}

static int set_sched(Cli *cli, Trial *t, const char *text) {
        t->facts_given = true;
        if (cgtest_set_sched(&t->cgrules, text) < 0)
                return cli_usage_error(cli, "--sched: expected fifo, rr or other, got '%s'", text);
        return CLI_OK;
}

static int add_current(Cli *cli, Trial *t, const char *text) {
        int r = cgtest_add_current(&t->cgrules, text);

        t->facts_given = true;
        if (r == -EINVAL)
                return cli_usage_error(cli, "--current: expected CONTROLLER:/PATH, got '%s'", text);
        return r < 0 ? cli_oom() : CLI_OK;
}

static int set_user(Cli *cli, Trial *t, const char *name) {
        t->facts_given = true;
        return *name ? set_once(cli, &t->user, "user", name) : cli_usage_error(cli, "--user needs a name");
}

static int set_class_root(Cli *cli, Trial *t, const char *path) {
        if (*path != '/')
                return cli_usage_error(cli, "--class-root: expected an absolute path, got '%s'", path);
        int code = set_once(cli, &t->class_root, "class-root", path);
        for (size_t n = code == CLI_OK ? strlen(t->class_root) : 0; n > 0 && t->class_root[n - 1] == '/'; n--)
                t->class_root[n - 1] = '\0';
        return code;
}

static int test_option(Cli *cli, int value, const char *argument, void *userdata) {
        Trial *t = userdata;

        switch (value) {
        case OPTION_RULES:
                return strv_append(&t->rule_files, argument) < 0 ? cli_oom() : CLI_OK;
        case OPTION_CLASSES:
                return strv_append(&t->class_dirs, argument) < 0 ? cli_oom() : CLI_OK;
        case OPTION_CONTROLLERS:
                return set_controllers(cli, t, argument);
        case OPTION_FACTS:
                return set_once(cli, &t->facts_file, "facts", argument);
        case OPTION_CGRULES:
                return strv_append(&t->cgrules.files, argument) < 0 ? cli_oom() : CLI_OK;
        case OPTION_USER:
                return set_user(cli, t, argument);
        case OPTION_SCHED:
                return set_sched(cli, t, argument);
        case OPTION_CURRENT:
                return add_current(cli, t, argument);
        case OPTION_CLASS_ROOT:
                return set_class_root(cli, t, argument);
        default:
                return set_fact(cli, t, value - OPTION_FACT, argument);
        }
}

static int load_host(Trial *t) {
        TextError err = {};
        int r = host_new(&t->host);

        if (r >= 0 && t->class_dirs)
                r = host_load_classes(t->host, t->class_dirs, &err);
        if (r >= 0 && t->user)
                r = host_assume_user(t->host, &t->facts, t->user);
        if (r >= 0)
                return CLI_OK;
        return r == -ENOMEM || !err.message[0] ? cli_oom() : cli_text_error(&err);
}

static int load_rules(Trial *t) {
        TextError err = {};
        int r = ruleset_new(&t->rules);

        for (char **f = t->rule_files; *f && r >= 0; f++)
                r = rule_file_add(t->rules, *f, &err);
        if (r >= 0) {
                RulesetEnv env = host_env(t->host);
                r = ruleset_compile(t->rules, &env);
        }
        if (r >= 0)
                return CLI_OK;
        return r == -ENOMEM || !err.message[0] ? cli_oom() : cli_text_error(&err);
}

static int judge(Trial *t, Verdict *ret) {
        const VerdictShown show = { .controllers = t->controllers, .class_root = t->class_root };
        int r = host_complete(t->host, &t->facts, ruleset_facts(t->rules));

        return r < 0 ? r : verdict_find(t->rules, &t->facts.subject, t->cgrules.realtime, &show, ret);
}

static int print_json(const Verdict *v, JsonMode mode) {
        json_object *o;

        if (verdict_to_json(v, &o) < 0)
                return cli_oom();
        json_print(stdout, o, mode);
        json_object_put(o);
        return CLI_OK;
}

static void print_inactive(const Ruleset *rs) {
        for (size_t i = 0; i < ruleset_size(rs); i++) {
                const RuleEntry *e = ruleset_get(rs, i);
                if (!e->active && e->enabled)
                        fprintf(stderr, "Rule %s (%s:%u) is not active: %s.\n", rule_name(e->rule), e->file, e->line, e->reason);
        }
}

static void print_text(const Verdict *v) {
        const RuleEntry *e = v->entry;

        if (!e) {
                puts("No rule matches.");
                return;
        }
        printf("%8s: %s (%s:%u)\n", "Rule", rule_name(e->rule), e->file, e->line);
        printf("          %s\n", rule_text(e->rule));
        if (v->ignored)
                puts("   Class: none, the process is ignored");
        else if (!v->class_name)
                printf("   Class: none, %s\n", v->problem);
        else
                printf("%8s: %s\n", "Class", v->class_name);
        json_object_object_foreach(v->targets, controller, path)
                printf("%8s: %s in %s\n", "Target", json_object_get_string(path),
                       streq(controller, "*") ? "every hierarchy that has it" : controller);
}

static int test_one(Cli *cli, Trial *t) {
        Verdict v = {};
        int code = CLI_OK;

        if (judge(t, &v) < 0)
                return cli_oom();
        if (cli->json != JSON_OFF) {
                code = print_json(&v, cli->json);
                if (v.problem[0])
                        fprintf(stderr, "Rule %s leads nowhere: %s.\n", rule_name(v.entry->rule), v.problem);
        } else {
                print_inactive(t->rules);
                print_text(&v);
        }
        verdict_done(&v);
        return code;
}

/* One line without its newline, with a NUL behind it. Its size, -ENODATA at the end, -E2BIG for a line that is too long, -EIO. */
static ssize_t read_line(FILE *f, char buf[static FACTS_LINE_MAX + 1]) {
        size_t n = 0;
        int c;

        while ((c = getc_unlocked(f)) != EOF && c != '\n') {
                if (n == FACTS_LINE_MAX)
                        return -E2BIG;
                buf[n++] = c;
        }
        buf[n] = '\0';
        if (ferror(f))
                return -EIO;
        return c == EOF && n == 0 ? -ENODATA : (ssize_t) n;
}

static bool is_blank(const char *buf, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!strchr(" \t\r", buf[i]) || buf[i] == '\0')
                        return false;
        return true;
}

static int test_line(Trial *t, json_tokener *tokener, const char *text, size_t size, const char *file, unsigned line) {
        TextError err = {};
        Verdict v = {};
        int code, r;

        facts_done(&t->facts);
        r = facts_set_json(&t->facts, tokener, text, size, file, line, &err);
        if (r == -EINVAL)
                return cli_text_error(&err);
        if (r < 0 || judge(t, &v) < 0)
                return cli_oom();
        code = print_json(&v, JSON_SHORT);
        verdict_done(&v);
        return code;
}

static int test_lines(Trial *t, FILE *f, const char *file, json_tokener *tokener) {
        static char buf[FACTS_LINE_MAX + 1];
        int code = CLI_OK;
        ssize_t n;

        for (unsigned line = 1; code == CLI_OK; line++) {
                n = read_line(f, buf);
                if (n == -ENODATA)
                        return CLI_OK;
                if (n < 0) {
                        cli_error("%s:%u: %s", file, line, n == -E2BIG ? "the line is too long" : "cannot be read");
                        return CLI_FAILED;
                }
                if (!is_blank(buf, n))
                        code = test_line(t, tokener, buf, n, file, line);
        }
        return code;
}

static int test_file(Trial *t) {
        bool standard = streq(t->facts_file, "-");
        FILE *f = standard ? stdin : fopen(t->facts_file, "re");
        json_tokener *tokener = json_tokener_new_ex(8);
        struct stat st;
        int code;

        if (!f) {
                cli_error("%s: cannot be read: %s", t->facts_file, strerror(errno));
                code = CLI_FAILED;
        } else if (!tokener)
                code = cli_oom();
        else {
                json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
                /* Somebody who writes line by line waits for the answer to each. */
                if (fstat(fileno(f), &st) < 0 || !S_ISREG(st.st_mode))
                        setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
                code = test_lines(t, f, standard ? "standard input" : t->facts_file, tokener);
        }
        json_tokener_free(tokener);
        if (f && !standard)
                fclose(f);
        return code;
}

static int test_run(Cli *cli, Trial *t) {
        int code;

        if (!t->rule_files && !t->cgrules.files)
                return cli_usage_error(cli, "test needs --rules=FILE or --cgrules=FILE");
        if (t->rule_files && t->cgrules.files)
                return cli_usage_error(cli, "--rules and --cgrules exclude each other");
        if (t->facts_file && t->facts_given)
                return cli_usage_error(cli, "--facts and options for single facts exclude each other");
        if (t->facts_file && t->cgrules.files)
                return cli_usage_error(cli, "--facts is for --rules only");
        if (t->class_root && t->cgrules.files)
                return cli_usage_error(cli, "--class-root is for --rules only: destinations of cgrules.conf are paths from the root");
        code = load_host(t);
        if (code == CLI_OK && t->cgrules.files)
                return cgtest_run(&t->cgrules, cli, t->host, t->class_dirs, &t->facts, t->controllers);
        if (code == CLI_OK)
                code = load_rules(t);
        if (code != CLI_OK)
                return code;
        return t->facts_file ? test_file(t) : test_one(cli, t);
}

/* "--current cpu:/a memory:/b": what is left over are more places, or a mistake. */
static int add_more_current(Cli *cli, Trial *t, int n, char **arguments) {
        int code = CLI_OK;

        if (n > 0 && t->cgrules.n_places == 0)
                return cli_usage_error(cli, "test: one argument too many: '%s'", *arguments);
        for (int i = 0; i < n && code == CLI_OK; i++)
                code = add_current(cli, t, arguments[i]);
        return code;
}

int verb_test(Cli *cli, int argc, char **argv) {
        struct option own[_FACT_N + 10] = {
                { "rules", required_argument, NULL, OPTION_RULES },
                { "classes", required_argument, NULL, OPTION_CLASSES },
                { "controllers", required_argument, NULL, OPTION_CONTROLLERS },
                { "facts", required_argument, NULL, OPTION_FACTS },
                { "cgrules", required_argument, NULL, OPTION_CGRULES },
                { "user", required_argument, NULL, OPTION_USER },
                { "sched", required_argument, NULL, OPTION_SCHED },
                { "current", required_argument, NULL, OPTION_CURRENT },
                { "class-root", required_argument, NULL, OPTION_CLASS_ROOT },
        };
        Trial t = {};
        size_t n = 9;
        int first, code;

        for (Fact fact = 0; fact < _FACT_N; fact++)
                if (facts_can_set(fact))
                        own[n++] = (struct option) { fact_name(fact), required_argument, NULL, OPTION_FACT + fact };
        if (cli_parse(cli, argc, argv, own, test_option, &t, 0, argc, &first, &code)) {
                code = add_more_current(cli, &t, argc - first, argv + first);
                if (code == CLI_OK)
                        code = test_run(cli, &t);
        }
        trial_done(&t);
        return code;
}
