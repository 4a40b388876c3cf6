/* What every verb of pclassctl shares. */
#include "client/cli.h"

#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "client/agent.h"
#include "client/pager.h"

enum {
        OPTION_VERSION = 0x100,
        OPTION_JSON,
        OPTION_NO_LEGEND,
        OPTION_NO_ASK_PASSWORD,
        OPTION_NO_PAGER,
};

static const struct option common_options[] = {
        { "help",            no_argument,       NULL, 'h' },
        { "version",         no_argument,       NULL, OPTION_VERSION },
        { "json",            optional_argument, NULL, OPTION_JSON },
        { "no-legend",       no_argument,       NULL, OPTION_NO_LEGEND },
        { "no-ask-password", no_argument,       NULL, OPTION_NO_ASK_PASSWORD },
        { "quiet",           no_argument,       NULL, 'q' },
        { "full",            no_argument,       NULL, 'l' },
        { "no-pager",        no_argument,       NULL, OPTION_NO_PAGER },
        { "host",            required_argument, NULL, 'H' },
        {}
};

#define OPTIONS_MAX 48 /* common and own ones of one verb */
#define SHORT_MAX 64   /* bytes of the list of their letters */

void cli_init(Cli *cli) {
        bool terminal = isatty(STDOUT_FILENO);
        const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

        *cli = (Cli) {};
        cli->colour = terminal && !(no_colour && *no_colour) && !(term && streq(term, "dumb"));
        if (terminal)
                cli_measure(cli);
}

void cli_measure(Cli *cli) {
        struct winsize ws;

        cli->width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0 ? ws.ws_col : 80;
}

void cli_done(Cli *cli) {
        cli->bus = sd_bus_flush_close_unref(cli->bus);
        agent_stop(&cli->agent);
        pager_close(&cli->pager);
}

static void error_line(const char *format, va_list ap) _printf_(1, 0);
static void error_line(const char *format, va_list ap) {
        fflush(stdout);
        fputs("pclassctl: ", stderr);
        vfprintf(stderr, format, ap);
        fputc('\n', stderr);
}

void cli_error(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        error_line(format, ap);
        va_end(ap);
}

int cli_oom(void) {
        cli_error("out of memory");
        return CLI_FAILED;
}

static int usage_hint(const Cli *cli) {
        if (cli->verb)
                fprintf(stderr, "Try 'pclassctl %s --help'.\n", cli->verb->name);
        else
                fputs("Try 'pclassctl --help'.\n", stderr);
        return CLI_USAGE;
}

int cli_usage_error(const Cli *cli, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        error_line(format, ap);
        va_end(ap);
        return usage_hint(cli);
}

int cli_check_assignments(const Cli *cli, char *const *assignments) {
        for (; *assignments; assignments++)
                if (!strchr(*assignments, '=') || **assignments == '=')
                        return cli_usage_error(cli, "'%s': expected NAME=VALUE", *assignments);
        return CLI_OK;
}

int cli_text_error(const TextError *err) {
        char text[768];

        text_error_format(err, text, sizeof(text));
        cli_error("%s", text);
        return CLI_FAILED;
}

static void verb_help(Cli *cli) {
        const Verb *v = cli->verb;

        cli_page(cli);
        printf("pclassctl %s [OPTION...]%s%s\n\n%s%s.%s\n\n", v->name, *v->arguments ? " " : "", v->arguments, cli_bold(cli), v->summary, cli_normal(cli));
        if (v->options)
                printf("%s\n", v->options);
        fputs("  --json[=short|pretty|off]  Print JSON\n"
              "  --no-legend                Print no header and no closing line\n"
              "  -q, --quiet                Print no result of a change\n"
              "  -l, --full                 Do not cut tables to the terminal\n"
              "  --no-pager                 Do not page through long output on a terminal\n"
              "  --no-ask-password          Do not ask for a password\n"
              "  -H, --host=[USER@]HOST     Ask the service of another machine, over ssh\n"
              "  -h, --help                 Show this help\n"
              "  --version                  Show the version\n"
              "\nSee pclassctl(1).\n", stdout);
}

static int set_json(Cli *cli, const char *argument) {
        if (!argument)
                cli->json = cli->width > 0 ? JSON_PRETTY : JSON_SHORT;
        else if (json_mode_from_string(argument, &cli->json) < 0)
                return cli_usage_error(cli, "--json=%s: expected short, pretty or off", argument);
        return CLI_OK;
}

/* Returns false when the program should end with *ret_exit. */
static bool common_option(Cli *cli, int value, const char *argument, int *ret_exit) {
        switch (value) {
        case OPTION_VERSION:
                puts("pclass " PCLASS_VERSION);
                *ret_exit = CLI_OK;
                return false;
        case OPTION_JSON:
                *ret_exit = set_json(cli, argument);
                return *ret_exit == CLI_OK;
        case OPTION_NO_LEGEND:
                cli->no_legend = true;
                return true;
        case OPTION_NO_ASK_PASSWORD:
                cli->no_ask_password = true;
                return true;
        case OPTION_NO_PAGER:
                cli->no_pager = true;
                return true;
        case 'l':
                cli->full = true;
                return true;
        case 'q':
                cli->quiet = true;
                return true;
        case 'H':
                if (!*argument) {
                        *ret_exit = cli_usage_error(cli, "--host=: expected the name of a machine");
                        return false;
                }
                cli->host = argument;
                user_text_numbers();
                return true;
        default: /* getopt_long() has said what is wrong */
                *ret_exit = usage_hint(cli);
                return false;
        }
}

bool cli_parse_leading(Cli *cli, int argc, char **argv, void (*help)(Cli *cli), int *ret_first, int *ret_exit) {
        int c;

        *ret_exit = CLI_OK;
        while ((c = getopt_long(argc, argv, "+hqlH:", common_options, NULL)) >= 0) {
                if (c == 'h') {
                        help(cli);
                        *ret_exit = CLI_OK;
                        return false;
                }
                if (!common_option(cli, c, optarg, ret_exit))
                        return false;
        }
        *ret_first = optind;
        return true;
}

static bool check_count(const Cli *cli, int n, int min, int max, const char *extra, int *ret_exit) {
        if (n < min)
                *ret_exit = cli_usage_error(cli, "%s needs %s", cli->verb->name, cli->verb->arguments);
        else if (n > max)
                *ret_exit = cli_usage_error(cli, "%s: one argument too many: '%s'", cli->verb->name, extra);
        else
                return true;
        return false;
}

static bool is_own(const struct option *own, int value) {
        for (; own && own->name; own++)
                if (own->val == value)
                        return true;
        return false;
}

bool cli_parse(Cli *cli, int argc, char **argv, const struct option *own, CliOption handler, void *userdata,
               int min, int max, int *ret_first, int *ret_exit) {
        struct option all[OPTIONS_MAX] = {};
        char letters[SHORT_MAX];
        size_t n = ELEMENTSOF(common_options) - 1;
        int c;

        *ret_exit = CLI_OK;
        snprintf(letters, sizeof(letters), "%shqlH:", cli->verb->in_order ? "+" : "");
        memcpy(all, common_options, sizeof(common_options));
        for (const struct option *o = own; o && o->name && n < OPTIONS_MAX - 1; o++) {
                all[n++] = *o;
                if (o->val < CLI_OPTION_OWN)
                        snprintf(letters + strlen(letters), sizeof(letters) - strlen(letters), "%c%s", o->val,
                                 o->has_arg == required_argument ? ":" : "");
        }
        optind = 0; /* begins anew, after the leading options */
        while ((c = getopt_long(argc, argv, letters, all, NULL)) >= 0) {
                if (c == 'h') {
                        verb_help(cli);
                        *ret_exit = CLI_OK;
                        return false;
                }
                if (!is_own(own, c)) {
                        if (!common_option(cli, c, optarg, ret_exit))
                                return false;
                } else if ((*ret_exit = handler(cli, c, optarg, userdata)) != CLI_OK)
                        return false;
        }
        if (cli->host && cli->verb->offline) {
                *ret_exit = cli_usage_error(cli, "%s asks no service, neither here nor on %s", cli->verb->name, cli->host);
                return false;
        }
        *ret_first = optind;
        return check_count(cli, argc - optind, min, max, argc - optind > max ? argv[optind + max] : "", ret_exit);
}

const char *cli_bold(const Cli *cli) {
        return cli->colour ? "\033[1m" : "";
}

const char *cli_underline(const Cli *cli) {
        return cli->colour ? "\033[4m" : "";
}

const char *cli_green(const Cli *cli) {
        return cli->colour ? "\033[32m" : "";
}

const char *cli_yellow(const Cli *cli) {
        return cli->colour ? "\033[33m" : "";
}

const char *cli_red(const Cli *cli) {
        return cli->colour ? "\033[31m" : "";
}

const char *cli_dim(const Cli *cli) {
        return cli->colour ? "\033[2m" : "";
}

const char *cli_normal(const Cli *cli) {
        return cli->colour ? "\033[0m" : "";
}

void cli_page(Cli *cli) {
        if (!cli->no_pager && cli->width > 0 && cli->pager == 0)
                pager_open(&cli->pager);
}

void cli_table(const Cli *cli, const Table *t) {
        table_print(t, stdout, &(TableStyle) {
                .legend = !cli->no_legend,
                .colour = cli->colour,
                .width = cli->full ? 0 : cli->width,
        });
}

int cli_answer(const Cli *cli, const char *key, json_object *value) {
        _cleanup_json_ json_object *answer = NULL;

        if (cli->quiet)
                return CLI_OK;
        if (cli->json == JSON_OFF) {
                printf("%s\n", json_object_get_string(value));
                return CLI_OK;
        }
        answer = json_object_new_object();
        if (!answer || json_object_object_add(answer, key, json_object_get(value)) < 0)
                return cli_oom();
        json_print(stdout, answer, cli->json);
        return CLI_OK;
}

int cli_changed(const Cli *cli, int code) {
        if (code == CLI_OK && cli->json != JSON_OFF && !cli->quiet)
                puts("{}");
        return code;
}
