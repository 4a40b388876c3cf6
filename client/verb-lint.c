/* lint: checks files before they are put where the service reads them. */
#include "client/verbs.h"

#include "client/caret.h"
#include "client/cglint.h"
#include "client/host.h"
#include "client/lint.h"
#include "client/rulefile.h"
#include "common/conf.h"
#include "common/config.h"
#include "common/str.h"

typedef struct Check {
        const Cli *cli;
        Host *host;
        Ruleset *rules;
        json_object *findings; /* NULL: they are printed as they come */
        json_object *report;   /* of --rules: findings apart and the rules themselves; NULL: findings is the answer */
        const char *text;      /* of the file at hand */
        size_t size;
        size_t errors, warnings;
        bool failed;           /* out of memory in a callback */
} Check;

static void add_finding(Check *c, const TextError *where, const char *level) {
        json_object *o = json_object_new_object(), *list = c->findings;

        if (c->report)
                json_object_object_get_ex(c->report, streq(level, "error") ? "errors" : "warnings", &list);
        if (!o || json_object_array_add(list, o) < 0) {
                json_object_put(o);
                c->failed = true;
                return;
        }
        if (!c->report)
                json_object_object_add(o, "level", json_object_new_string(level));
        json_object_object_add(o, "file", json_object_new_string(where->file));
        json_object_object_add(o, "line", json_object_new_int64(where->line));
        json_object_object_add(o, "column", json_object_new_int64(where->column));
        json_object_object_add(o, "message", json_object_new_string(where->message));
}

static void print_finding(const Check *c, const TextError *where, bool is_error) {
        TextError place = *where;
        char text[768];

        snprintf(place.message, sizeof(place.message), "%s%s:%s ", is_error ? cli_red(c->cli) : cli_yellow(c->cli),
                 is_error ? "error" : "warning", cli_normal(c->cli));
        text_error_format(&place, text, sizeof(text));
        printf("%s%s\n", text, where->message);
        if (is_error && c->text)
                caret_print(stdout, c->text, c->size, where->line, where->column);
}

static void report_error(const TextError *where, void *userdata) {
        Check *c = userdata;

        c->errors++;
        if (c->findings)
                add_finding(c, where, "error");
        else
                print_finding(c, where, true);
}

static void report_warning(const TextError *where, void *userdata) {
        Check *c = userdata;

        c->warnings++;
        if (c->findings)
                add_finding(c, where, "warning");
        else
                print_finding(c, where, false);
}

/* Reports a parser's verdict; CLI_OK unless memory is out. */
static int take_result(Check *c, int r, const TextError *err) {
        if (r == -ENOMEM)
                return cli_oom();
        if (r < 0)
                report_error(err, c);
        return CLI_OK;
}

static int check_config(Check *c, const char *path) {
        Config *config = NULL;
        TextError err = {};
        int r = config_load(path, &config, &err);

        if (r < 0 && r != -ENOMEM && !err.message[0])
                text_error(&err, path, 0, 0, "cannot be read: %s", strerror(-r));
        config_free(config);
        return take_result(c, r, &err);
}

static int check_classes(Check *c, const char *path) {
        ClassTable *table = NULL;
        TextError err = {};
        int r = class_table_parse(c->text, c->size, path, &table, &err);

        class_table_free(table);
        return take_result(c, r, &err);
}

static int check_file(Check *c, const char *path) {
        _cleanup_free_ char *text = NULL;
        const char *slash = strrchr(path, '/');
        TextError err = {};
        int code = CLI_OK, r;

        r = rule_file_read(path, &text, &c->size, &err);
        if (r < 0)
                return take_result(c, r, &err);
        c->text = text;
        if (streq(slash ? slash + 1 : path, "pclass.conf"))
                code = check_config(c, path);
        else if (endswith(path, ".conf"))
                code = check_classes(c, path);
        else if (ruleset_lint_text(c->rules, text, c->size, path, report_error, c) < 0)
                code = cli_oom();
        c->text = NULL;
        return code;
}

static int check_rules(Check *c) {
        RulesetEnv env = host_env(c->host);

        env.no_context_reason = host_no_context_reason();
        env.no_label_reason = host_no_label_reason();
        env.no_audit_reason = host_no_audit_reason();
        if (ruleset_compile(c->rules, &env) < 0 || lint_ruleset(c->rules, report_warning, c) < 0 || c->failed)
                return cli_oom();
        return CLI_OK;
}

/* {"rules":, "skipped_lines":, "errors":, "warnings":}, as for --cgrules. */
static int report_new(json_object **ret) {
        static const char *const keys[] = { "rules", "skipped_lines", "errors", "warnings" };
        json_object *o = json_object_new_object();

        for (size_t i = 0; o && i < ELEMENTSOF(keys); i++)
                if (json_object_object_add(o, keys[i], json_object_new_array()) < 0) {
                        json_object_put(o);
                        o = NULL;
                }
        *ret = o;
        return o ? 0 : -ENOMEM;
}

static void report_rules(Check *c) {
        json_object *rules = NULL, *skipped = NULL;

        json_object_object_get_ex(c->report, "rules", &rules);
        json_object_object_get_ex(c->report, "skipped_lines", &skipped);
        for (size_t i = 0; i < ruleset_size(c->rules); i++) {
                const RuleEntry *e = ruleset_get(c->rules, i);
                json_object *o = json_object_new_object();
                if (!o || json_object_array_add(rules, o) < 0)
                        continue;
                json_object_object_add(o, "file", json_object_new_string(e->file));
                json_object_object_add(o, "line", json_object_new_int64(e->line));
                json_object_object_add(o, "name", json_object_new_string(rule_name(e->rule)));
                json_object_object_add(o, "text", json_object_new_string(rule_text(e->rule)));
                json_object_object_add(o, "target", json_object_new_string(rule_target_text(e->rule)));
                json_object_object_add(o, "active", json_object_new_boolean(e->active));
                if (!e->active)
                        json_object_array_add(skipped, json_object_new_int64(e->line));
        }
}

static int check_skipped(Check *c, char *const *class_dirs) {
        _cleanup_strv_ char **files = NULL, **skipped = NULL;
        TextError where = {};
        int r = conf_list_files(class_dirs, ".conf", &files, &skipped);

        for (char **path = skipped; path && *path; path++) {
                text_error(&where, *path, 0, 0, CONF_SKIPPED);
                report_warning(&where, c);
        }
        return r == -ENOMEM ? cli_oom() : CLI_OK; /* otherwise the classes could not be read either */
}

static int prepare(Check *c, char *const *class_dirs, bool report) {
        TextError err = {};
        int r = host_new(&c->host);

        if (r >= 0 && class_dirs)
                r = host_load_classes(c->host, class_dirs, &err);
        if (r >= 0)
                r = ruleset_new(&c->rules);
        if (r >= 0 && c->cli->json != JSON_OFF && !(c->findings = json_object_new_array()))
                r = -ENOMEM;
        if (r >= 0 && c->findings && report)
                r = report_new(&c->report);
        if (r >= 0)
                return CLI_OK;
        return r == -ENOMEM || !err.message[0] ? cli_oom() : cli_text_error(&err);
}

static int check_all(Check *c, char **files, char *const *class_dirs, bool report) {
        int code = prepare(c, class_dirs, report);

        if (code == CLI_OK)
                code = check_skipped(c, class_dirs);
        for (; *files && code == CLI_OK; files++)
                code = check_file(c, *files);
        if (code == CLI_OK)
                code = check_rules(c);
        if (code != CLI_OK)
                return code;
        if (c->report)
                report_rules(c);
        if (c->findings)
                json_print(stdout, c->report ? c->report : c->findings, c->cli->json);
        else if (!c->cli->no_legend)
                printf("%zu errors, %zu warnings.\n", c->errors, c->warnings);
        return c->errors > 0 ? CLI_FAILED : CLI_OK;
}

enum { OPTION_CLASSES = CLI_OPTION_OWN, OPTION_RULES, OPTION_CGRULES };

typedef struct Arguments {
        char **class_dirs, **files, **cgrules;
        bool rules; /* --rules was given */
} Arguments;

static int lint_option(Cli *cli, int value, const char *argument, void *userdata) {
        Arguments *a = userdata;

        a->rules |= value == OPTION_RULES;
        return strv_append(value == OPTION_CLASSES ? &a->class_dirs : value == OPTION_RULES ? &a->files : &a->cgrules, argument) < 0 ?
               cli_oom() : CLI_OK;
}

static int lint_cgrules(Cli *cli, const Arguments *a) {
        _cleanup_(host_freep) Host *host = NULL;

        if (a->files)
                return cli_usage_error(cli, "--cgrules and other files exclude each other");
        if (host_new(&host) < 0)
                return cli_oom();
        return cglint_run(cli, host, a->cgrules);
}

static int lint_files(Cli *cli, const Arguments *a) {
        Check c = { .cli = cli };
        int code;

        if (!a->files)
                return cli_usage_error(cli, "lint needs %s", cli->verb->arguments);
        code = check_all(&c, a->files, a->class_dirs, a->rules);
        ruleset_free(c.rules);
        host_free(c.host);
        json_object_put(c.findings);
        json_object_put(c.report);
        return code;
}

int verb_lint(Cli *cli, int argc, char **argv) {
        static const struct option own[] = {
                { "classes", required_argument, NULL, OPTION_CLASSES },
                { "rules", required_argument, NULL, OPTION_RULES },
                { "cgrules", required_argument, NULL, OPTION_CGRULES },
                {}
        };
        Arguments a = {};
        int first, code;

        if (cli_parse(cli, argc, argv, own, lint_option, &a, 0, argc, &first, &code)) {
                for (code = CLI_OK; first < argc && code == CLI_OK; first++)
                        code = strv_append(&a.files, argv[first]) < 0 ? cli_oom() : CLI_OK;
                if (code == CLI_OK)
                        code = a.cgrules ? lint_cgrules(cli, &a) : lint_files(cli, &a);
        }
        strv_free(a.class_dirs);
        strv_free(a.files);
        strv_free(a.cgrules);
        return code;
}
