/* The rules in force, page by page. */
#include "client/rulerows.h"

#include <inttypes.h>
#include "client/caret.h"
#include "rules/rule.h"

#define PAGE 4096 /* rules asked for at once */
#define TRIES 10  /* before somebody who changes the rules all the time is complained about */

static int fetch_generation(Cli *cli, uint64_t *ret) {
        _cleanup_json_ json_object *properties = NULL;
        int code = bus_properties(cli, RULES_PATH, RULES_INTERFACE, &properties);

        if (code == CLI_OK)
                *ret = row_u64(properties, "Generation");
        return code;
}

static int fetch_pages(Cli *cli, json_object **ret) {
        _cleanup_json_ json_object *all = json_object_new_array();
        size_t n;

        if (!all)
                return cli_oom();
        do { /* a page may be shorter than what was asked for: only an empty one is the last */
                _cleanup_json_ json_object *page = NULL;
                int code = bus_call(cli, RULES_PATH, RULES_INTERFACE, "List", &page, "a{sv}", 2, "offset", "u",
                                    (uint32_t) json_object_array_length(all), "limit", "u", (uint32_t) PAGE);

                if (code != CLI_OK)
                        return code;
                n = rows_count(page);
                for (size_t i = 0; i < n; i++)
                        if (json_object_array_add(all, json_object_get(rows_at(page, i))) < 0)
                                return cli_oom();
        } while (n > 0);
        *ret = TAKE_PTR(all);
        return CLI_OK;
}

int rule_rows_fetch(Cli *cli, json_object **ret) {
        uint64_t before, after;
        int code = fetch_generation(cli, &before);

        for (int i = 0; code == CLI_OK && i < TRIES; i++) {
                _cleanup_json_ json_object *rows = NULL;

                code = fetch_pages(cli, &rows);
                if (code == CLI_OK)
                        code = fetch_generation(cli, &after);
                if (code != CLI_OK)
                        return code;
                if (before == after) {
                        *ret = TAKE_PTR(rows);
                        return CLI_OK;
                }
                before = after;
        }
        if (code != CLI_OK)
                return code;
        cli_error("somebody changes the rules faster than they can be read; try again");
        return CLI_FAILED;
}

int rule_rows_find(json_object *rows, const char *name, json_object **ret) {
        for (size_t i = 0; i < rows_count(rows); i++) {
                json_object *row = rows_at(rows, i);

                if (!streq(row_text(row, name[0] == '/' ? "Path" : "Name"), name))
                        continue;
                *ret = row;
                return CLI_OK;
        }
        cli_error("there is no rule '%s'; see pclassctl list-rules", name);
        return CLI_NO_SUCH_OBJECT;
}

int rule_rows_find_added(json_object *rows, const char *name, json_object **ret) {
        json_object *rule;
        int code = rule_rows_find(rows, name, &rule);

        if (code != CLI_OK)
                return code;
        if (*row_text(rule, "Source")) {
                cli_error("rule %s stands in %s, line %" PRIu64 ": change it there, or switch it off with: pclassctl disable-rule %s",
                          row_text(rule, "Name"), row_text(rule, "Source"), row_u64(rule, "Line"), row_text(rule, "Name"));
                return CLI_FAILED;
        }
        *ret = rule;
        return CLI_OK;
}

int rule_text_check(const char *text) {
        _cleanup_(rule_unrefp) Rule *rule = NULL;
        TextError err = {};
        int r = rule_parse(text, strlen(text), &rule, &err);

        if (r == -ENOMEM)
                return cli_oom();
        if (r < 0) {
                cli_text_error(&err);
                caret_print(stderr, text, strlen(text), err.line, err.column);
                return CLI_FAILED;
        }
        return CLI_OK;
}
