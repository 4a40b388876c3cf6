/* list-rules, add-rule, remove-rule, enable-rule, disable-rule. */
#include "client/verbs.h"

#include <inttypes.h>
#include "client/bus.h"
#include "client/rulerows.h"

/* The rule's text without "name:". */
static const char *rule_body(json_object *row) {
        const char *text = row_text(row, "Text"), *body = startswith(text, row_text(row, "Name"));

        if (!body || *body != ':')
                return text;
        body++;
        return body + strspn(body, " \t");
}

static int rule_row(Table *t, json_object *row) {
        char position[24], matches[24], source[512], state[256];

        snprintf(position, sizeof(position), "%" PRIu64, row_u64(row, "Position"));
        snprintf(matches, sizeof(matches), "%" PRIu64, row_u64(row, "Matches"));
        if (row_u64(row, "Line") > 0)
                snprintf(source, sizeof(source), "%s:%" PRIu64, row_text(row, "Source"), row_u64(row, "Line"));
        else
                snprintf(source, sizeof(source), "%s", *row_text(row, "Source") ? row_text(row, "Source") : "runtime");
        if (!row_bool(row, "Enabled"))
                snprintf(state, sizeof(state), "disabled");
        else if (row_bool(row, "Active"))
                snprintf(state, sizeof(state), "active");
        else
                snprintf(state, sizeof(state), "inactive: %s", row_text(row, "Reason"));
        return table_add(t, (const char *[]) { position, row_text(row, "Name"), rule_body(row), matches, state, source });
}

static int print_rules(Cli *cli, json_object *rows) {
        static const Column columns[] = {
                { "#", COLUMN_RIGHT },
                { "NAME", 0 },
                { "RULE", COLUMN_ELASTIC },
                { "MATCHES", COLUMN_RIGHT },
                { "STATE", COLUMN_ELASTIC },
                { "SOURCE", COLUMN_PATH },
        };
        _cleanup_(table_freep) Table *t = NULL;

        if (table_new(columns, ELEMENTSOF(columns), &t) < 0)
                return cli_oom();
        for (size_t i = 0; i < rows_count(rows); i++)
                if (rule_row(t, rows_at(rows, i)) < 0)
                        return cli_oom();
        cli_page(cli);
        cli_table(cli, t);
        if (!cli->no_legend)
                printf("\n%zu rules, tried in this order: the first that matches decides.\n", table_rows(t));
        return CLI_OK;
}

int verb_list_rules(Cli *cli, int argc, char **argv) {
        _cleanup_json_ json_object *rows = NULL;
        int first, code;

        if (!cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 0, &first, &code))
                return code;
        code = rule_rows_fetch(cli, &rows);
        if (code != CLI_OK)
                return code;
        if (cli->json == JSON_OFF)
                return print_rules(cli, rows);
        json_print(stdout, rows, cli->json);
        return CLI_OK;
}

typedef struct Place {
        const char *key; /* "before", "after", "replace" or NULL */
        const char *rule;
} Place;

enum {
        OPTION_BEFORE = CLI_OPTION_OWN,
        OPTION_AFTER,
        OPTION_REPLACE,
};

static int place_option(Cli *cli, int value, const char *argument, void *userdata) {
        Place *place = userdata;

        if (place->key)
                return cli_usage_error(cli, "only one of --before, --after and --replace can be given");
        *place = (Place) { value == OPTION_BEFORE ? "before" : value == OPTION_AFTER ? "after" : "replace", argument };
        return CLI_OK;
}

static int add_rule(Cli *cli, const char *rule, const Place *place, json_object **ret) {
        if (!place->key)
                return bus_call(cli, RULES_PATH, RULES_INTERFACE, "Add", ret, "sa{sv}", rule, 0);
        if (!place->rule)
                return bus_call(cli, RULES_PATH, RULES_INTERFACE, "Add", ret, "sa{sv}", rule, 1, place->key, "b", 1);
        return bus_call(cli, RULES_PATH, RULES_INTERFACE, "Add", ret, "sa{sv}", rule, 1, place->key, "s", place->rule);
}

/* The rule is there, but who added it should not wait for an effect. */
static void warn_inactive(Cli *cli, const char *path) {
        _cleanup_json_ json_object *rule = NULL;

        if (bus_properties(cli, path, RULE_INTERFACE, &rule) == CLI_OK && !row_bool(rule, "Active"))
                cli_error("the rule was added and is not active: %s", row_text(rule, "Reason"));
}

int verb_add_rule(Cli *cli, int argc, char **argv) {
        static const struct option own[] = {
                { "before", required_argument, NULL, OPTION_BEFORE },
                { "after", required_argument, NULL, OPTION_AFTER },
                { "replace", no_argument, NULL, OPTION_REPLACE },
                {}
        };
        _cleanup_json_ json_object *path = NULL;
        Place place = {};
        int first, code;

        if (!cli_parse(cli, argc, argv, own, place_option, &place, 1, 1, &first, &code))
                return code;
        code = rule_text_check(argv[first]);
        if (code != CLI_OK)
                return code;
        cli->in_use_advice = "pclassctl add-rule --replace puts a rule where an added one of the same name stands.";
        code = add_rule(cli, argv[first], &place, &path);
        if (code != CLI_OK)
                return code;
        warn_inactive(cli, json_object_get_string(path));
        return cli_answer(cli, "Path", path);
}

typedef enum Change { CHANGE_REMOVE, CHANGE_ENABLE, CHANGE_DISABLE } Change;

/* The object paths of all arguments, before anything is changed: a wrong name leaves every rule where it is. */
static int resolve(char **names, json_object *rows, Change change, const char **paths) {
        for (size_t i = 0; names[i]; i++) {
                json_object *rule;
                int code = change == CHANGE_REMOVE ? rule_rows_find_added(rows, names[i], &rule) : rule_rows_find(rows, names[i], &rule);

                if (code != CLI_OK)
                        return code;
                paths[i] = row_text(rule, "Path");
        }
        return CLI_OK;
}

static int change_rule(Cli *cli, const char *path, Change change) {
        if (change == CHANGE_REMOVE)
                return bus_call(cli, RULES_PATH, RULES_INTERFACE, "Remove", NULL, "oa{sv}", path, 0);
        return bus_call(cli, path, RULE_INTERFACE, "SetEnabled", NULL, "ba{sv}", (int) (change == CHANGE_ENABLE), 0);
}

static int change_all(Cli *cli, const char **paths, size_t n, Change change) {
        _cleanup_json_ json_object *changed = json_object_new_array();
        int code;

        if (!changed)
                return cli_oom();
        for (size_t i = 0; i < n; i++) {
                code = change_rule(cli, paths[i], change);
                if (code != CLI_OK)
                        return code;
                json_object_array_add(changed, json_object_new_string(paths[i]));
        }
        if (cli->json != JSON_OFF && !cli->quiet)
                json_print(stdout, changed, cli->json);
        return CLI_OK;
}

static int change_rules(Cli *cli, int argc, char **argv, Change change) {
        _cleanup_json_ json_object *rows = NULL;
        _cleanup_free_ const char **paths = NULL;
        int first, code;

        if (!cli_parse(cli, argc, argv, NULL, NULL, NULL, 1, argc, &first, &code))
                return code;
        paths = calloc(argc, sizeof(*paths));
        if (!paths)
                return cli_oom();
        code = rule_rows_fetch(cli, &rows);
        if (code == CLI_OK)
                code = resolve(argv + first, rows, change, paths);
        return code == CLI_OK ? change_all(cli, paths, argc - first, change) : code;
}

int verb_remove_rule(Cli *cli, int argc, char **argv) {
        return change_rules(cli, argc, argv, CHANGE_REMOVE);
}

int verb_enable_rule(Cli *cli, int argc, char **argv) {
        return change_rules(cli, argc, argv, CHANGE_ENABLE);
}

int verb_disable_rule(Cli *cli, int argc, char **argv) {
        return change_rules(cli, argc, argv, CHANGE_DISABLE);
}
