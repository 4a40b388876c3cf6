/* The command line. */
#include "broker/options.h"

#include <getopt.h>
#include <stdio.h>

#include "broker/cgroupfs.h"
#include "common/log.h"
#include "common/str.h"

enum { ARG_CONFIG = 256, ARG_WITHOUT, ARG_SUPERVISE, ARG_LIBEXEC, ARG_LISTENER, ARG_NAMES, ARG_CMDLINE, ARG_LOG, ARG_MOUNT, ARG_TURNS };

static const struct option long_options[] = {
        { "config", required_argument, NULL, ARG_CONFIG },       { "without", required_argument, NULL, ARG_WITHOUT },
        { "supervise", no_argument, NULL, ARG_SUPERVISE },       { "libexec-dir", required_argument, NULL, ARG_LIBEXEC },
        { "listener", required_argument, NULL, ARG_LISTENER },   { "names", required_argument, NULL, ARG_NAMES },
        { "cmdline", required_argument, NULL, ARG_CMDLINE },     { "log-level", required_argument, NULL, ARG_LOG },
        { "mount-hierarchies", no_argument, NULL, ARG_MOUNT },   { "short-turns", required_argument, NULL, ARG_TURNS },
        { "help", no_argument, NULL, 'h' },                      { "version", no_argument, NULL, 'V' },
        {},
};

static void help(void) {
        puts("pclass-broker places processes in control groups on behalf of pclassd, which it starts.\n\n"
             "  --config=FILE       instead of /etc/pclass/pclass.conf\n"
             "  --supervise         start again whenever it ends (for machines without a service manager)\n"
             "  --mount-hierarchies mount the named hierarchies that classes ask for, unmount others of ours, and end\n"
             "  --short-turns=PID   make a running service answer sooner on busy processors (for its unit), and end\n"
             "  --without=LIST      do without some of: connector, exe-reader, landlock, event-mask, pidfd-info, pidfs,\n"
             "                      cgroup2\n"
             "  --libexec-dir=DIR   where pclassd, pclass-names and pclass-cmdline are\n"
             "  --listener=PATH     pclassd itself\n"
             "  --names=PATH        pclass-names itself\n"
             "  --cmdline=PATH      pclass-cmdline itself\n"
             "  --log-level=LEVEL   err, warning, notice, info, debug or 0 to 7\n"
             "  --help, --version");
}

static int parse_level(const char *text, int *ret) {
        static const char *const names[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };
        uint32_t number;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(names[i], text)) {
                        *ret = i;
                        return 0;
                }
        if (str_to_u32(text, &number) < 0 || number >= ELEMENTSOF(names))
                return log_error_errno(EINVAL, "no such log level: %s", text);
        *ret = number;
        return 0;
}

static int parse_pid(const char *text, pid_t *ret) {
        uint32_t number;

        if (str_to_u32(text, &number) < 0 || number == 0 || number > INT32_MAX)
                return log_error_errno(EINVAL, "not the number of a process: %s", text);
        *ret = (pid_t) number;
        return 0;
}

static int join(const char *dir, const char *name, char **ret) {
        free(*ret);
        if (asprintf(ret, "%s/%s", dir, name) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int replace(char **field, const char *value) {
        free(*field);
        *field = strdup(value);
        return *field ? 0 : -ENOMEM;
}

static int parse_option(int c, Options *o, const char **libexec) {
        switch (c) {
        case ARG_CONFIG:
                o->config = optarg;
                return 1;
        case ARG_WITHOUT:
                o->without = optarg;
                return 1;
        case ARG_SUPERVISE:
                o->supervise = true;
                return 1;
        case ARG_MOUNT:
                o->mount_hierarchies = true;
                return 1;
        case ARG_TURNS:
                return parse_pid(optarg, &o->short_turns) < 0 ? -EINVAL : 1;
        case ARG_LIBEXEC:
                *libexec = optarg;
                return 1;
        case ARG_LISTENER:
                return replace(&o->listener, optarg) < 0 ? -ENOMEM : 1;
        case ARG_NAMES:
                return replace(&o->names, optarg) < 0 ? -ENOMEM : 1;
        case ARG_CMDLINE:
                return replace(&o->cmdline, optarg) < 0 ? -ENOMEM : 1;
        case ARG_LOG:
                return parse_level(optarg, &o->log_level) < 0 ? -EINVAL : 1;
        case 'h':
                help();
                return 0;
        case 'V':
                puts("pclass-broker " PCLASS_VERSION);
                return 0;
        default:
                return -EINVAL;
        }
}

int options_parse(int argc, char **argv, Options *ret) {
        Options o = { .config = "/etc/pclass/pclass.conf", .without = "", .log_level = LOG_INFO };
        const char *libexec = PCLASS_LIBEXECDIR;
        int c, r = 1;

        while (r > 0 && (c = getopt_long(argc, argv, "hV", long_options, NULL)) >= 0)
                r = parse_option(c, &o, &libexec);
        if (r > 0 && optind < argc)
                r = log_error_errno(EINVAL, "unexpected argument %s", argv[optind]);
        if (r > 0 && !o.listener && join(libexec, "pclassd", &o.listener) < 0)
                r = -ENOMEM;
        if (r > 0 && !o.names && join(libexec, "pclass-names", &o.names) < 0)
                r = -ENOMEM;
        if (r > 0 && !o.cmdline && join(libexec, "pclass-cmdline", &o.cmdline) < 0)
                r = -ENOMEM;
        if (r <= 0)
                options_free(&o);
        else
                *ret = o;
        return r;
}

void options_free(Options *o) {
        free(o->listener);
        free(o->names);
        free(o->cmdline);
        o->listener = o->names = o->cmdline = NULL;
}

bool options_without(const Options *o, const char *what) {
        return cgroupfs_has_word(o->without, what);
}
