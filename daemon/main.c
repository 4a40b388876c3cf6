/* pclassd: the listener. Runs as an unprivileged user with what the broker hands over, and cannot do anything to a process itself. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include "common/fd.h"
#include "common/log.h"
#include "daemon/lifecycle.h"
#include "daemon/sandbox.h"
#include "dbus/service.h"

#define FILES_MAX 16384

/* Where the broker puts them before exec. */
enum { FD_BROKER = 3, FD_CONNECTOR = 4, FD_NAMES = 5, FD_SPARES = 6, FD_LINES = 8, FD_CGRED = 9 };

static int help(void) {
        puts("pclassd is started by pclass-broker, which hands it its sockets.\n\n"
             "  --mode=observe|enforce   what to do until D-Bus says otherwise\n"
             "  --heartbeat=SEC --sweep=SEC --scan=SEC\n"
             "  --sweep-action=repair|report|adopt\n"
             "  --state-dir=DIR          runtime rules and the mode\n"
             "  --runtime-dir=DIR        the broker's own\n"
             "  --rules-dir=DIR          may repeat\n"
             "  --config=FILE            where the broker took all this from\n"
             "  --cgrules=FILE           a file of cgrules.conf(5) that holds too, and the directory beside it\n"
             "  --cgrules-leave-unit     its rules take processes out of their units\n"
             "  --cgred                  the socket for clients of libcgroup was handed over\n"
             "  --cgred-error=ERRNO      it is wanted, and could not be made\n"
             "  --kept=FILE=N            what the broker found of a file that it keeps: 1 a copy, 2 a copy for one that was gone, 3 nothing\n"
             "  --connector=yes|no       whether the connector socket was handed over\n"
             "  --spares=N               how many more were, in reserve\n"
             "  --without=LIST           do without pidfd-info, pidfs, event-mask\n"
             "  --log-level=N            0 to 7");
        return 0;
}

enum { ARG_MODE = 256, ARG_HEARTBEAT, ARG_SWEEP, ARG_SWEEP_ACTION, ARG_SCAN, ARG_STATE, ARG_RUNTIME, ARG_RULES, ARG_CONNECTOR, ARG_SPARES, ARG_WITHOUT, ARG_LOG,
       ARG_CGRULES, ARG_LEAVE_UNIT, ARG_CGRED, ARG_CGRED_ERROR, ARG_CONFIG, ARG_KEPT };

static const struct option long_options[] = {
        { "mode", required_argument, NULL, ARG_MODE },           { "heartbeat", required_argument, NULL, ARG_HEARTBEAT },
        { "sweep", required_argument, NULL, ARG_SWEEP },         { "scan", required_argument, NULL, ARG_SCAN },
        { "state-dir", required_argument, NULL, ARG_STATE },     { "runtime-dir", required_argument, NULL, ARG_RUNTIME },
        { "rules-dir", required_argument, NULL, ARG_RULES },     { "connector", required_argument, NULL, ARG_CONNECTOR },
        { "spares", required_argument, NULL, ARG_SPARES },       { "sweep-action", required_argument, NULL, ARG_SWEEP_ACTION },
        { "without", required_argument, NULL, ARG_WITHOUT },     { "log-level", required_argument, NULL, ARG_LOG },
        { "help", no_argument, NULL, 'h' },                      { "version", no_argument, NULL, 'V' },
        { "cgrules", required_argument, NULL, ARG_CGRULES },     { "cgrules-leave-unit", no_argument, NULL, ARG_LEAVE_UNIT },
        { "cgred", no_argument, NULL, ARG_CGRED },               { "config", required_argument, NULL, ARG_CONFIG },
        { "cgred-error", required_argument, NULL, ARG_CGRED_ERROR }, { "kept", required_argument, NULL, ARG_KEPT },
        {},
};

static int set_text(char **field, const char *text) {
        free(*field);
        *field = strdup(text);
        return *field ? 0 : -ENOMEM;
}

static int parse_option(int c, const char *arg, Options *o) {
        uint32_t level;
        int r;

        switch (c) {
        case ARG_MODE:
                return mode_from_string(arg, &o->mode);
        case ARG_HEARTBEAT:
                return str_to_u32(arg, &o->heartbeat_sec);
        case ARG_SWEEP:
                return str_to_u32(arg, &o->sweep_sec);
        case ARG_SWEEP_ACTION:
                return sweep_from_string(arg, &o->sweep);
        case ARG_SCAN:
                return str_to_u32(arg, &o->scan_sec);
        case ARG_STATE:
                return set_text(&o->state_dir, arg);
        case ARG_RUNTIME:
                return 0;
        case ARG_RULES:
                return strv_append(&o->rule_dirs, arg);
        case ARG_CONFIG:
                return set_text(&o->config_file, arg);
        case ARG_CGRULES:
                return set_text(&o->cgrules_file, arg);
        case ARG_LEAVE_UNIT:
                o->cgrules_leave_unit = true;
                return 0;
        case ARG_CGRED:
                o->cgred = true;
                return 0;
        case ARG_CGRED_ERROR:
                return str_to_u32(arg, &o->cgred_error);
        case ARG_KEPT:
                return losses_parse(arg, o->kept);
        case ARG_CONNECTOR:
                o->connector = streq(arg, "yes");
                return o->connector || streq(arg, "no") ? 0 : -EINVAL;
        case ARG_SPARES:
                return str_to_u32(arg, &o->spares);
        case ARG_WITHOUT:
                return set_text(&o->without, arg);
        case ARG_LOG:
                r = str_to_u32(arg, &level);
                if (r >= 0)
                        log_open("pclassd", MIN(level, 7u));
                return r;
        default:
                return -EINVAL;
        }
}

/* 1 = go on, 0 = done, -EINVAL. */
static int parse_arguments(int argc, char **argv, Options *o) {
        int c;

        while ((c = getopt_long(argc, argv, "hV", long_options, NULL)) >= 0) {
                if (c == 'h')
                        return help();
                if (c == 'V') {
                        puts("pclassd " PCLASS_VERSION);
                        return 0;
                }
                if (parse_option(c, optarg, o) < 0) {
                        if (c != '?')
                                log_error("A value that cannot be: %s", optarg);
                        return -EINVAL;
                }
        }
        if (optind < argc || !o->state_dir || !o->heartbeat_sec || !o->scan_sec) {
                log_error("pclassd is started by pclass-broker; start that one");
                return -EINVAL;
        }
        return 1;
}

/* An fd that is not what the broker promised would be trusted for what it is not. */
static int check_socket(int fd, int domain, int type) {
        int have_domain = -1, have_type = -1;
        socklen_t size = sizeof(int);

        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &have_domain, &size) < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &have_type, &size) < 0)
                return -errno;
        if (have_domain != domain || have_type != type)
                return -ENOTSOCK;
        return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
}

static int check_fds(const Options *o, ManagerFds *ret) {
        int r = check_socket(FD_BROKER, AF_UNIX, SOCK_SEQPACKET);

        if (r >= 0)
                r = check_socket(FD_NAMES, AF_UNIX, SOCK_SEQPACKET);
        if (r >= 0)
                r = check_socket(FD_LINES, AF_UNIX, SOCK_SEQPACKET);
        if (r >= 0 && o->connector)
                r = check_socket(FD_CONNECTOR, AF_NETLINK, SOCK_DGRAM);
        if (r >= 0 && o->cgred)
                r = check_socket(FD_CGRED, AF_UNIX, SOCK_STREAM);
        for (unsigned i = 0; r >= 0 && i < MIN(o->spares, (unsigned) CONNECTOR_SPARES); i++) {
                ret->spares[i] = FD_SPARES + i;
                r = check_socket(FD_SPARES + i, AF_NETLINK, SOCK_DGRAM);
        }
        if (r < 0)
                return log_error_errno(r, "The sockets of pclass-broker are not here; start that one");
        ret->broker = FD_BROKER;
        ret->connector = o->connector ? FD_CONNECTOR : -EBADF;
        ret->names = FD_NAMES;
        ret->lines = FD_LINES;
        ret->cgred = o->cgred ? FD_CGRED : -EBADF;
        return 0;
}

/* The broker drops everything before exec; this is the belt to its braces. */
static int be_small(const Options *o) {
        struct rlimit none = {}, files;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return -errno;
        (void) setrlimit(RLIMIT_CORE, &none);
        if (getrlimit(RLIMIT_NOFILE, &files) >= 0) { /* a pidfd a move under way */
                files.rlim_cur = files.rlim_max = MIN(files.rlim_max, (rlim_t) FILES_MAX);
                (void) setrlimit(RLIMIT_NOFILE, &files);
        }
        umask(077);
        int r = sandbox_listener_files(o->state_dir);
        if (r >= 0 && !(o->without && strstr(o->without, "seccomp")))
                r = sandbox_listener_calls();
        return r < 0 ? log_error_errno(r, "Cannot lock itself in") : 0;
}

typedef struct Program {
        Manager *m;
        Service *service;
} Program;

static void on_ready(void *userdata) {
        Program *p = userdata;
        int r = service_new(p->m, &p->service);

        if (r < 0) {
                log_error_errno(r, "Cannot serve D-Bus");
                manager_exit(p->m, EXIT_FAILURE); /* to be started anew */
        }
}

static int on_reload_signal(sd_event_source *s, const struct signalfd_siginfo *info, void *userdata) {
        manager_reload_by_signal(userdata);
        return 0;
}

static int heed_signals(Manager *m) {
        sd_event *event = manager_event(m);
        int r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);

        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGHUP, on_reload_signal, m);
        return r < 0 ? r : sd_event_add_signal(event, NULL, SIGUSR2, on_reload_signal, m);
}

static int run(const Options *o, const ManagerFds *fds) {
        Program p = {};
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGHUP);
        sigaddset(&mask, SIGUSR2);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        r = manager_new(o, fds, &p.m);
        if (r < 0)
                return r;
        r = heed_signals(p.m);
        if (r >= 0)
                r = manager_run(p.m, on_ready, &p);
        if (p.service)
                service_free(p.service);
        manager_free(p.m);
        return r;
}

int main(int argc, char **argv) {
        Options o = { .heartbeat_sec = 5, .sweep_sec = 60, .scan_sec = 5 };
        ManagerFds fds = { .spares = { -EBADF, -EBADF }, .cgred = -EBADF };
        int r;

        log_open("pclassd", LOG_INFO);
        r = parse_arguments(argc, argv, &o);
        if (r == 0)
                return EXIT_SUCCESS;
        if (r > 0)
                r = check_fds(&o, &fds);
        if (r >= 0)
                r = be_small(&o);
        if (r >= 0)
                r = run(&o, &fds);
        free(o.state_dir);
        free(o.without);
        free(o.cgrules_file);
        free(o.config_file);
        strv_free(o.rule_dirs);
        /* A service manager need not try again what only the administrator can mend. */
        return r == -EINVAL ? EX_CONFIG : r < 0 || r > 255 ? EXIT_FAILURE : r;
}
