/* lint --cgrules. */
#include "client/cglint.h"

#include "client/cgrulesfile.h"
#include "common/str.h"

typedef struct Report {
        const Cli *cli;
        CgRules *rules;
        json_object *list, *skipped, *errors, *warnings;
        bool with_files;  /* several files: each entry names its own */
        bool failed;      /* out of memory */
        size_t n_errors, n_warnings;
} Report;

static void report_done(Report *r) {
        cgrules_free(r->rules);
        json_object_put(r->list);
        json_object_put(r->skipped);
        json_object_put(r->errors);
        json_object_put(r->warnings);
}

/* Takes the value over. */
static void put(Report *r, json_object *o, const char *key, json_object *value) {
        if (!value || json_object_object_add(o, key, value) < 0) {
                json_object_put(value);
                r->failed = true;
        }
}

static json_object *append_object(Report *r, json_object *array) {
        json_object *o = json_object_new_object();

        if (o && json_object_array_add(array, o) == 0)
                return o;
        json_object_put(o);
        r->failed = true;
        return NULL;
}

/* ---- findings ------------------------------------------------------------------------------------------------------- */

static void add_finding(Report *r, json_object *array, const TextError *where) {
        json_object *o = append_object(r, array);

        if (!o)
                return;
        if (r->with_files)
                put(r, o, "file", json_object_new_string(where->file));
        put(r, o, "line", json_object_new_int64(where->line));
        put(r, o, "column", json_object_new_int64(where->column));
        put(r, o, "message", json_object_new_string(where->message));
}

static void print_finding(const Cli *cli, const TextError *where, bool is_error) {
        TextError place = *where;
        char text[768];

        snprintf(place.message, sizeof(place.message), "%s%s:%s ", is_error ? cli_red(cli) : cli_yellow(cli), is_error ? "error" : "warning",
                 cli_normal(cli));
        text_error_format(&place, text, sizeof(text));
        printf("%s%s\n", text, where->message);
}

static void report_error(const TextError *where, void *userdata) {
        Report *r = userdata;

        r->n_errors++;
        if (r->cli->json == JSON_OFF)
                print_finding(r->cli, where, true);
        else
                add_finding(r, r->errors, where);
}

static void warn(Report *r, const TextError *where) {
        r->n_warnings++;
        if (r->cli->json == JSON_OFF)
                print_finding(r->cli, where, false);
        else
                add_finding(r, r->warnings, where);
}

/* ---- rules ---------------------------------------------------------------------------------------------------------- */

static json_object *string_array(Report *r, char *const *list) {
        json_object *array = json_object_new_array();

        for (; array && list && *list; list++) {
                json_object *s = json_object_new_string(*list);
                if (!s || json_object_array_add(array, s) < 0) {
                        json_object_put(s);
                        r->failed = true;
                }
        }
        return array;
}

static json_object *options_array(Report *r, unsigned options) {
        char *names[3] = {};
        size_t n = 0;

        if (options & CG_IGNORE)
                names[n++] = (char *) "ignore";
        if (options & CG_IGNORE_RT)
                names[n++] = (char *) "ignore_rt";
        return string_array(r, names);
}

static void add_rule(Report *r, const CgRule *rule) {
        json_object *o = append_object(r, r->list);

        if (!o)
                return;
        if (r->with_files)
                put(r, o, "file", json_object_new_string(rule->file));
        put(r, o, "line", json_object_new_int64(rule->line));
        put(r, o, "user", json_object_new_string(rule->user));
        if (rule->program)
                put(r, o, "program", json_object_new_string(rule->program));
        else if (json_object_object_add(o, "program", NULL) < 0)
                r->failed = true;
        put(r, o, "controllers", string_array(r, rule->controllers));
        put(r, o, "destination", json_object_new_string(rule->destination));
        put(r, o, "options", options_array(r, rule->options));
}

static void add_skipped(Report *r, const CgRule *rule) {
        bool group = *rule->user == '@';
        json_object *line = json_object_new_int64(rule->line);
        TextError where = {};

        if (!line || json_object_array_add(r->skipped, line) < 0) {
                json_object_put(line);
                r->failed = true;
        }
        text_error(&where, rule->file, rule->line, 1, "no such %s: %.128s; the line is skipped", group ? "group" : "user", rule->user + group);
        if (!group && !rule->user[strspn(rule->user, "0123456789")])
                text_error(&where, rule->file, rule->line, 1, "no such user: %.64s; the line is skipped (cgrules.conf knows names only; for a number "
                           "use a rule of pclass: uid=%.64s)", rule->user, rule->user);
        warn(r, &where);
}

/* A line that takes every process leaves nothing to those below it. */
static bool takes_all(const CgRule *rule) {
        return streq(rule->user, "*") && !rule->options && (!rule->program || streq(rule->program, "*"));
}

static void look_at_rules(Report *r) {
        const CgRule *all = NULL;
        TextError where = {};

        for (size_t i = 0; i < cgrules_size(r->rules); i++) {
                const CgRule *rule = cgrules_get(r->rules, i);
                if (rule->skipped) {
                        add_skipped(r, rule);
                        continue;
                }
                add_rule(r, rule);
                if (rule->head != i)
                        continue;
                if (all) {
                        text_error(&where, rule->file, rule->line, 1, "never reached: the rule of line %u takes every process", all->line);
                        warn(r, &where);
                } else if (takes_all(rule))
                        all = rule;
        }
}

/* ---- all ------------------------------------------------------------------------------------------------------------ */

static int print_json(Report *r) {
        _cleanup_json_ json_object *o = json_object_new_object();

        if (!o)
                return cli_oom();
        put(r, o, "rules", json_object_get(r->list));
        put(r, o, "skipped_lines", json_object_get(r->skipped));
        put(r, o, "errors", json_object_get(r->errors));
        put(r, o, "warnings", json_object_get(r->warnings));
        if (r->failed)
                return cli_oom();
        json_print(stdout, o, r->cli->json);
        return CLI_OK;
}

static int prepare(Report *r, char *const *files) {
        struct { json_object **where; } arrays[] = { { &r->list }, { &r->skipped }, { &r->errors }, { &r->warnings } };

        r->with_files = files[0] && files[1];
        for (size_t i = 0; i < ELEMENTSOF(arrays); i++)
                if (!(*arrays[i].where = json_object_new_array()))
                        return -ENOMEM;
        return cgrules_new(&r->rules);
}

int cglint_run(const Cli *cli, Host *host, char *const *files) {
        __attribute__((cleanup(report_done))) Report r = { .cli = cli };
        RulesetEnv env = host_env(host);
        int q = prepare(&r, files), code = CLI_OK;

        for (; q >= 0 && *files; files++)
                q = cgrules_file_add(r.rules, *files, report_error, &r);
        if (q < 0)
                return cli_oom();
        cgrules_resolve(r.rules, &env);
        look_at_rules(&r);
        if (cli->json != JSON_OFF)
                code = print_json(&r);
        else if (!cli->no_legend)
                printf("%zu rules, %zu errors, %zu warnings.\n", json_object_array_length(r.list), r.n_errors, r.n_warnings);
        return code != CLI_OK ? code : r.n_errors > 0 ? CLI_FAILED : CLI_OK;
}
