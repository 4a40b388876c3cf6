/* doctor: what cannot take effect here, and what mends it. */
#include "client/verbs.h"

#include "client/bus.h"
#include "client/checkup.h"

static bool is_problem(json_object *row) {
        return streq(row_text(row, "Severity"), "problem");
}

static void print_finding(const Cli *cli, json_object *row) {
        _cleanup_free_ char *subject = text_for_terminal(row_text(row, "Subject")), *problem = text_for_terminal(row_text(row, "Problem")),
                            *remedy = text_for_terminal(row_text(row, "Remedy"));

        printf("%s%-8s%s%s%s%s: %s\n", is_problem(row) ? cli_red(cli) : cli_dim(cli), row_text(row, "Severity"), cli_normal(cli), cli_bold(cli),
               strnull(subject), cli_normal(cli), strnull(problem));
        printf("        %s %s\n", locale_is_utf8() ? "→" : "->", strnull(remedy));
}

/* Returns CLI_FAILED when something does not work as it was told to. */
static int show(Cli *cli, json_object *findings) {
        size_t problems = 0, n = rows_count(findings);

        for (size_t i = 0; i < n; i++)
                problems += is_problem(rows_at(findings, i));
        if (cli->json != JSON_OFF) {
                json_print(stdout, findings, cli->json);
                return problems > 0 ? CLI_FAILED : CLI_OK;
        }
        cli_page(cli);
        for (size_t i = 0; i < n; i++)
                print_finding(cli, rows_at(findings, i));
        if (!cli->no_legend)
                printf("%s%zu problems, %zu notes.\n", n > 0 ? "\n" : "", problems, n - problems);
        return problems > 0 ? CLI_FAILED : CLI_OK;
}

int verb_doctor(Cli *cli, int argc, char **argv) {
        _cleanup_json_ json_object *findings = NULL, *classes = NULL;
        int first, code;

        if (!cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 0, &first, &code))
                return code;
        code = bus_call(cli, STATUS_PATH, STATUS_INTERFACE, "Doctor", &findings, NULL);
        if (code == CLI_OK && !cli->host) /* the files of another machine are not here */
                code = bus_call(cli, CLASSES_PATH, CLASSES_INTERFACE, "List", &classes, "a{sv}", 0);
        if (code != CLI_OK)
                return code;
        if (classes && checkup("", classes, findings) < 0)
                return cli_oom();
        return show(cli, findings);
}
