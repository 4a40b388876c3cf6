/* plan: which processes would move, from where to where and why. */
#include "client/verbs.h"

#include <inttypes.h>
#include "client/bus.h"
#include "client/caret.h"
#include "client/rulefile.h"
#include "common/str.h"

enum {
        OPTION_RULES = CLI_OPTION_OWN,
        OPTION_ALONE,
};

typedef struct Candidates {
        char **files;
        bool alone; /* instead of the rules in force, not before them */
} Candidates;

static int plan_option(Cli *cli, int value, const char *argument, void *userdata) {
        Candidates *c = userdata;

        if (value == OPTION_RULES)
                return strv_append(&c->files, argument) < 0 ? cli_oom() : CLI_OK;
        c->alone = true;
        return CLI_OK;
}

/* A growing text of candidate rules, one a line. */
static int append_text(char **text, const char *more, size_t size) {
        size_t have = *text ? strlen(*text) : 0;
        char *grown = realloc(*text, have + size + 2);

        if (!grown)
                return -ENOMEM;
        memcpy(grown + have, more, size);
        if (size == 0 || more[size - 1] != '\n')
                grown[have + size++] = '\n';
        grown[have + size] = '\0';
        *text = grown;
        return 0;
}

/* Checks each part by itself, so that a mistake is named by its own file and line. */
static int add_candidate(Ruleset *rs, char **text, const char *part, size_t size, const char *file) {
        TextError err = {};
        int r = ruleset_add_text(rs, part, size, file, &err);

        if (r >= 0)
                r = append_text(text, part, size);
        if (r == -ENOMEM)
                return cli_oom();
        if (r < 0) {
                cli_text_error(&err);
                caret_print(stderr, part, size, err.line, err.column);
                return CLI_FAILED;
        }
        return CLI_OK;
}

static int collect(char **rules, char **files, char **ret) {
        _cleanup_(ruleset_freep) Ruleset *rs = NULL;
        int code = CLI_OK;

        if (ruleset_new(&rs) < 0)
                return cli_oom();
        for (; *rules && code == CLI_OK; rules++)
                code = add_candidate(rs, ret, *rules, strlen(*rules), "");
        for (; files && *files && code == CLI_OK; files++) {
                _cleanup_free_ char *part = NULL;
                TextError err = {};
                size_t size;
                int r = rule_file_read(*files, &part, &size, &err);
                if (r < 0)
                        return r == -ENOMEM ? cli_oom() : cli_text_error(&err);
                code = add_candidate(rs, ret, part, size, *files);
        }
        return code;
}

static int plan_row(Table *t, json_object *row) {
        char pid[24], user[USER_TEXT_SIZE], held[256];
        const char *holder = row_text(row, "Holder"), *detail = row_text(row, "HolderDetail");

        snprintf(pid, sizeof(pid), "%" PRIu64, row_u64(row, "PID"));
        snprintf(held, sizeof(held), "%s%s%s", holder, *holder && *detail ? ": " : "", detail);
        return table_add(t, (const char *[]) { pid, row_text(row, "Comm"), user_text(row_u64(row, "UID"), user), row_text(row, "From"),
                                               *row_text(row, "To") ? row_text(row, "To") : "(its origin)", row_text(row, "Rule"),
                                               row_text(row, "Reason"), held });
}

static int print_plan(Cli *cli, json_object *rows) {
        static const Column columns[] = {
                { "PID", COLUMN_RIGHT },
                { "PROGRAM", 0 },
                { "USER", 0 },
                { "FROM", COLUMN_PATH },
                { "TO", COLUMN_PATH },
                { "RULE", 0 },
                { "WHY", COLUMN_ELASTIC },
                { "HELD BY", COLUMN_ELASTIC },
        };
        _cleanup_(table_freep) Table *t = NULL;
        size_t held = 0;

        if (table_new(columns, ELEMENTSOF(columns), &t) < 0)
                return cli_oom();
        for (size_t i = 0; i < rows_count(rows); i++) {
                held += *row_text(rows_at(rows, i), "Holder") != '\0';
                if (plan_row(t, rows_at(rows, i)) < 0)
                        return cli_oom();
        }
        cli_page(cli);
        if (table_rows(t) > 0)
                cli_table(cli, t);
        if (!cli->no_legend)
                printf("%s%zu processes would move, %zu are held where they are. Nothing was changed.\n",
                       table_rows(t) > 0 ? "\n" : "", table_rows(t) - held, held);
        return CLI_OK;
}

static int plan(Cli *cli, char **rules, const Candidates *c) {
        _cleanup_json_ json_object *rows = NULL;
        _cleanup_free_ char *text = NULL;
        int code = collect(rules, c->files, &text);

        if (code == CLI_OK && c->alone && !text)
                code = cli_usage_error(cli, "--alone needs candidate rules");
        if (code == CLI_OK && c->alone)
                code = bus_call(cli, RULES_PATH, RULES_INTERFACE, "Plan", &rows, "sa{sv}", text, 1, "alone", "b", 1);
        else if (code == CLI_OK)
                code = bus_call(cli, RULES_PATH, RULES_INTERFACE, "Plan", &rows, "sa{sv}", strnull(text), 0);
        if (code != CLI_OK)
                return code;
        if (cli->json == JSON_OFF)
                return print_plan(cli, rows);
        json_print(stdout, rows, cli->json);
        return CLI_OK;
}

int verb_plan(Cli *cli, int argc, char **argv) {
        static const struct option own[] = {
                { "rules", required_argument, NULL, OPTION_RULES },
                { "alone", no_argument, NULL, OPTION_ALONE },
                {}
        };
        Candidates c = {};
        int first, code;

        if (cli_parse(cli, argc, argv, own, plan_option, &c, 0, argc, &first, &code))
                code = plan(cli, argv + first, &c);
        strv_free(c.files);
        return code;
}
