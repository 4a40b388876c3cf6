/* list-classes, show-class. */
#include "client/verbs.h"

#include <inttypes.h>
#include "client/bus.h"
#include "common/str.h"

#define PAGE 4096 /* processes asked for at once */

static int fetch_classes(Cli *cli, json_object **ret) {
        return bus_call(cli, CLASSES_PATH, CLASSES_INTERFACE, "List", ret, "a{sv}", 0);
}

/* "cpu,cpuacct memory cgroup2", cut at size. */
static void hierarchies_text(json_object *row, char *buf, size_t size) {
        json_object *list = row_get(row, "Hierarchies");
        size_t used = 0;

        buf[0] = '\0';
        for (size_t i = 0; i < rows_count(list) && used < size; i++)
                used += snprintf(buf + used, size - used, "%s%s", i > 0 ? " " : "", row_text(rows_at(list, i), "Controllers"));
}

static const char *cpu_text(json_object *row, char buf[static FORMAT_SIZE]) {
        return row_has(row, "CPUUSec") ? format_timespan(buf, row_u64(row, "CPUUSec")) : "-";
}

static const char *memory_text(json_object *row, char buf[static FORMAT_SIZE]) {
        return row_has(row, "MemoryBytes") ? format_bytes(buf, row_u64(row, "MemoryBytes")) : "-";
}

static int class_row(Table *t, json_object *row) {
        char processes[24] = "", cpu[FORMAT_SIZE], memory[FORMAT_SIZE], hierarchies[512];

        if (!row_bool(row, "IsTemplate"))
                snprintf(processes, sizeof(processes), "%" PRIu64, row_u64(row, "Processes"));
        hierarchies_text(row, hierarchies, sizeof(hierarchies));
        return table_add(t, (const char *[]) { row_text(row, "Name"), processes, cpu_text(row, cpu), memory_text(row, memory),
                                               hierarchies, row_text(row, "Description") });
}

static int print_classes(Cli *cli, json_object *rows) {
        static const Column columns[] = {
                { "CLASS", 0 },
                { "PROCESSES", COLUMN_RIGHT },
                { "CPU", COLUMN_RIGHT },
                { "MEMORY", COLUMN_RIGHT },
                { "HIERARCHIES", COLUMN_ELASTIC },
                { "DESCRIPTION", COLUMN_ELASTIC },
        };
        _cleanup_(table_freep) Table *t = NULL;

        if (table_new(columns, ELEMENTSOF(columns), &t) < 0)
                return cli_oom();
        for (size_t i = 0; i < rows_count(rows); i++)
                if (class_row(t, rows_at(rows, i)) < 0)
                        return cli_oom();
        cli_page(cli);
        cli_table(cli, t);
        if (!cli->no_legend)
                printf("\n%zu classes.\n", table_rows(t));
        return CLI_OK;
}

int verb_list_classes(Cli *cli, int argc, char **argv) {
        _cleanup_json_ json_object *rows = NULL;
        int first, code;

        if (!cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 0, &first, &code))
                return code;
        code = fetch_classes(cli, &rows);
        if (code != CLI_OK)
                return code;
        if (cli->json == JSON_OFF)
                return print_classes(cli, rows);
        json_print(stdout, rows, cli->json);
        return CLI_OK;
}

static void print_text(const char *label, const char *value) {
        _cleanup_free_ char *shown = text_for_terminal(value);

        printf("%12s: %s\n", label, strnull(shown));
}

static int print_hierarchies(const Cli *cli, json_object *list) {
        static const Column columns[] = { { "HIERARCHY", 0 }, { "VERSION", COLUMN_RIGHT }, { "PATH", COLUMN_PATH } };
        _cleanup_(table_freep) Table *t = NULL;
        char version[24];

        if (rows_count(list) == 0)
                return CLI_OK;
        if (table_new(columns, ELEMENTSOF(columns), &t) < 0)
                return cli_oom();
        for (size_t i = 0; i < rows_count(list); i++) {
                json_object *row = rows_at(list, i);
                snprintf(version, sizeof(version), "%" PRIu64, row_u64(row, "Version"));
                if (table_add(t, (const char *[]) { row_text(row, "Controllers"), version, row_text(row, "Path") }) < 0)
                        return cli_oom();
        }
        putchar('\n');
        cli_table(cli, t);
        return CLI_OK;
}

/* Sizes for people; --json has the numbers. */
static const char *value_text(json_object *property, char buf[static FORMAT_SIZE]) {
        const char *text = row_text(property, "Text");
        uint64_t bytes;

        return startswith(row_text(property, "Name"), "Memory") && str_to_u64(text, &bytes) >= 0 ? format_bytes(buf, bytes) : text;
}

static int print_properties(const Cli *cli, json_object *list) {
        static const Column columns[] = { { "PROPERTY", 0 }, { "SUPPORTED", 0 }, { "VALUE", COLUMN_ELASTIC } };
        _cleanup_(table_freep) Table *t = NULL;
        char size[FORMAT_SIZE];

        if (rows_count(list) == 0)
                return CLI_OK;
        if (table_new(columns, ELEMENTSOF(columns), &t) < 0)
                return cli_oom();
        for (size_t i = 0; i < rows_count(list); i++) {
                json_object *row = rows_at(list, i);
                if (table_add(t, (const char *[]) { row_text(row, "Name"), row_bool(row, "Supported") ? "yes" : "no", value_text(row, size) }) < 0)
                        return cli_oom();
        }
        putchar('\n');
        cli_table(cli, t);
        return CLI_OK;
}

static int print_class(Cli *cli, json_object *row) {
        char cpu[FORMAT_SIZE], memory[FORMAT_SIZE];
        _cleanup_free_ char *name = text_for_terminal(row_text(row, "Name"));
        int code;

        cli_page(cli);
        printf("%s%s%s\n", cli_bold(cli), strnull(name), cli_normal(cli));
        if (*row_text(row, "Description"))
                print_text("Description", row_text(row, "Description"));
        if (*row_text(row, "Template"))
                print_text("Template", row_text(row, "Template"));
        printf("%12s: %" PRIu64 "\n", "Processes", row_u64(row, "Processes"));
        printf("%12s: %s\n", "CPU", cpu_text(row, cpu));
        printf("%12s: %s\n", "Memory", memory_text(row, memory));
        code = print_hierarchies(cli, row_get(row, "Hierarchies"));
        return code == CLI_OK ? print_properties(cli, row_get(row, "Properties")) : code;
}

int verb_show_class(Cli *cli, int argc, char **argv) {
        _cleanup_json_ json_object *rows = NULL;
        int first, code;

        if (!cli_parse(cli, argc, argv, NULL, NULL, NULL, 1, 1, &first, &code))
                return code;
        code = fetch_classes(cli, &rows);
        if (code != CLI_OK)
                return code;
        for (size_t i = 0; i < rows_count(rows); i++) {
                json_object *row = rows_at(rows, i);
                if (!streq(row_text(row, "Name"), argv[first]))
                        continue;
                if (cli->json == JSON_OFF)
                        return print_class(cli, row);
                json_print(stdout, row, cli->json);
                return CLI_OK;
        }
        cli_error("there is no class '%s'; see pclassctl list-classes", argv[first]);
        return CLI_NO_SUCH_OBJECT;
}

/* All processes of a class, page by page. */
static int fetch_processes(Cli *cli, const char *class_name, json_object **ret) {
        _cleanup_json_ json_object *all = json_object_new_array();
        uint32_t after = 0;
        size_t n;

        if (!all)
                return cli_oom();
        do {
                _cleanup_json_ json_object *page = NULL;
                int code = bus_call(cli, CLASSES_PATH, CLASSES_INTERFACE, "GetProcesses", &page, "sa{sv}", class_name, 2,
                                    "after", "u", after, "limit", "u", (uint32_t) PAGE);
                if (code != CLI_OK)
                        return code;
                n = rows_count(page);
                for (size_t i = 0; i < n; i++) {
                        json_object *row = rows_at(page, i);
                        after = MAX(after, (uint32_t) row_u64(row, "PID"));
                        if (json_object_array_add(all, json_object_get(row)) < 0)
                                return cli_oom();
                }
        } while (n == PAGE);
        *ret = TAKE_PTR(all);
        return CLI_OK;
}

static int print_processes(Cli *cli, json_object *rows) {
        static const Column columns[] = { { "PID", COLUMN_RIGHT }, { "PROGRAM", 0 }, { "USER", 0 }, { "RULE", COLUMN_ELASTIC } };
        _cleanup_(table_freep) Table *t = NULL;
        char pid[24], user[USER_TEXT_SIZE];

        if (table_new(columns, ELEMENTSOF(columns), &t) < 0)
                return cli_oom();
        for (size_t i = 0; i < rows_count(rows); i++) {
                json_object *row = rows_at(rows, i);
                snprintf(pid, sizeof(pid), "%" PRIu64, row_u64(row, "PID"));
                if (table_add(t, (const char *[]) { pid, row_text(row, "Comm"), user_text(row_u64(row, "UID"), user),
                                                    *row_text(row, "Rule") ? row_text(row, "Rule") : row_bool(row, "Assigned") ? "(assigned)" : "(inherited)" }) < 0)
                        return cli_oom();
        }
        cli_page(cli);
        cli_table(cli, t);
        if (!cli->no_legend)
                printf("\n%zu processes.\n", table_rows(t));
        return CLI_OK;
}

int verb_list_processes(Cli *cli, int argc, char **argv) {
        _cleanup_json_ json_object *rows = NULL;
        int first, code;

        if (!cli_parse(cli, argc, argv, NULL, NULL, NULL, 1, 1, &first, &code))
                return code;
        code = fetch_processes(cli, argv[first], &rows);
        if (code != CLI_OK)
                return code;
        if (cli->json == JSON_OFF)
                return print_processes(cli, rows);
        json_print(stdout, rows, cli->json);
        return CLI_OK;
}
