/* What every verb of pclassctl shares: exit codes, common options, how errors are said. */
#pragma once
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <systemd/sd-bus.h>
#include "client/format.h"
#include "common/macro.h"
#include "common/texterror.h"

/* What pclassctl exits with; documented in pclassctl(1). Functions that return one have already said what went wrong. */
enum {
        CLI_OK = 0,
        CLI_FAILED = 1,
        CLI_USAGE = 2,
        CLI_NOT_AUTHORISED = 4,
        CLI_NOT_RUNNING = 8,
        CLI_NO_SUCH_OBJECT = 10,
};

typedef struct Cli Cli;

typedef struct Verb {
        const char *name;
        const char *arguments; /* "NAME|PATH...", "" for none */
        const char *summary;   /* one line of --help */
        const char *options;   /* its own options as lines of help, or NULL */
        int (*run)(Cli *cli, int argc, char **argv); /* argv[0] stands for the program; returns an exit code */
        bool may_prompt;       /* polkit may ask for a password: start an agent on a terminal */
        bool in_order;         /* options end at the first argument: what follows are another program's */
        bool offline;          /* asks no service, so there is no other machine to ask either */
} Verb;

struct Cli {
        const Verb *verb; /* NULL until one is chosen */
        JsonMode json;
        bool no_legend;
        bool no_ask_password;
        bool quiet;       /* say no result of a change */
        bool full;        /* never cut a table to the terminal */
        bool no_pager;
        const char *host; /* [user@]host of another machine, or NULL */
        bool colour;      /* standard output is a terminal and NO_COLOR is unset */
        size_t width;     /* columns of the terminal, 0 = not one */
        const char *in_use_advice; /* of the verb, when the service says that something is in use; or NULL */
        sd_bus *bus;      /* opened by the first call */
        pid_t agent;      /* pkttyagent, 0 = none */
        pid_t pager;      /* 0 = none */
};

/* Looks at the environment and the terminal. */
void cli_init(Cli *cli);
/* The terminal may have another width by now. */
void cli_measure(Cli *cli);
void cli_done(Cli *cli);

/* "pclassctl: ..." on standard error. */
void cli_error(const char *format, ...) _printf_(1, 2);
int cli_oom(void); /* says so, returns CLI_FAILED */
int cli_usage_error(const Cli *cli, const char *format, ...) _printf_(2, 3); /* points to --help, returns CLI_USAGE */
/* All NAME=VALUE, NULL-terminated? CLI_OK or CLI_USAGE, said. */
int cli_check_assignments(const Cli *cli, char *const *assignments);
/* Says an error of a text ("file:line:column: message"), returns CLI_FAILED. */
int cli_text_error(const TextError *err);

/* Values of a verb's own long options start here. */
#define CLI_OPTION_OWN 0x200
/* Called for each of the verb's own options. Returns CLI_OK or the exit code to end with. */
typedef int (*CliOption)(Cli *cli, int value, const char *argument, void *userdata);

/* Parses the common options and `own`, whose values are from CLI_OPTION_OWN on or letters, which are short options then (`own` ends with a zero entry, or is NULL). Options may stand anywhere between the arguments. Checks that min to max
 * arguments remain; they begin at argv[*ret_first]. Returns false when the program should end with *ret_exit (help was shown, or
 * a mistake); else that is CLI_OK. */
bool cli_parse(Cli *cli, int argc, char **argv, const struct option *own, CliOption handler, void *userdata,
               int min, int max, int *ret_first, int *ret_exit);
/* The options before the verb. *ret_first: where the verb stands. Returns as cli_parse(). */
bool cli_parse_leading(Cli *cli, int argc, char **argv, void (*help)(Cli *cli), int *ret_first, int *ret_exit);

/* Escape sequences, "" without colour. */
const char *cli_bold(const Cli *cli);
const char *cli_underline(const Cli *cli);
const char *cli_green(const Cli *cli);
const char *cli_yellow(const Cli *cli);
const char *cli_red(const Cli *cli);
const char *cli_dim(const Cli *cli);
const char *cli_normal(const Cli *cli);

/* What follows on standard output is long enough that somebody at a terminal wants to page through it. */
void cli_page(Cli *cli);
/* Prints a table as the options say. */
void cli_table(const Cli *cli, const Table *t);
/* What a change answers: the value alone, or {"key": value}; nothing with --quiet. The value stays the caller's. Returns an exit code. */
int cli_answer(const Cli *cli, const char *key, json_object *value);
/* The end of a change that answers nothing: {} with --json, so that there is JSON to read. Returns its exit code. */
int cli_changed(const Cli *cli, int code);
