/* pclassctl: asks the pclass service and tries rules without it. This file holds the table of verbs. */
#include <locale.h>
#include "client/verbs.h"
#include "rules/scanner.h"

static const Verb class_verbs[] = {
        { "list-classes", "", "List the classes, their processes and what these use", NULL, verb_list_classes, false },
        { "show-class", "NAME", "Show one class, its hierarchies and properties", NULL, verb_show_class, false },
        { "list-processes", "CLASS", "List the processes of one class", NULL, verb_list_processes, true },
        { "set-property", "CLASS NAME=VALUE...", "Change properties of a class until the next boot",
          "As far as the Tunable= of the class allows it; all of them or none.\n"
          "NAME= without a value goes back to what the file of the class says.\n", verb_set_property, true },
        { "freeze", "CLASS...", "Let the processes of classes stand still", NULL, verb_freeze, true },
        { "thaw", "CLASS...", "Let the processes of frozen classes go on", NULL, verb_thaw, true },
        { "add-class", "NAME [PROPERTY=VALUE...]", "Make a class, runtime/NAME, until the next boot",
          "  --hierarchies=LIST         Where it exists too: cpu,memory (without: where its properties need it)\n", verb_add_class, true },
        { "remove-class", "NAME...", "Remove classes made at run time or from templates",
          "  --drain                    Members go to the class above, or to where they came from\n"
          "  --kill                     Members are killed\n"
          "Without both a class with processes in it stays.\n", verb_remove_class, true },
};

static const Verb rule_verbs[] = {
        { "list-rules", "", "List the rules in the order in which they are tried", NULL, verb_list_rules, false },
        { "add-rule", "RULE", "Add a rule, also for what runs already",
          "  --before=NAME              Put it before this rule\n"
          "  --after=NAME               Put it after this rule (without both: before all others)\n"
          "  --replace                  Replace the rule of the same name that was added before\n",
          verb_add_rule, true },
        { "replace", "NAME|PATH RULE", "Give one rule, or all that were added, another text",
          "  --all=FILE                 All rules that were added, at once, from a file (- is standard input)\n"
          "  --if-generation=N          Only if nobody has changed the rules since generation N\n", verb_replace, true },
        { "remove-rule", "NAME|PATH...", "Remove rules that were added at run time", NULL, verb_remove_rule, true },
        { "enable-rule", "NAME|PATH...", "Switch rules on again", NULL, verb_enable_rule, true },
        { "disable-rule", "NAME|PATH...", "Switch rules off, those of files too", NULL, verb_disable_rule, true },
        { "plan", "[RULE...]", "Show which processes would move, and move none",
          "  --rules=FILE               Candidate rules from a file (may be repeated)\n"
          "  --alone                    Candidates stand instead of the rules in force, not before them\n"
          "Candidate rules stand before the rules in force. Without any: what enforce would do now.\n",
          verb_plan, true },
        { "reload", "", "Read the configuration again",
          "  --no-block                 Do not wait for a service that starts anew with changed classes\n", verb_reload, true },
};

static const Verb process_verbs[] = {
        { "explain", "PID", "Explain why a process is in its class, or why not", NULL, verb_explain, true },
        { "run", "CLASS [--] PROGRAM [ARGUMENT...]", "Start a program in a class",
          "Its first instruction runs there.\n\n"
          "  --class=CLASS              The class, instead of the first argument\n"
          "  --for=TIME                 It is bound to the class at most so long\n"
          "  --no-tree                  Its children are judged by rules\n"
          "  --keep-unit                Leave it in its service, scope or session\n", verb_run, true, true },
        { "assign", "CLASS PID...", "Put processes into a class, whatever rules say",
          "  --tree                     With their descendants, those that there are and those to come\n"
          "  --until=exec|exit          How long it holds (exec; with --for: exit)\n"
          "  --for=TIME                 At most so long: 90s, 15min, 2h, 1d\n"
          "  --pin                      The same as --until=exit\n"
          "  --leave-unit               Also out of the service, scope or session that they belong to\n",
          verb_assign, true },
        { "pin", "CLASS PID...", "Put processes into a class until they end",
          "  --tree, --for=TIME, --leave-unit  As for assign\n", verb_pin, true },
        { "release", "PID...", "End what assign, pin or run asked for", NULL, verb_release, true },
        { "list-assignments", "", "List the processes that were placed by hand", NULL, verb_list_assignments, false },
};

static const Verb service_verbs[] = {
        { "status", "", "Show state, mode and counters of the service",
          "  --all                      Show counters that are zero too\n", verb_status, false },
        { "enforce", "", "Move processes as the rules say, from now on", NULL, verb_enforce, true },
        { "observe", "", "Decide everything, move nothing, from now on", NULL, verb_observe, true },
        { "doctor", "", "Name what cannot work here, with what mends it", NULL, verb_doctor, false },
        { "monitor", "", "Show changes as they come, a line each", NULL, verb_monitor, false },
        { "top", "", "Show what each class uses, again and again",
          "  -p, -t, -c, -m, -i         Order by path, tasks, CPU, memory or input and output\n"
          "  --order=path|tasks|cpu|memory|io\n"
          "                             The same by name; cpu is the default\n"
          "  -d, --delay=SECONDS        Time between two looks (1)\n"
          "  -n, --iterations=N         End after so many\n"
          "  -b, --batch                One table below the other, also on a terminal\n"
          "  -r, --raw                  Bytes as plain numbers\n"
          "Keys: q end, p t c m i order, + - delay, anything else looks at once.\n", verb_top, false },
};

static const Verb offline_verbs[] = {
        { "test", "", "Try rules on made-up facts, without the service",
          "  --rules=FILE|DIR           Rules to try (needed, may be repeated)\n"
          "  --classes=DIR              Classes that exist (may be repeated; without: all)\n"
          "  --controllers=LIST         Controllers to show the path for (cpu,memory)\n"
          "  --class-root=PATH          ClassRoot of pclass.conf(5), to put before the paths of classes\n"
          "  --context=C --uid=N --gid=N --groups=N,N --comm=TEXT --exe=PATH --arg0=TEXT\n"
          "  --cgroup=PATH --unit=UNIT --label=TEXT --pid=N --ruid=N --loginuid=N\n"
          "  --session=N --script=PATH --parent-class=CLASS\n"
          "                             Facts of the process; one not given is unknown\n"
          "  --facts=FILE               One JSON object of facts a line instead; - is standard input\n"
          "  --cgrules=FILE|DIR         Lines of cgrules.conf(5) to try instead of rules (may be repeated)\n"
          "  --user=NAME                Name of the user, where the machine would say another\n"
          "  --sched=fifo|rr|other      Scheduling policy, for ignore_rt\n"
          "  --current=CONTROLLER:PATH  Where the process is, for ignore (may be repeated)\n",
          verb_test, .offline = true },
        { "lint", "FILE...", "Check files of rules (*.rules) and classes (*.conf)",
          "  --classes=DIR              Classes that exist (may be repeated; without: all)\n"
          "  --rules=FILE               The same as FILE\n"
          "  --cgrules=FILE|DIR         Check cgrules.conf(5) instead (may be repeated)\n", verb_lint, .offline = true },
        { "import", "cgrules|cgconfig FILE...", "Print libcgroup's rules and classes as pclass's own", NULL, verb_import, .offline = true },
};

static const struct {
        const char *heading;
        const Verb *verbs;
        size_t n;
} groups[] = {
        { "Class Commands", class_verbs, ELEMENTSOF(class_verbs) },
        { "Rule Commands", rule_verbs, ELEMENTSOF(rule_verbs) },
        { "Process Commands", process_verbs, ELEMENTSOF(process_verbs) },
        { "Service Commands", service_verbs, ELEMENTSOF(service_verbs) },
        { "Commands without the Service", offline_verbs, ELEMENTSOF(offline_verbs) },
};

#define DESCRIPTIONS_AT 28 /* column of --help */

/* Where a command and its arguments are too long, what it does stands below. */
static void verb_line(const Verb *v) {
        int n = printf("  %s%s%s", v->name, *v->arguments ? " " : "", v->arguments);

        if (n > DESCRIPTIONS_AT - 2) {
                putchar('\n');
                n = 0;
        }
        printf("%*s%s\n", DESCRIPTIONS_AT - n, "", v->summary);
}

static void help(Cli *cli) {
        cli_page(cli);
        printf("pclassctl [OPTION...] COMMAND ...\n\n%sSee and change which class every process is in.%s\n", cli_bold(cli), cli_normal(cli));
        for (size_t g = 0; g < ELEMENTSOF(groups); g++) {
                printf("\n%s%s:%s\n", cli_underline(cli), groups[g].heading, cli_normal(cli));
                for (size_t i = 0; i < groups[g].n; i++)
                        verb_line(groups[g].verbs + i);
        }
        printf("\n%sOptions:%s\n", cli_underline(cli), cli_normal(cli));
        fputs("  -h, --help                Show this help, or that of a command\n"
              "  --version                 Show the version\n"
              "  --json[=short|pretty|off] Print JSON\n"
              "  --no-legend               Print no header and no closing line\n"
              "  -q, --quiet               Print no result of a change\n"
              "  -l, --full                Do not cut tables to the terminal\n"
              "  --no-pager                Do not page through long output on a terminal\n"
              "  --no-ask-password         Do not ask for a password\n"
              "  -H, --host=[USER@]HOST    Ask the service of another machine, over ssh\n"
              "\nWithout a command: status. Exit status: 0 done, 1 failed, 2 wrong usage,\n"
              "4 not authorised, 8 service not running, 10 no such object. See pclassctl(1).\n", stdout);
}

static const Verb *find_verb(const char *name) {
        for (size_t g = 0; g < ELEMENTSOF(groups); g++)
                for (size_t i = 0; i < groups[g].n; i++)
                        if (streq(groups[g].verbs[i].name, name))
                                return groups[g].verbs + i;
        return NULL;
}

#define VERBS_MAX 64

static int no_such_verb(const Cli *cli, const char *name) {
        const char *names[VERBS_MAX] = {}, *meant;
        size_t n = 0;

        for (size_t g = 0; g < ELEMENTSOF(groups); g++)
                for (size_t i = 0; i < groups[g].n && n < VERBS_MAX - 1; i++)
                        names[n++] = groups[g].verbs[i].name;
        meant = suggest(name, strlen(name), names);
        return cli_usage_error(cli, "there is no command '%s'%s%s%s", name, meant ? ", did you mean '" : "", strnull(meant), meant ? "'?" : "");
}

static int run(Cli *cli, int argc, char **argv) {
        int first, code;

        if (!cli_parse_leading(cli, argc, argv, help, &first, &code))
                return code;
        if (first == argc) {
                cli->verb = find_verb("status");
                return cli->verb->run(cli, 1, argv); /* the options have been read */
        }
        if (streq(argv[first], "help") && first + 1 == argc) {
                help(cli);
                return CLI_OK;
        }
        cli->verb = find_verb(argv[first]);
        if (!cli->verb)
                return no_such_verb(cli, argv[first]);
        argv[first] = argv[0]; /* getopt_long() names the program by it */
        return cli->verb->run(cli, argc - first, argv + first);
}

int main(int argc, char **argv) {
        Cli cli;
        int code;

        setlocale(LC_CTYPE, ""); /* messages are not translated, numbers keep their dot */
        if (argc > 0)
                argv[0] = (char *) "pclassctl";
        cli_init(&cli);
        code = run(&cli, argc, argv);
        if (fflush(stdout) != 0 || ferror(stdout)) {
                if (errno != EPIPE)
                        cli_error("cannot write the answer: %s", strerror(errno));
                if (code == CLI_OK && cli.pager == 0) /* who leaves the pager has seen what he wanted */
                        code = CLI_FAILED;
        }
        cli_done(&cli);
        return code;
}
