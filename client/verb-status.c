/* status, enforce, observe. */
#include "client/verbs.h"

#include <inttypes.h>
#include <time.h>
#include "client/bus.h"

#define SILENT_USEC 1000000 /* of the broker: less is nothing to speak of */

static int fetch_status(Cli *cli, json_object **ret) {
        return bus_properties(cli, STATUS_PATH, STATUS_INTERFACE, ret);
}

/* The words of a list, joined. */
static void print_list(const char *label, json_object *list, const char *nothing) {
        printf("%12s: ", label);
        for (size_t i = 0; i < rows_count(list); i++) {
                _cleanup_free_ char *word = text_for_terminal(json_object_get_string(rows_at(list, i)));
                printf("%s%s", i > 0 ? " " : "", strnull(word));
        }
        puts(rows_count(list) > 0 ? "" : nothing);
}

static void print_time(uint64_t usec) {
        time_t t = usec / 1000000;
        char text[64];
        struct tm tm;

        if (usec > 0 && localtime_r(&t, &tm) && strftime(text, sizeof(text), "%a %Y-%m-%d %H:%M:%S %Z", &tm) > 0)
                printf(", since %s", text);
}

/* "412 checked, 7 moved, 0 wrong, 3 held", and what has been asked for since. */
static void print_sums(json_object *status) {
        json_object *convergence = row_get(status, "Convergence");

        printf("%" PRIu64 " checked, %" PRIu64 " moved, %" PRIu64 " wrong, %" PRIu64 " held",
               row_u64(convergence, "Checked"), row_u64(convergence, "Moved"), row_u64(convergence, "Wrong"), row_u64(convergence, "Held"));
        if (row_u64(status, "MovesPending") > 0)
                printf(", %" PRIu64 " moves under way", row_u64(status, "MovesPending"));
}

static void print_convergence(const Cli *cli, json_object *status) {
        json_object *convergence = row_get(status, "Convergence");
        char took[FORMAT_SIZE];
        const char *word = !row_bool(convergence, "Converged") ? "not converged" : row_u64(status, "MovesPending") > 0 ? "moving" : "converged";

        printf("%12s: %s%s%s: ", "Processes", cli_bold(cli), word, cli_normal(cli));
        print_sums(status);
        printf(" (%" PRIu64 " passes, %s)", row_u64(convergence, "Passes"), format_timespan(took, row_u64(convergence, "Took")));
        print_time(row_u64(convergence, "Since"));
        putchar('\n');
}

static void print_broker(const Cli *cli, json_object *status) {
        bool connected = row_bool(status, "BrokerConnected");
        uint64_t silent = row_u64(status, "BrokerSilentUSec");
        char age[FORMAT_SIZE];

        printf("%12s: ", "Broker");
        if (connected && silent < SILENT_USEC)
                puts("connected");
        else if (connected)
                printf("%sconnected, but has not answered for %s%s\n", cli_red(cli), format_timespan(age, silent), cli_normal(cli));
        else
                printf("%snot connected%s\n", cli_red(cli), cli_normal(cli));
}

static void print_state(const Cli *cli, json_object *status) {
        const char *state = row_text(status, "State"), *reason = row_text(status, "StateReason");
        const char *colour = streq(state, "running") ? cli_green(cli) : streq(state, "degraded") ? cli_red(cli) : cli_yellow(cli);
        _cleanup_free_ char *shown = text_for_terminal(reason);

        printf("%s%s%s pclass %s\n", colour, locale_is_utf8() ? "●" : "*", cli_normal(cli), row_text(status, "Version"));
        printf("%12s: %s%s%s%s%s\n", "State", colour, state, cli_normal(cli), *reason ? ": " : "", strnull(shown));
        printf("%12s: %s%s\n", "Mode", row_text(status, "Mode"),
               streq(row_text(status, "Mode"), "observe") ? " (decides everything, moves nothing; see pclassctl plan, pclassctl enforce)" : "");
        print_broker(cli, status);
}

static int print_counters(const Cli *cli, json_object *counters, bool all) {
        static const Column columns[] = { { "COUNTER", 0 }, { "VALUE", COLUMN_RIGHT } };
        _cleanup_(table_freep) Table *t = NULL;
        char value[24];

        if (table_new(columns, ELEMENTSOF(columns), &t) < 0)
                return cli_oom();
        json_object_object_foreach(counters, name, number) {
                uint64_t v = json_object_get_uint64(number);
                snprintf(value, sizeof(value), "%" PRIu64, v);
                if ((v > 0 || all) && table_add(t, (const char *[]) { name, value }) < 0)
                        return cli_oom();
        }
        if (table_rows(t) > 0) {
                putchar('\n');
                cli_table(cli, t);
        }
        return CLI_OK;
}

static int print_status(Cli *cli, json_object *status, json_object *counters, bool all) {
        cli_page(cli);
        print_state(cli, status);
        print_list("Capabilities", row_get(status, "BrokerCapabilities"), "none");
        print_list("Features", row_get(status, "Features"), "none");
        printf("%12s: %" PRIu64 " lost\n", "Events", row_u64(status, "EventsLost"));
        print_convergence(cli, status);
        return json_object_is_type(counters, json_type_object) ? print_counters(cli, counters, all) : CLI_OK;
}

static int all_option(Cli *cli, int value, const char *argument, void *userdata) {
        *(bool *) userdata = true;
        return CLI_OK;
}

int verb_status(Cli *cli, int argc, char **argv) {
        static const struct option own[] = { { "all", no_argument, NULL, CLI_OPTION_OWN }, {} };
        _cleanup_json_ json_object *status = NULL, *counters = NULL;
        bool all = false;
        int first, code;

        if (!cli_parse(cli, argc, argv, own, all_option, &all, 0, 0, &first, &code))
                return code;
        code = fetch_status(cli, &status);
        if (code == CLI_OK)
                code = bus_call(cli, STATUS_PATH, STATUS_INTERFACE, "GetCounters", &counters, NULL);
        if (code != CLI_OK)
                return code;
        if (cli->json == JSON_OFF)
                return print_status(cli, status, counters, all);
        if (json_object_object_add(status, "Counters", json_object_get(counters)) < 0)
                return cli_oom();
        json_print(stdout, status, cli->json);
        return CLI_OK;
}

static int mode_answer(Cli *cli) {
        _cleanup_json_ json_object *status = NULL;
        int code = cli->quiet ? CLI_OK : fetch_status(cli, &status);

        if (code != CLI_OK || cli->quiet)
                return code;
        if (cli->json != JSON_OFF) {
                _cleanup_json_ json_object *answer = json_object_new_object();
                if (!answer)
                        return cli_oom();
                json_object_object_add(answer, "Mode", json_object_get(row_get(status, "Mode")));
                json_object_object_add(answer, "Convergence", json_object_get(row_get(status, "Convergence")));
                json_print(stdout, answer, cli->json);
                return CLI_OK;
        }
        printf("Mode is %s: ", row_text(status, "Mode"));
        print_sums(status);
        putchar('\n');
        return CLI_OK;
}

static int set_mode(Cli *cli, int argc, char **argv, const char *mode) {
        int first, code;

        if (!cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 0, &first, &code))
                return code;
        code = bus_call(cli, STATUS_PATH, STATUS_INTERFACE, "SetMode", NULL, "s", mode);
        return code == CLI_OK ? mode_answer(cli) : code;
}

int verb_enforce(Cli *cli, int argc, char **argv) {
        return set_mode(cli, argc, argv, "enforce");
}

int verb_observe(Cli *cli, int argc, char **argv) {
        return set_mode(cli, argc, argv, "observe");
}
