/* The broker as a process: starts pclassd and the names helper, serves until one of them, or it, is to end. */
#include "broker/service.h"

#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "broker/exereader.h"
#include "broker/memberhelper.h"
#include "broker/members.h"
#include "broker/sandbox.h"
#include "broker/setup.h"
#include "broker/spawn.h"
#include "broker/supervise.h"
#include "common/channel.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/str.h"

#define CHANNEL_DATAGRAMS 64
#define END_WAIT_MS 3000
#define WATCHDOG_SEC 30U /* without a service manager; as pclass.service has it */

typedef struct Service {
        const Options *options;
        Setup setup;
        Broker broker;
        int signal_fd;
        pid_t listener, names, lines, reader, members; /* 0 = not running */
        bool ending;                   /* leave the loop */
        bool orderly;                  /* because somebody asked for it: what the children end with does not matter */
        bool helper_failed;
        const char *quiet;             /* the helper that ended first, without a fault: mostly a consequence, so others are named before it */
        bool told_ready, told_cause;
        int status;                    /* exit status */
} Service;

/* ---- children ----------------------------------------------------------------------------------------------------------------- */

_printf_(2, 3) static int add_argument(char ***argv, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        int n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL;
                return -ENOMEM;
        }
        return strv_append(argv, text);
}

/* Of --without only what the listener itself can do without: it refuses a word that it does not know. */
static int add_without(char ***argv, const Options *o) {
        static const char *const words[] = { "event-mask", "pidfd-info", "pidfs", "seccomp" };
        _cleanup_strv_ char **l = NULL;

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (options_without(o, words[i])) {
                        int r = strv_append(&l, words[i]);
                        if (r < 0)
                                return r;
                }
        _cleanup_free_ char *text = strv_join(l, ",");
        return text ? add_argument(argv, "--without=%s", text) : -ENOMEM;
}

/* What there was of files kept over a restart, for those who ask pclassd. */
static int add_kept(char ***argv, const Setup *s) {
        int r = add_argument(argv, "--kept=tuned=%d", s->tuned);

        if (r >= 0)
                r = add_argument(argv, "--kept=runtime-classes=%d", s->runtime_classes);
        return r < 0 ? r : add_argument(argv, "--kept=origins=%d", origins_damaged(s->origins) > 0 ? KEPT_LOST : KEPT_WHOLE);
}

/* The first ones: a gap would end the list. */
static unsigned count_spares(const Setup *s) {
        unsigned n = 0;

        while (n < SETUP_SPARES && s->spare_fds[n] >= 0)
                n++;
        return n;
}

static int listener_arguments(const Service *s, char ***ret) {
        const Config *c = s->setup.config;
        _cleanup_strv_ char **argv = NULL;
        int r = add_argument(&argv, "%s", s->options->listener);

        if (r >= 0)
                r = add_argument(&argv, "--config=%s", s->options->config);
        if (r >= 0)
                r = add_argument(&argv, "--mode=%s", mode_to_string(c->mode));
        if (r >= 0)
                r = add_argument(&argv, "--heartbeat=%u", c->heartbeat_sec);
        if (r >= 0)
                r = add_argument(&argv, "--sweep=%u", c->sweep_sec);
        if (r >= 0)
                r = add_argument(&argv, "--sweep-action=%s", sweep_to_string(c->sweep));
        if (r >= 0)
                r = add_argument(&argv, "--scan=%u", c->scan_sec);
        if (r >= 0)
                r = add_argument(&argv, "--state-dir=%s", c->state_dir);
        if (r >= 0)
                r = add_argument(&argv, "--runtime-dir=%s", c->runtime_dir);
        if (r >= 0 && c->cgrules_file)
                r = add_argument(&argv, "--cgrules=%s", c->cgrules_file);
        if (r >= 0 && s->setup.cgred_fd >= 0)
                r = add_argument(&argv, "--cgred");
        if (r >= 0 && s->setup.cgred_error)
                r = add_argument(&argv, "--cgred-error=%d", -s->setup.cgred_error);
        if (r >= 0)
                r = add_kept(&argv, &s->setup);
        if (r >= 0 && c->cgrules_leave_unit)
                r = add_argument(&argv, "--cgrules-leave-unit");
        for (char **dir = c->rule_dirs; r >= 0 && dir && *dir; dir++)
                r = add_argument(&argv, "--rules-dir=%s", *dir);
        if (r >= 0)
                r = add_argument(&argv, "--connector=%s", s->setup.connector_fd >= 0 ? "yes" : "no");
        if (r >= 0)
                r = add_argument(&argv, "--spares=%u", count_spares(&s->setup));
        if (r >= 0)
                r = add_without(&argv, s->options);
        if (r >= 0)
                r = add_argument(&argv, "--log-level=%d", s->options->log_level);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(argv);
        return 0;
}

static int start_names(Service *s, int fd) {
        char *const argv[] = { (char *) s->options->names, NULL };
        const Spawn child = {
                .path = s->options->names, .argv = argv, .uid = s->setup.uid, .gid = s->setup.gid, .fds = { fd, -1, -1, -1, -1, -1, -1 },
        };
        pid_t pid = spawn(&child);

        if (pid < 0)
                return pid;
        s->names = pid;
        broker_add_own(&s->broker, pid);
        return 0;
}

static int start_lines(Service *s, int fd) {
        char *const argv[] = { s->options->cmdline, NULL };
        const Spawn child = {
                .path = s->options->cmdline, .argv = argv, .uid = s->setup.uid, .gid = s->setup.gid, .fds = { fd, -1, -1, -1, -1, -1, -1 },
        };
        pid_t pid = spawn(&child);

        if (pid < 0)
                return pid;
        s->lines = pid;
        broker_add_own(&s->broker, pid);
        return 0;
}

static int start_listener(Service *s, int channel, int names, int lines) {
        _cleanup_strv_ char **argv = NULL;
        int r = listener_arguments(s, &argv);

        if (r < 0)
                return r;
        const Spawn child = {
                .path = s->options->listener, .argv = argv, .uid = s->setup.uid, .gid = s->setup.gid,
                .fds = { channel, s->setup.connector_fd, names, s->setup.spare_fds[0], s->setup.spare_fds[1], lines,
                         s->setup.cgred_fd },
        };
        pid_t pid = spawn(&child);
        if (pid < 0)
                return pid;
        s->listener = pid;
        broker_add_own(&s->broker, pid);
        /* The listener's alone now. */
        s->setup.connector_fd = fd_close(s->setup.connector_fd);
        s->setup.cgred_fd = fd_close(s->setup.cgred_fd);
        for (size_t i = 0; i < SETUP_SPARES; i++)
                s->setup.spare_fds[i] = fd_close(s->setup.spare_fds[i]);
        return 0;
}

static int start_children(Service *s) {
        int channel[2] = { -EBADF, -EBADF }, names[2] = { -EBADF, -EBADF }, lines[2] = { -EBADF, -EBADF };
        int r = channel_pair(CHANNEL_DATAGRAMS, channel);

        if (r >= 0)
                r = channel_pair(CHANNEL_DATAGRAMS, names);
        if (r >= 0)
                r = start_names(s, names[1]);
        if (r >= 0)
                r = channel_pair(CHANNEL_DATAGRAMS, lines);
        if (r >= 0)
                r = start_lines(s, lines[1]);
        if (r >= 0)
                r = start_listener(s, channel[1], names[0], lines[0]);
        s->broker.channel = channel[0];
        fd_close(channel[1]);
        fd_close(names[0]);
        fd_close(names[1]);
        fd_close(lines[0]);
        fd_close(lines[1]);
        return r;
}

static void end_in_order(Service *s) {
        s->ending = s->orderly = true;
        s->status = EXIT_SUCCESS;
}

/* One that ends takes the others along by its closed sockets, so which of them is seen first is chance: the listener's status counts
 * whenever it comes. */
static void child_ended(Service *s, pid_t pid, int status) {
        const char *name = pid == s->listener ? "pclassd" : pid == s->names ? "pclass-names" : pid == s->lines ? "the reader of command lines" :
                           pid == s->reader ? "the exe reader" : "the member helper";
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
        pid_t *slot = pid == s->listener ? &s->listener : pid == s->names ? &s->names : pid == s->lines ? &s->lines : pid == s->reader ? &s->reader :
                      pid == s->members ? &s->members : NULL;

        if (!slot)
                return;
        bool listener = slot == &s->listener, first = !s->ending;
        *slot = 0;
        if (s->orderly)
                return;
        if (listener)
                s->status = code == 0 && s->helper_failed ? EXIT_FAILURE : code;
        else if (s->listener > 0 && first) {
                s->helper_failed = WIFSIGNALED(status) || code != 0;
                s->status = EXIT_FAILURE;
        }
        s->ending = true;
        if (!listener && status == 0) {
                s->quiet = s->quiet ? s->quiet : name;
                return;
        }
        if (WIFSIGNALED(status))
                log_error("%s was killed by signal %d; everything ends, to be started again", name, WTERMSIG(status));
        else if (listener || !s->told_cause)
                log_notice("%s has ended with status %d; everything ends", name, code);
        s->told_cause = true;
}

static void reap(Service *s) {
        int status;

        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
                child_ended(s, pid, status);
}

/* ---- what the broker's handlers ask for ----------------------------------------------------------------------------------------- */

static int start_reader(Service *s, int *ret_fd) {
        if (options_without(s->options, "exe-reader"))
                return 0;
        pid_t pid = exereader_spawn(s->setup.uid, s->setup.gid, ret_fd);
        if (pid < 0) {
                log_warning_errno(pid, "the exe reader cannot be started; rules with exe do not match");
                return 0;
        }
        s->reader = pid;
        broker_add_own(&s->broker, pid);
        return 0;
}

/* Only if some class says something about its members. */
static int start_members(Service *s, uint64_t *ret_capabilities) {
        ClassSet *classes = s->setup.classes;
        uint32_t what = members_needed(classes);

        *ret_capabilities = 0;
        if (!what)
                return 0;
        pid_t pid = memberhelper_spawn(s->setup.proc_fd, memberhelper_capabilities(what), ret_capabilities, &s->broker.members_fd);
        if (pid < 0)
                log_warning_errno(pid, "the member helper cannot be started; Nice, OOMScoreAdjust and LimitNOFILE are not in force");
        else {
                s->members = pid;
                broker_add_own(&s->broker, pid);
                classes->has_members = true;
                classes->member_capabilities = *ret_capabilities;
        }
        members_note_all(classes);
        return 0;
}

static int close_landlock(Service *s) {
        _cleanup_strv_ char **config_paths = NULL;
        int r = setup_config_paths(&s->setup, &config_paths);

        if (r < 0 || options_without(s->options, "landlock"))
                return r;
        const SandboxPaths paths = {
                .hierarchies = s->setup.hierarchies, .roots = class_set_hierarchies(s->setup.classes),
                .allowed = s->setup.roots, .runtime_dir = s->setup.config->runtime_dir, .config_paths = config_paths,
        };
        r = sandbox_landlock(&paths);
        if (r == 1)
                log_notice("this kernel has no landlock; the broker runs without");
        return MIN(r, 0);
}

static int on_enter(bool needs_exe, int *ret_exe_fd, uint64_t *ret_capabilities, void *userdata) {
        Service *s = userdata;
        uint64_t of_helper;
        int r = needs_exe ? start_reader(s, ret_exe_fd) : 0;

        if (r >= 0)
                r = start_members(s, &of_helper);
        if (r >= 0)
                r = sandbox_drop_capabilities(setup_capabilities(&s->setup), ret_capabilities);
        if (r >= 0) {
                s->broker.may_kill = *ret_capabilities & UINT64_C(1) << CAP_KILL;
                *ret_capabilities |= of_helper;
        }
        if (r >= 0)
                r = sandbox_limit_resources();
        if (r >= 0)
                r = close_landlock(s);
        if (r >= 0)
                r = sandbox_filter_broker(s->broker.may_kill);
        return r < 0 ? log_error_errno(r, "the broker cannot lock itself in") : 0;
}

/* A newline in it would be another variable to the service manager. */
static void on_ping(const WirePing *ping, void *userdata) {
        Service *s = userdata;
        char text[WIRE_TEXT_MAX];

        for (size_t i = 0; i < sizeof(text); i++) {
                unsigned char c = ping->status[i];
                text[i] = c && (c < 0x20 || c >= 0x7f) ? '?' : c;
                if (!c)
                        break;
        }
        (void) sd_notifyf(false, "%s%sSTATUS=%s", s->told_ready ? "" : "READY=1\n", ping->heartbeat_ok ? "WATCHDOG=1\n" : "", text);
        s->told_ready = true;
        if (ping->heartbeat_ok)
                supervise_alive(MAX(WATCHDOG_SEC, 3 * s->setup.config->heartbeat_sec));
}

static int on_check_config(TextError *err, void *userdata) {
        Service *s = userdata;

        return setup_check_config(&s->setup, err);
}

static const BrokerOps ops = { .enter = on_enter, .ping = on_ping, .check_config = on_check_config };

/* ---- signals and the loop --------------------------------------------------------------------------------------------------------- */

static int open_signals(Service *s) {
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGHUP);
        sigaddset(&signals, SIGUSR1);
        sigaddset(&signals, SIGUSR2);
        sigaddset(&signals, SIGCHLD);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return -errno;
        s->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        return s->signal_fd < 0 ? -errno : 0;
}

/* Reloading is pclassd's, which asks us whether the configuration is sound. The templates are ours. Before it is there nothing is old. */
static void hand_on(Service *s, unsigned number) {
        const WireSignal item = { .number = number };

        if (s->broker.state != BROKER_SERVING)
                return;
        if (number == SIGUSR1)
                setup_reload_templates(&s->setup);
        else if (broker_send(&s->broker, WIRE_SIGNAL, 0, &item, 1, NULL, 0) < 0)
                log_warning("signal %u cannot be handed on to pclassd", number);
}

static void take_signals(Service *s) {
        struct signalfd_siginfo info;

        while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info))
                if (info.ssi_signo == SIGCHLD)
                        reap(s);
                else if (info.ssi_signo == SIGHUP || info.ssi_signo == SIGUSR1 || info.ssi_signo == SIGUSR2)
                        hand_on(s, info.ssi_signo);
                else
                        end_in_order(s);
}

/* The channel is closed: pclassd's status, which is waited for, will tell why. */
static void channel_closed(Service *s) {
        s->status = EXIT_FAILURE;
        s->ending = true;
}

static int loop(Service *s) {
        while (!s->ending) {
                struct pollfd fds[] = {
                        { .fd = s->signal_fd, .events = POLLIN },
                        { .fd = s->broker.channel, .events = POLLIN },
                };
                if (poll(fds, ELEMENTSOF(fds), -1) < 0 && errno != EINTR)
                        return -errno;
                if (fds[0].revents)
                        take_signals(s);
                if (s->ending || !fds[1].revents)
                        continue;
                int r = broker_dispatch(&s->broker);
                if (s->broker.state == BROKER_RESTART)
                        end_in_order(s);
                else if (s->broker.state == BROKER_CLOSED || r == -EPIPE)
                        channel_closed(s);
                else if (r < 0)
                        return log_error_errno(r, "the broker cannot go on");
        }
        return 0;
}

/* The children end by the closed channel; a successor should not meet them. */
static void wait_for_children(Service *s) {
        struct pollfd p = { .fd = s->signal_fd, .events = POLLIN };

        s->broker.channel = fd_close(s->broker.channel);
        s->broker.members_fd = fd_close(s->broker.members_fd);
        reap(s);
        while ((s->listener > 0 || s->names > 0 || s->lines > 0 || s->reader > 0 || s->members > 0) && poll(&p, 1, END_WAIT_MS) > 0) {
                struct signalfd_siginfo info;
                while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info))
                        ;
                reap(s);
        }
        if (s->quiet && !s->told_cause)
                log_notice("%s has ended with status 0; everything ends", s->quiet);
}

static int prepare_broker(Service *s) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        s->broker = (Broker) {
                .channel = -EBADF, .members_fd = -EBADF, .runtime_fd = s->setup.runtime_fd, .proc_fd = s->setup.proc_fd, .hierarchies = s->setup.hierarchies, .classes = s->setup.classes,
                .places = s->setup.places, .origins = s->setup.origins, .protect = s->setup.protect, .sweep = s->setup.config->sweep,
                .protect_uids = s->setup.protect_uids, .n_protect_uids = s->setup.n_protect_uids, .ops = &ops, .userdata = s,
                .boot_time_ns = now.tv_sec * UINT64_C(1000000000) + now.tv_nsec,
        };
        broker_add_own(&s->broker, getpid());
        broker_add_own(&s->broker, s->options->supervisor);
        return broker_restore(&s->broker);
}

int service_run(const Options *o) {
        Service s = { .options = o, .signal_fd = -EBADF, .status = EXIT_SUCCESS };
        int r = setup_run(o, &s.setup);

        if (r < 0)
                return r == -EINVAL ? EX_CONFIG : EXIT_FAILURE;
        r = prepare_broker(&s);
        if (r >= 0)
                r = open_signals(&s);
        if (r >= 0)
                r = start_children(&s);
        if (r >= 0)
                r = loop(&s);
        if (r < 0) {
                end_in_order(&s);
                s.status = EXIT_FAILURE;
        }
        if (s.signal_fd >= 0)
                wait_for_children(&s);
        fd_close(s.signal_fd);
        delegate_cache_done(&s.broker.delegates);
        setup_done(&s.setup);
        return s.status;
}
