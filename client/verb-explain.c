/* explain: why a process is in its class, or why not. */
#include "client/verbs.h"

#include <inttypes.h>
#include <limits.h>
#include "client/bus.h"
#include "common/str.h"

/* What somebody can do about each holder (the names are the service's). */
static const struct {
        const char *holder, *meaning, *advice;
} holders[] = {
        { "unit", "Held by its unit", "To move it all the same, write leave-unit behind the rule, or LeaveUnit=yes into the class." },
        { "pin", "Held by a pin", "It was placed by hand, registered (cgclassify --cancel-sticky undoes that) or is sticky: it stays until it is released or ends." },
        { "protected", "Held by protection", "pclass.conf(5) has Protect=, Unprotect= and ProtectUsers=, pclass.classes(5) has AllowedUsers=." },
        { "observe", "Held by observe mode", "Nothing is moved in this mode; pclassctl enforce changes that." },
        { "unknown-fact", "Held by a fact that is not known", "The facts above say why; the rule decides once it is known." },
        { "moved", "Moved out of its class", "Its next exec or change of user brings it back; with Sweep=repair in pclass.conf a sweep does." },
        { "error", "Held by an error", "It is tried again; look at: journalctl -u pclass" },
};

/* A text of the answer, fit for a terminal. */
static char *shown(json_object *row, const char *key) {
        return text_for_terminal(row_text(row, key));
}

static const char *fact_value(json_object *facts, const char *name) {
        for (size_t i = 0; i < rows_count(facts); i++)
                if (streq(row_text(rows_at(facts, i), "Name"), name))
                        return row_text(rows_at(facts, i), "Value");
        return "";
}

/* "web (/etc/pclass/rules.d/web.rules:3)" */
static char *rule_place(json_object *row) {
        _cleanup_free_ char *rule = shown(row, "Rule"), *source = shown(row, "Source");
        char *text = NULL;

        if (row_u64(row, "Line") > 0) {
                if (asprintf(&text, "%s (%s:%" PRIu64 ")", strnull(rule), strnull(source), row_u64(row, "Line")) < 0)
                        return NULL;
        } else if (asprintf(&text, "%s (%s)", strnull(rule), source && *source ? source : "added at run time") < 0)
                return NULL;
        return text;
}

/* move_usec: from the event to the move, 0 = no event moved it */
static void print_in_class(const Cli *cli, const char *class, const char *rule, uint64_t move_usec) {
        char took[FORMAT_SIZE];

        printf("%sIn class %s%s by rule %s", cli_green(cli), strnull(class), cli_normal(cli), strnull(rule));
        if (move_usec > 0)
                printf(", moved %s after the event", format_timespan(took, move_usec));
        puts(".");
}

static void print_verdict(const Cli *cli, json_object *x) {
        _cleanup_free_ char *rule = rule_place(x), *class = shown(x, "Class"), *current = shown(x, "CurrentClass"), *by_hand = shown(x, "AssignedDetail");

        if (by_hand && *by_hand)
                printf("Assigned by hand: %s.\n", by_hand);
        if (!*row_text(x, "Rule"))
                printf("No rule matches: it stays where it is%s%s.\n", current && *current ? ", in class " : "", strnull(current));
        else if (row_bool(x, "Ignored"))
                printf("Rule %s %s: it is left where it is.\n", strnull(rule),
                       streq(row_text(x, "HolderDetail"), "real-time") ? "leaves real-time processes alone" : "says ignore");
        else if (row_bool(x, "InPlace"))
                print_in_class(cli, class, rule, row_u64(x, "MoveUSec"));
        else if (class && *class && current && streq(class, current))
                printf("%sNot everywhere in its class:%s rule %s wants class %s in more hierarchies than it is in.\n", cli_yellow(cli), cli_normal(cli),
                       strnull(rule), class);
        else
                printf("%sNot in its class:%s rule %s %s%s, it is in %s%s.\n", cli_yellow(cli), cli_normal(cli), strnull(rule),
                       class && *class ? "wants class " : "has no class for it", strnull(class), current && *current ? "class " : "no class", strnull(current));
}

static void print_holder(json_object *x) {
        const char *holder = row_text(x, "Holder");
        _cleanup_free_ char *detail = shown(x, "HolderDetail");
        size_t i;

        if (!*holder)
                return;
        for (i = 0; i < ELEMENTSOF(holders) && !streq(holders[i].holder, holder); i++)
                ;
        printf("%s%s%s.\n", i < ELEMENTSOF(holders) ? holders[i].meaning : holder, detail && *detail ? ": " : "", strnull(detail));
        if (i < ELEMENTSOF(holders))
                printf("%s\n", holders[i].advice);
}

static int print_facts(const Cli *cli, json_object *facts) {
        static const Column columns[] = { { "FACT", 0 }, { "VALUE", COLUMN_ELASTIC } };
        _cleanup_(table_freep) Table *t = NULL;

        if (table_new(columns, ELEMENTSOF(columns), &t) < 0)
                return cli_oom();
        for (size_t i = 0; i < rows_count(facts); i++) {
                json_object *row = rows_at(facts, i);
                const char *value = row_text(row, "Value"), *reason = row_text(row, "Reason");
                _cleanup_free_ char *unknown = NULL;
                if (!row_has(row, "Value") && asprintf(&unknown, "unknown%s%s", *reason ? ": " : "", reason) < 0)
                        return cli_oom();
                if (table_add(t, (const char *[]) { row_text(row, "Name"), unknown ? unknown : value }) < 0)
                        return cli_oom();
        }
        putchar('\n');
        cli_table(cli, t);
        return CLI_OK;
}

static bool same_place(json_object *a, json_object *b) {
        return streq(row_text(a, "Path"), row_text(b, "Path")) && streq(row_text(a, "Wanted"), row_text(b, "Wanted"));
}

/* The hierarchies that share the place of row i, joined; NULL when an earlier row has shown it, or without memory. */
static char *hierarchies_of_place(json_object *places, size_t i) {
        _cleanup_strv_ char **names = NULL;
        json_object *row = rows_at(places, i);

        for (size_t k = 0; k < i; k++)
                if (same_place(rows_at(places, k), row))
                        return NULL;
        for (size_t k = i; k < rows_count(places); k++)
                if (same_place(rows_at(places, k), row) && strv_append(&names, row_text(rows_at(places, k), "Controllers")) < 0)
                        return NULL;
        return strv_join(names, " ");
}

static int print_places(const Cli *cli, json_object *places) {
        static const Column columns[] = { { "IS IN", COLUMN_PATH }, { "BELONGS IN", COLUMN_PATH }, { "HIERARCHIES", COLUMN_ELASTIC } };
        _cleanup_(table_freep) Table *t = NULL;

        if (rows_count(places) == 0)
                return CLI_OK;
        if (table_new(columns, ELEMENTSOF(columns), &t) < 0)
                return cli_oom();
        for (size_t i = 0; i < rows_count(places); i++) {
                _cleanup_free_ char *hierarchies = hierarchies_of_place(places, i);
                const char *path = row_text(rows_at(places, i), "Path"), *wanted = row_text(rows_at(places, i), "Wanted");
                if (!hierarchies)
                        continue;
                if (table_add(t, (const char *[]) { path, !*wanted ? "any place" : streq(wanted, path) ? "there" : wanted, hierarchies }) < 0)
                        return cli_oom();
        }
        putchar('\n');
        cli_table(cli, t);
        return CLI_OK;
}

static int print_steps(const Cli *cli, json_object *steps) {
        static const Column columns[] = { { "EARLIER RULE", COLUMN_ELASTIC }, { "DID NOT MATCH BECAUSE", COLUMN_ELASTIC } };
        _cleanup_(table_freep) Table *t = NULL;

        if (rows_count(steps) == 0)
                return CLI_OK;
        if (table_new(columns, ELEMENTSOF(columns), &t) < 0)
                return cli_oom();
        for (size_t i = 0; i < rows_count(steps); i++) {
                json_object *row = rows_at(steps, i);
                const char *condition = row_text(row, "Condition");
                _cleanup_free_ char *rule = rule_place(row), *why = NULL;
                if (!rule || asprintf(&why, "%s%s%s", condition, *condition ? ": " : "", row_text(row, "Reason")) < 0)
                        return cli_oom();
                if (table_add(t, (const char *[]) { rule, why }) < 0)
                        return cli_oom();
        }
        putchar('\n');
        cli_table(cli, t);
        return CLI_OK;
}

static void print_heading(const Cli *cli, json_object *x) {
        json_object *facts = row_get(x, "Facts");
        _cleanup_free_ char *comm = text_for_terminal(fact_value(facts, "comm")), *user = text_for_terminal(fact_value(facts, "user"));
        const char *uid = fact_value(facts, "uid");

        printf("%sProcess %" PRIu64 "%s", cli_bold(cli), row_u64(x, "PID"), cli_normal(cli));
        if (comm && *comm)
                printf(" %s", comm);
        if (user && *user)
                printf(" of user %s", user);
        else if (*uid)
                printf(" of uid %s", uid);
        putchar('\n');
}

static int print_explanation(Cli *cli, json_object *x) {
        int code;

        cli_page(cli);
        print_heading(cli, x);
        print_verdict(cli, x);
        print_holder(x);
        code = print_facts(cli, row_get(x, "Facts"));
        if (code == CLI_OK)
                code = print_places(cli, row_get(x, "Places"));
        if (code == CLI_OK)
                code = print_steps(cli, row_get(x, "Steps"));
        if (code == CLI_OK && *row_text(x, "Origin")) {
                _cleanup_free_ char *origin = shown(x, "Origin");
                printf("\nIt came from %s and goes back there when no rule matches any more.\n", strnull(origin));
        }
        return code;
}

int verb_explain(Cli *cli, int argc, char **argv) {
        _cleanup_json_ json_object *x = NULL;
        int first, code;
        uint32_t pid;

        if (!cli_parse(cli, argc, argv, NULL, NULL, NULL, 1, 1, &first, &code))
                return code;
        if (str_to_u32(argv[first], &pid) < 0 || pid == 0 || pid > INT_MAX)
                return cli_usage_error(cli, "'%s' is not a process number", argv[first]);
        code = bus_call(cli, PROCESSES_PATH, PROCESSES_INTERFACE, "ExplainPid", &x, "us", pid, "");
        if (code != CLI_OK)
                return code;
        if (cli->json == JSON_OFF)
                return print_explanation(cli, x);
        json_print(stdout, x, cli->json);
        return CLI_OK;
}
