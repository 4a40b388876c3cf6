/* replace: another text for one rule that was added, or for all of them at once. */
#include "client/verbs.h"

#include <inttypes.h>
#include "client/caret.h"
#include "client/rulefile.h"
#include "client/rulerows.h"
#include "common/str.h"

typedef struct Replacement {
        const char *file; /* --all: where all rules come from */
        uint64_t generation;
} Replacement;

enum {
        OPTION_ALL = CLI_OPTION_OWN,
        OPTION_IF_GENERATION,
};

static int replace_option(Cli *cli, int value, const char *argument, void *userdata) {
        Replacement *x = userdata;

        if (value == OPTION_ALL)
                x->file = argument;
        else if (str_to_u64(argument, &x->generation) < 0 || x->generation == 0)
                return cli_usage_error(cli, "--if-generation=%s: expected a number, as replace --all and monitor print it", argument);
        return CLI_OK;
}

/* Says the first mistake by file and line, before anybody is asked. */
static int check_all(const char *file, const char *text, size_t size) {
        _cleanup_(ruleset_freep) Ruleset *rules = NULL;
        TextError err = {};
        int r = ruleset_new(&rules);

        if (r >= 0)
                r = ruleset_add_text(rules, text, size, file, &err);
        if (r == -ENOMEM)
                return cli_oom();
        if (r < 0) {
                cli_text_error(&err);
                caret_print(stderr, text, size, err.line, err.column);
                return CLI_FAILED;
        }
        return CLI_OK;
}

static int print_generation(const Cli *cli, json_object *generation) {
        if (cli->json != JSON_OFF)
                return cli_answer(cli, "Generation", generation);
        if (!cli->quiet)
                printf("Generation %" PRIu64 "\n", json_object_get_uint64(generation));
        return CLI_OK;
}

static int replace_all(Cli *cli, const Replacement *x) {
        _cleanup_json_ json_object *generation = NULL;
        _cleanup_free_ char *text = NULL;
        TextError err = {};
        size_t size;
        int r = rule_file_read(streq(x->file, "-") ? "/dev/stdin" : x->file, &text, &size, &err), code;

        if (r < 0)
                return r == -ENOMEM ? cli_oom() : cli_text_error(&err);
        code = check_all(x->file, text, size);
        if (code != CLI_OK)
                return code;
        code = bus_call(cli, RULES_PATH, RULES_INTERFACE, "SetAll", &generation, "st", text, x->generation);
        return code == CLI_OK ? print_generation(cli, generation) : code;
}

static int replace_one(Cli *cli, const char *name, const char *text, const Replacement *x) {
        _cleanup_json_ json_object *rows = NULL;
        json_object *rule;
        int code = rule_text_check(text);

        if (code == CLI_OK)
                code = rule_rows_fetch(cli, &rows);
        if (code == CLI_OK)
                code = rule_rows_find_added(rows, name, &rule);
        if (code != CLI_OK)
                return code;
        if (x->generation > 0)
                code = bus_call(cli, RULES_PATH, RULES_INTERFACE, "Replace", NULL, "osa{sv}", row_text(rule, "Path"), text, 1,
                                "if_generation", "t", x->generation);
        else
                code = bus_call(cli, RULES_PATH, RULES_INTERFACE, "Replace", NULL, "osa{sv}", row_text(rule, "Path"), text, 0);
        return cli_changed(cli, code);
}

int verb_replace(Cli *cli, int argc, char **argv) {
        static const struct option own[] = {
                { "all", required_argument, NULL, OPTION_ALL },
                { "if-generation", required_argument, NULL, OPTION_IF_GENERATION },
                {}
        };
        Replacement x = {};
        int first, code;

        if (!cli_parse(cli, argc, argv, own, replace_option, &x, 0, 2, &first, &code))
                return code;
        if (x.file && argc > first)
                return cli_usage_error(cli, "with --all there is no rule to name: '%s'", argv[first]);
        if (x.file)
                return replace_all(cli, &x);
        if (argc - first != 2)
                return cli_usage_error(cli, "replace needs the NAME of a rule and its new text, or --all=FILE");
        return replace_one(cli, argv[first], argv[first + 1], &x);
}
