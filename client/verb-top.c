/* top: what each class uses, again and again. */
#include "client/verbs.h"

#include <inttypes.h>
#include <time.h>
#include "client/classrows.h"
#include "client/screen.h"
#include "common/str.h"

#define DELAY_DEFAULT_USEC UINT64_C(1000000)
#define DELAY_LEAST_USEC UINT64_C(100000) /* the service has other things to do, too */
#define DELAY_MOST_USEC (UINT64_C(3600) * 1000000)
#define DELAY_STEP_USEC UINT64_C(500000)
#define FRAME_LINES 2                     /* the header, and the cursor below the last row */

typedef struct Top {
        UseOrder order;
        uint64_t delay_usec;
        uint32_t iterations; /* 0 = until somebody ends it */
        bool batch, raw;
        bool drawn;          /* on a terminal, over what was there */
        json_object *earlier;
        uint64_t earlier_usec;
} Top;

static uint64_t now_usec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

/* ---- options ------------------------------------------------------------------------------------------------------ */

enum { OPTION_ORDER = CLI_OPTION_OWN };

static int set_delay(const Cli *cli, Top *top, const char *argument) {
        char *end = NULL;
        double seconds = argument ? strtod(argument, &end) : 0; /* never NULL: the option has an argument */

        if (end == argument || *end || !(seconds * 1e6 >= (double) DELAY_LEAST_USEC) || seconds * 1e6 > (double) DELAY_MOST_USEC)
                return cli_usage_error(cli, "--delay=%s: expected 0.1 to 3600 seconds", argument);
        top->delay_usec = (uint64_t) (seconds * 1e6);
        return CLI_OK;
}

static int top_option(Cli *cli, int value, const char *argument, void *userdata) {
        Top *top = userdata;

        switch (value) {
        case 'n':
                if (str_to_u32(argument, &top->iterations) < 0 || top->iterations == 0)
                        return cli_usage_error(cli, "--iterations=%s: expected a number from 1", argument);
                return CLI_OK;
        case 'd':
                return set_delay(cli, top, argument);
        case 'b':
                top->batch = true;
                return CLI_OK;
        case 'r':
                top->raw = true;
                return CLI_OK;
        case OPTION_ORDER:
                if (use_order_from_string(argument, &top->order) < 0)
                        return cli_usage_error(cli, "--order=%s: expected path, tasks, cpu, memory or io", argument);
                return CLI_OK;
        default:
                top->order = value == 'p' ? ORDER_NAME : value == 't' ? ORDER_TASKS : value == 'm' ? ORDER_MEMORY : value == 'i' ? ORDER_IO : ORDER_CPU;
                return CLI_OK;
        }
}

/* ---- one table ----------------------------------------------------------------------------------------------------- */

static const char *percent_text(double percent, char buf[static FORMAT_SIZE]) {
        if (percent < 0)
                return "-";
        snprintf(buf, FORMAT_SIZE, "%.1f", percent);
        return buf;
}

static const char *bytes_text(const Top *top, bool known, uint64_t bytes, char buf[static FORMAT_SIZE]) {
        if (!known)
                return "-";
        if (!top->raw)
                return format_bytes(buf, bytes);
        snprintf(buf, FORMAT_SIZE, "%" PRIu64, bytes);
        return buf;
}

static int use_row(Table *t, const Top *top, const ClassUse *u) {
        char tasks[FORMAT_SIZE], cpu[FORMAT_SIZE], memory[FORMAT_SIZE], in[FORMAT_SIZE], out[FORMAT_SIZE];
        bool reads = u->read_rate >= 0, writes = u->write_rate >= 0;

        snprintf(tasks, sizeof(tasks), "%" PRIu64, class_tasks(u->row));
        return table_add(t, (const char *[]) {
                row_text(u->row, "Name"),
                tasks,
                percent_text(u->cpu_percent, cpu),
                bytes_text(top, row_has(u->row, "MemoryBytes"), row_u64(u->row, "MemoryBytes"), memory),
                bytes_text(top, reads, reads ? (uint64_t) u->read_rate : 0, in),
                bytes_text(top, writes, writes ? (uint64_t) u->write_rate : 0, out),
        });
}

static int print_uses(const Cli *cli, const Top *top, const ClassUse *uses, size_t n) {
        static const Column columns[] = {
                { "CLASS", COLUMN_ELASTIC }, { "TASKS", COLUMN_RIGHT }, { "%CPU", COLUMN_RIGHT },
                { "MEMORY", COLUMN_RIGHT },  { "INPUT/S", COLUMN_RIGHT }, { "OUTPUT/S", COLUMN_RIGHT },
        };
        _cleanup_(table_freep) Table *t = NULL;
        size_t lines = top->drawn ? screen_lines() : 0;

        if (lines > FRAME_LINES)
                n = MIN(n, lines - FRAME_LINES);
        if (table_new(columns, ELEMENTSOF(columns), &t) < 0)
                return cli_oom();
        for (size_t i = 0; i < n; i++)
                if (use_row(t, top, uses + i) < 0)
                        return cli_oom();
        if (top->drawn)
                fputs("\033[H\033[J\033[?7l", stdout); /* what is too long is cut: a line that wraps would push the first ones away */
        cli_table(cli, t);
        fputs(top->drawn ? "\033[?7h" : "", stdout);
        fflush(stdout);
        return CLI_OK;
}

static int print_json(const Cli *cli, const ClassUse *uses, size_t n) {
        _cleanup_json_ json_object *list = NULL;

        if (class_uses_to_json(uses, n, &list) < 0)
                return cli_oom();
        json_print(stdout, list, cli->json);
        fflush(stdout);
        return CLI_OK;
}

/* With the first look there are no rates yet. */
static int look(Cli *cli, Top *top) {
        _cleanup_json_ json_object *rows = NULL;
        _cleanup_free_ ClassUse *uses = NULL;
        uint64_t now;
        size_t n;
        int code = bus_call(cli, CLASSES_PATH, CLASSES_INTERFACE, "List", &rows, "a{sv}", 0);

        if (code != CLI_OK)
                return code;
        now = now_usec();
        if (class_uses(rows, top->earlier, top->earlier ? now - top->earlier_usec : 0, top->order, &uses, &n) < 0)
                return cli_oom();
        if (top->drawn)
                cli_measure(cli);
        code = cli->json == JSON_OFF ? print_uses(cli, top, uses, n) : print_json(cli, uses, n);
        json_object_put(top->earlier);
        top->earlier = TAKE_PTR(rows);
        top->earlier_usec = now;
        return code;
}

/* ---- again and again ----------------------------------------------------------------------------------------------- */

/* Returns false when somebody wants to leave. */
static bool on_key(Cli *cli, Top *top, int key) {
        static const char order_keys[] = "ptcmi";

        if (key == 'q' || key == 4 /* control-D */)
                return false;
        if (strchr(order_keys, key))
                (void) top_option(cli, key, NULL, top);
        else if (key == '+')
                top->delay_usec = MIN(top->delay_usec + DELAY_STEP_USEC, DELAY_MOST_USEC);
        else if (key == '-')
                top->delay_usec = top->delay_usec > DELAY_STEP_USEC + DELAY_LEAST_USEC ? top->delay_usec - DELAY_STEP_USEC : DELAY_LEAST_USEC;
        return true;
}

static int run(Cli *cli, Top *top) {
        _cleanup_(screen_closep) Screen *screen = NULL;
        int r = screen_open(&screen), code = CLI_OK;

        if (r < 0) {
                cli_error("cannot listen to the terminal: %s", strerror(-r));
                return CLI_FAILED;
        }
        for (uint32_t i = 0; code == CLI_OK; i++) {
                if (i > 0 && !top->drawn && cli->json == JSON_OFF)
                        putchar('\n');
                code = look(cli, top);
                if (code != CLI_OK || i + 1 == top->iterations || ferror(stdout))
                        break;
                r = screen_wait(screen, top->delay_usec);
                if (r < 0 || (r > 0 && !on_key(cli, top, r)))
                        break;
        }
        return code;
}

int verb_top(Cli *cli, int argc, char **argv) {
        static const struct option own[] = {
                { "iterations", required_argument, NULL, 'n' },
                { "delay", required_argument, NULL, 'd' },
                { "batch", no_argument, NULL, 'b' },
                { "raw", no_argument, NULL, 'r' },
                { "order", required_argument, NULL, OPTION_ORDER },
                { "by-path", no_argument, NULL, 'p' },
                { "by-tasks", no_argument, NULL, 't' },
                { "by-cpu", no_argument, NULL, 'c' },
                { "by-memory", no_argument, NULL, 'm' },
                { "by-io", no_argument, NULL, 'i' },
                {}
        };
        Top top = { .order = ORDER_CPU, .delay_usec = DELAY_DEFAULT_USEC };
        int first, code;

        if (!cli_parse(cli, argc, argv, own, top_option, &top, 0, 0, &first, &code))
                return code;
        top.drawn = cli->width > 0 && !top.batch && cli->json == JSON_OFF;
        if (!top.drawn && top.iterations == 0 && cli->width == 0 && !top.batch)
                top.iterations = 1; /* into a file or a pipe: one table, as systemd-cgtop does it */
        code = run(cli, &top);
        json_object_put(top.earlier);
        return code;
}
