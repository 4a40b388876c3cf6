/* assign, pin, release, list-assignments, run: placing by hand. */
#include "client/verbs.h"

#include <inttypes.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "client/bus.h"
#include "common/fd.h"
#include "common/str.h"

#define WITHOUT_LIMIT UINT64_MAX
#define USEC_PER_SEC UINT64_C(1000000)

/* Of a program that could not be executed: what shells and env(1) say. */
enum { EXIT_CANNOT_EXECUTE = 126, EXIT_NOT_FOUND = 127 };

typedef struct Scope {
        const char *class; /* of --class */
        const char *until;
        uint64_t for_usec;
        bool tree, leave_unit;
} Scope;

enum { SCOPE_TREE = CLI_OPTION_OWN, SCOPE_NO_TREE, SCOPE_UNTIL, SCOPE_FOR, SCOPE_PIN, SCOPE_LEAVE_UNIT, SCOPE_KEEP_UNIT, SCOPE_CLASS };

/* "90", "90s", "15min", "2h", "1d" */
static int parse_time(const char *text, uint64_t *ret) {
        static const struct {
                const char *suffix;
                uint64_t sec;
        } units[] = { { "", 1 }, { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 } };
        size_t digits = strspn(text, "0123456789");
        char number[16] = "";
        uint64_t n;

        if (digits == 0 || digits >= sizeof(number))
                return -EINVAL;
        memcpy(number, text, digits);
        if (str_to_u64(number, &n) < 0 || n == 0)
                return -EINVAL;
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (streq(text + digits, units[i].suffix)) {
                        if (n > 10 * 365 * UINT64_C(86400) / units[i].sec)
                                return -ERANGE;
                        *ret = n * units[i].sec * USEC_PER_SEC;
                        return 0;
                }
        return -EINVAL;
}

static int scope_option(Cli *cli, int value, const char *argument, void *userdata) {
        Scope *s = userdata;

        switch (value) {
        case SCOPE_TREE:
        case SCOPE_NO_TREE:
                s->tree = value == SCOPE_TREE;
                return CLI_OK;
        case SCOPE_UNTIL:
                if (!streq(argument, "exec") && !streq(argument, "exit"))
                        return cli_usage_error(cli, "--until=%s: expected exec or exit", argument);
                s->until = argument;
                return CLI_OK;
        case SCOPE_FOR:
                if (parse_time(argument, &s->for_usec) < 0)
                        return cli_usage_error(cli, "--for=%s: expected a time such as 90s, 15min, 2h or 1d, at most ten years", argument);
                return CLI_OK;
        case SCOPE_PIN:
                s->until = "exit";
                return CLI_OK;
        case SCOPE_CLASS:
                s->class = argument;
                return CLI_OK;
        default:
                s->leave_unit = value == SCOPE_LEAVE_UNIT;
                return CLI_OK;
        }
}

static int class_object(const char *name, char **ret) {
        if (sd_bus_path_encode(CLASSES_PATH, name, ret) < 0)
                return cli_oom();
        return CLI_OK;
}

static int read_pid(const Cli *cli, const char *text, uint32_t *ret) {
        if (str_to_u32(text, ret) < 0 || *ret == 0 || *ret > INT_MAX)
                return cli_usage_error(cli, "'%s' is not a process number", text);
        return CLI_OK;
}

/* ---- assign, pin, release ----------------------------------------------------------------------------------------- */

static const char *until_of(const Scope *s) {
        return s->until ? s->until : s->for_usec != WITHOUT_LIMIT ? "exit" : "exec";
}

static int assign_all(Cli *cli, char **argv, int first, int argc, const Scope *s) {
        _cleanup_free_ char *class = NULL;
        int code = class_object(argv[first], &class);
        uint32_t pid;

        for (int i = first + 1; code == CLI_OK && i < argc; i++) /* a mistake in the last one must not be found when the first is assigned */
                code = read_pid(cli, argv[i], &pid);
        for (int i = first + 1; code == CLI_OK && i < argc; i++) {
                code = read_pid(cli, argv[i], &pid);
                if (code == CLI_OK)
                        code = bus_call(cli, PROCESSES_PATH, PROCESSES_INTERFACE, "AssignPid", NULL, "usoa{sv}", pid, "", class, 4,
                                        "tree", "b", (int) s->tree, "leave-unit", "b", (int) s->leave_unit, "until", "s", until_of(s),
                                        "for", "t", s->for_usec);
        }
        return code;
}

static int verb_assign_scope(Cli *cli, int argc, char **argv, Scope *s) {
        static const struct option own[] = {
                { "tree",       no_argument,       NULL, SCOPE_TREE },
                { "until",      required_argument, NULL, SCOPE_UNTIL },
                { "for",        required_argument, NULL, SCOPE_FOR },
                { "pin",        no_argument,       NULL, SCOPE_PIN },
                { "leave-unit", no_argument,       NULL, SCOPE_LEAVE_UNIT },
                {}
        };
        int first, code;

        if (!cli_parse(cli, argc, argv, own, scope_option, s, 2, INT_MAX, &first, &code))
                return code;
        return cli_changed(cli, assign_all(cli, argv, first, argc, s));
}

int verb_assign(Cli *cli, int argc, char **argv) {
        return verb_assign_scope(cli, argc, argv, &(Scope) { .for_usec = WITHOUT_LIMIT });
}

int verb_pin(Cli *cli, int argc, char **argv) {
        return verb_assign_scope(cli, argc, argv, &(Scope) { .for_usec = WITHOUT_LIMIT, .until = "exit" });
}

int verb_release(Cli *cli, int argc, char **argv) {
        int first, code;
        uint32_t pid;

        if (!cli_parse(cli, argc, argv, NULL, NULL, NULL, 1, INT_MAX, &first, &code))
                return code;
        for (int i = first; i < argc; i++)
                if ((code = read_pid(cli, argv[i], &pid)) != CLI_OK)
                        return code;
        for (int i = first; i < argc && code == CLI_OK; i++) {
                code = read_pid(cli, argv[i], &pid);
                if (code == CLI_OK)
                        code = bus_call(cli, PROCESSES_PATH, PROCESSES_INTERFACE, "ReleasePid", NULL, "us", pid, "");
        }
        return cli_changed(cli, code);
}

/* ---- list-assignments --------------------------------------------------------------------------------------------- */

static int add_row(Table *t, json_object *row) {
        _cleanup_free_ char *class = text_for_terminal(row_text(row, "Class")), *detail = text_for_terminal(row_text(row, "HolderDetail"));
        _cleanup_free_ char *by = NULL, *held = NULL;
        char pid[24], left[FORMAT_SIZE];
        const char *holder = row_text(row, "Holder");

        snprintf(pid, sizeof(pid), "%" PRIu64, row_u64(row, "PID"));
        if (asprintf(&by, "%s (uid %" PRIu64 ")", row_text(row, "Authority"), row_u64(row, "UID")) < 0 ||
            asprintf(&held, "%s%s%s", *holder ? holder : "-", detail && *detail ? ": " : "", strnull(detail)) < 0)
                return -ENOMEM;
        return table_add(t, (const char *[]) { pid, strnull(class), row_bool(row, "Tree") ? "tree" : "process", row_text(row, "Until"),
                                               row_has(row, "LeftUSec") ? format_timespan(left, row_u64(row, "LeftUSec")) : "-", by, held });
}

static int print_assignments(const Cli *cli, json_object *rows) {
        static const Column columns[] = { { "PID", COLUMN_RIGHT }, { "CLASS", COLUMN_ELASTIC }, { "SCOPE", 0 }, { "UNTIL", 0 },
                                          { "LEFT", COLUMN_RIGHT }, { "BY", 0 }, { "HELD ELSEWHERE BY", COLUMN_ELASTIC } };
        _cleanup_(table_freep) Table *t = NULL;

        if (table_new(columns, ELEMENTSOF(columns), &t) < 0)
                return cli_oom();
        for (size_t i = 0; i < rows_count(rows); i++)
                if (add_row(t, rows_at(rows, i)) < 0)
                        return cli_oom();
        cli_table(cli, t);
        if (!cli->no_legend)
                printf("\n%zu processes are assigned by hand.\n", rows_count(rows));
        return CLI_OK;
}

int verb_list_assignments(Cli *cli, int argc, char **argv) {
        _cleanup_json_ json_object *rows = NULL;
        int first, code;

        if (!cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 0, &first, &code))
                return code;
        code = bus_call(cli, PROCESSES_PATH, PROCESSES_INTERFACE, "ListAssignments", &rows, "a{sv}", 0);
        if (code != CLI_OK)
                return code;
        if (cli->json == JSON_OFF)
                return print_assignments(cli, rows);
        json_print(stdout, rows, cli->json);
        return CLI_OK;
}

/* ---- run ---------------------------------------------------------------------------------------------------------- */

/* Whoever runs this program is assigned himself and then becomes the other program: no process stands between it and who started it, so its status,
 * signals and terminal are its own. The answer comes when this process is in the class, so the first instruction runs there. */
static int assign_self(Cli *cli, const char *name, const Scope *s) {
        _cleanup_close_ int self = syscall(SYS_pidfd_open, getpid(), 0);
        _cleanup_free_ char *class = NULL;
        int code;

        if (self < 0) {
                cli_error("cannot get a handle of this process: %s", strerror(errno));
                return CLI_FAILED;
        }
        code = class_object(name, &class);
        if (code != CLI_OK)
                return code;
        return bus_call(cli, PROCESSES_PATH, PROCESSES_INTERFACE, "Assign", NULL, "hoa{sv}", self, class, 4, "tree", "b", (int) s->tree,
                        "leave-unit", "b", (int) s->leave_unit, "until", "s", "exit", "for", "t", s->for_usec);
}

static int become(Cli *cli, char **command) {
        cli_done(cli);
        fflush(stdout);
        execvp(command[0], command);
        int error = errno;
        cli_error("cannot execute %s: %s", command[0], strerror(error));
        return error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
}

int verb_run(Cli *cli, int argc, char **argv) {
        static const struct option own[] = {
                { "class",     required_argument, NULL, SCOPE_CLASS },
                { "for",       required_argument, NULL, SCOPE_FOR },
                { "no-tree",   no_argument,       NULL, SCOPE_NO_TREE },
                { "keep-unit", no_argument,       NULL, SCOPE_KEEP_UNIT },
                {}
        };
        Scope s = { .for_usec = WITHOUT_LIMIT, .tree = true, .leave_unit = true };
        int first, code;

        if (!cli_parse(cli, argc, argv, own, scope_option, &s, 1, INT_MAX, &first, &code))
                return code;
        if (!s.class) {
                s.class = argv[first++];
                if (first < argc && streq(argv[first], "--"))
                        first++;
        }
        if (first >= argc)
                return cli_usage_error(cli, "run: which program?");
        if (cli->host) /* there is no handle of a process that would be worth something there */
                return cli_usage_error(cli, "run starts a program on this machine; for another one: ssh %s pclassctl run ...", cli->host);
        code = assign_self(cli, s.class, &s);
        return code == CLI_OK ? become(cli, argv + first) : code;
}
