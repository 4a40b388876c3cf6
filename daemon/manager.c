/* The manager: makes the parts, starts them in their order, and lets them go. */
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include "common/fd.h"
#include "common/log.h"
#include "daemon/internal.h"
#include "daemon/lifecycle.h"
#include "daemon/selinux.h"
#include "daemon/watcher.h"

#define EVENTS_A_WAKEUP 512
#define FILES_KEPT 256
#define PAUSES_A_WAKEUP 2 /* others wait for the loop */
#define EVENTS_A_BACKLOG 64 /* fewer never filled a queue: the least a kernel gives holds 256 */

uint64_t now_ns(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

uint64_t realtime_usec(void) {
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return ts.tv_sec * UINT64_C(1000000) + ts.tv_nsec / 1000;
}

sd_event *manager_event(Manager *m) {
        return m->event;
}

void manager_set_ops(Manager *m, const ManagerOps *ops, void *userdata) {
        m->ops = ops;
        m->ops_userdata = userdata;
}

void manager_exit(Manager *m, int code) {
        m->exit_code = code;
        (void) sd_event_exit(m->event, code);
}

void manager_status_changed(Manager *m) {
        if (m->ops && m->ops->status_changed)
                m->ops->status_changed(m->ops_userdata);
}

void manager_set_degraded(Manager *m, const char *reason) {
        bool degraded = reason != NULL;

        if (degraded == m->degraded)
                return;
        m->degraded = degraded;
        snprintf(m->degraded_reason, sizeof(m->degraded_reason), "%s", strnull(reason));
        if (degraded)
                log_warning("Degraded: %s; scanning all processes every %u s instead", reason, m->options->scan_sec);
        else
                log_notice("The proc connector speaks again");
        manager_status_changed(m);
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

static void on_event(const ProcEvent *e, void *userdata) {
        Manager *m = userdata;
        uint64_t *counters[_EVENT_KIND_N] = {
                [EVENT_FORK] = &m->stats.events_fork, [EVENT_EXEC] = &m->stats.events_exec, [EVENT_UID] = &m->stats.events_uid,
                [EVENT_GID] = &m->stats.events_gid,   [EVENT_COMM] = &m->stats.events_comm, [EVENT_EXIT] = &m->stats.events_exit,
        };

        (*counters[e->kind])++;
        watchers_dispatch(m, e);
}

void manager_count_loss(Manager *m) {
        uint64_t lost = connector_drops(m->connector);

        m->stats.events_foreign = connector_forged(m->connector) + connector_garbled(m->connector);
        if (lost <= m->stats.events_lost)
                return;
        log_warning("The kernel dropped %llu process events; looking at every process", (unsigned long long) (lost - m->stats.events_lost));
        scan_after_loss(m, lost - m->stats.events_lost);
        m->stats.events_lost = lost;
}

/* Takes what is queued. 1: there may be more, 0: the queue was empty then. */
static int connector_take_all(Manager *m, size_t *ret_received) {
        uint64_t began = now_ns();
        size_t received = 0;
        bool overflow = false;
        int r;

        do {
                r = connector_receive(m->connector, on_event, m);
                if (r == -ENOBUFS) {
                        overflow = true;
                        r = CONNECTOR_BATCH; /* what is queued is to be had all the same */
                }
                received += MAX(r, 0);
        } while (r == CONNECTOR_BATCH && received < EVENTS_A_WAKEUP);
        if (r < 0)
                return r;
        if (r < CONNECTOR_BATCH) /* the queue was empty after these */
                classifier_caught_up(m, began - MIN(began, EVENT_SLACK_NS));
        /* A queue that overflowed was long; what is missed here the next heartbeat finds. */
        if (overflow || received >= EVENTS_A_BACKLOG)
                manager_count_loss(m);
        *ret_received = received;
        return r == CONNECTOR_BATCH;
}

/* True after a moment in which events could gather. Nobody waits for us meanwhile: what is asked of the broker is answered, no pass is under way. */
static bool pause_taken(Manager *m, size_t received) {
        uint64_t ns = pace_next(&m->pace, now_ns(), received, m->stats.moves_requested);
        const struct timespec pause = { .tv_nsec = (long) ns };

        return ns && brokerclient_pending(m->broker) == 0 && !m->scan.running && clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL) == 0;
}

static int on_connector(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Manager *m = userdata;
        unsigned pauses = 0;
        size_t received;
        int r;

        do
                r = connector_take_all(m, &received);
        while (r == 0 && pauses++ < PAUSES_A_WAKEUP && pause_taken(m, received));
        if (r < 0) {
                log_error_errno(r, "The proc connector failed");
                manager_exit(m, EXIT_FAILURE);
                return 0;
        }
        if (m->exe.failed) {
                log_error("The exe reader does not answer; starting anew");
                manager_exit(m, EXIT_FAILURE);
                return 0;
        }
        if (turns_had(&m->turns, s, now_ns()) < 0)
                manager_exit(m, EXIT_FAILURE);
        return brokerclient_flush(m->broker);
}

static int connector_attach(Manager *m) {
        int r;

        turns_forget(&m->turns);
        sd_event_source_unref(m->connector_source);
        m->connector_source = NULL;
        r = sd_event_add_io(m->event, &m->connector_source, connector_fd(m->connector), EPOLLIN, on_connector, m);
        if (r >= 0)
                r = sd_event_source_set_priority(m->connector_source, PRIORITY_CONNECTOR);
        if (r >= 0)
                r = sd_event_source_set_description(m->connector_source, "connector");
        return r;
}

int manager_reopen_connector(Manager *m) {
        int r = connector_reopen(m->connector);

        return r < 0 ? r : connector_attach(m);
}

static int connector_begin(Manager *m, const ManagerFds *fds) {
        bool event_mask = !m->options->without || !strstr(m->options->without, "event-mask");
        int r;

        if (fds->connector < 0) {
                manager_set_degraded(m, "there is no proc connector here");
                return 0;
        }
        r = connector_new(fds->connector, watchers_mask(), event_mask, &m->connector);
        for (size_t i = CONNECTOR_SPARES; r >= 0 && i > 0; i--) /* the last that is added is taken first */
                if (fds->spares[i - 1] >= 0)
                        connector_add_spare(m->connector, fds->spares[i - 1]);
        return r < 0 ? r : connector_attach(m);
}

/* ---- the broker's side ---------------------------------------------------------------------------------------------- */

static int take_member(Manager *m, const WireMember *item) {
        WireMember *copy = malloc(sizeof(*copy));
        int r;

        if (!copy)
                return -ENOMEM;
        *copy = *item;
        r = m->members ? 0 : map_new_u64(&m->members);
        if (r >= 0)
                r = map_put_u64(m->members, item->pid, copy);
        if (r < 0)
                free(copy);
        return r == -EEXIST ? 0 : r;
}

static int on_ready(Manager *m) {
        int r;

        if (m->ready)
                return -EPROTO;
        m->ready = true;
        assign_load(m);
        r = rulebase_recompile(m->rules); /* now that the classes are known; begins the first scan */
        for (size_t i = 0; r >= 0 && i < m->classes.n; i++)
                r = m->classes.classes[i] ? emptiness_add(m, m->classes.classes[i]) : 0;
        if (r >= 0)
                r = heartbeat_start(m);
        if (r < 0)
                return r;
        instances_check_soon(m);
        log_info("%s: %zu rules, %zu classes in %zu hierarchies%s", mode_to_string(m->mode), ruleset_size(m->rules->current), m->classes.n,
                 m->classes.n_hierarchies, m->connector && connector_has_mask(m->connector) ? ", the kernel filters events" : "");
        manager_status_changed(m);
        if (m->on_ready)
                m->on_ready(m->on_ready_userdata);
        return 0;
}

static int on_announced(unsigned op, const void *item, void *userdata) {
        Manager *m = userdata;

        switch (op) {
        case WIRE_HIERARCHY:
                return classes_add_hierarchy(&m->classes, item);
        case WIRE_ROOT:
                return classes_add_root(&m->classes, item);
        case WIRE_CLASS:
                return m->ready ? manager_class_announced(m, item) : classes_add_class(&m->classes, item, NULL);
        case WIRE_CLASS_NOTE:
                return classes_add_note(&m->classes, item);
        case WIRE_ORIGIN:
                return classes_add_place(&m->classes, item);
        case WIRE_MEMBER:
                return take_member(m, item);
        case WIRE_READY:
                return on_ready(m);
        case WIRE_SIGNAL:
                manager_reload_by_signal(m);
                return 0;
        default:
                return -EPROTO;
        }
}

static void on_hello(const WireHelloReply *reply, int exe_fd, void *userdata) {
        Manager *m = userdata;

        if (reply->version != WIRE_VERSION) {
                fd_close(exe_fd);
                log_error("The broker speaks version %u, this is version %u: finish the upgrade", reply->version, WIRE_VERSION);
                manager_exit(m, EXIT_FAILURE);
                return;
        }
        m->broker_capabilities = reply->capabilities;
        m->exe.fd = exe_fd;
}

static void on_broker_gone(int error, void *userdata) {
        Manager *m = userdata;

        if (error != -ECONNRESET && error != -EPIPE)
                log_error_errno(error, "The broker is gone");
        manager_exit(m, EXIT_FAILURE);
}

/* ---- names, policy ---------------------------------------------------------------------------------------------------- */

int manager_recompile(Manager *m) {
        return m->ready ? ruleload_again(m->rules) : 0;
}

/* A name that some rule spells out may mean another number now; names that only processes have concern those that wait for them. */
static void on_names(void *userdata) {
        Manager *m = userdata;

        match_cache_drop(m->rules->cache); /* patterns over names of groups */
        if (names_meaning_changed(m->names)) {
                if (rulebase_spells_names(m->rules) || ruleload_under_way(m->rules))
                        (void) manager_recompile(m);
                else
                        scan_request(m);
        }
        classifier_names_known(m);
}

static void on_names_gone(void *userdata) {
        log_error("The names process is gone; starting anew");
        manager_exit(userdata, EXIT_FAILURE);
}

static void on_line(pid_t pid, uint64_t event_ns, void *userdata) {
        classifier_line_known(userdata, pid, event_ns);
}

static void on_lines_gone(void *userdata) {
        log_error("The reader of command lines is gone; starting anew");
        manager_exit(userdata, EXIT_FAILURE);
}

static const CmdLineClientOps line_ops = { .answered = on_line, .gone = on_lines_gone };

static void on_policy(void *userdata) {
        Manager *m = userdata;

        log_info("The SELinux policy changed; judging every process again");
        m->hidden_context_told = false;
        (void) manager_recompile(m);
}

/* ---- life ------------------------------------------------------------------------------------------------------------- */

static const BrokerOps broker_ops = { .announced = on_announced, .hello = on_hello, .gone = on_broker_gone };

/* -EINVAL, which ends the service for good, for what only the administrator can mend. */
static int unless_it_passes(int r) {
        return r >= 0 || is_shortage(r) ? r : -EINVAL;
}

static int manager_parts(Manager *m, const ManagerFds *fds) {
        int r;

        if ((r = classes_init(&m->classes)) < 0 || (r = cgroup_ids_init(&m->cgroup_ids)) < 0 || (r = proctable_new(&m->table)) < 0 || (r = instances_init(m)) < 0 ||
            (r = emptiness_init(m)) < 0 || (r = assign_init(m)) < 0 ||
            (r = classifier_new(m, &m->classifier)) < 0 || (r = scan_init(m)) < 0 || (r = settle_init(m)) < 0 ||
            (r = turns_init(&m->turns, m->event)) < 0 || (r = restart_init(m)) < 0)
                return r;
        r = cgred_init(m, fds->cgred);
        if (r < 0)
                return r;
        r = proc_reader_init(&m->reader, m->options->without);
        if (r < 0)
                return log_error_errno(r, "Cannot read the process directory");
        r = store_open(m->options->state_dir, &m->store);
        if (r < 0) {
                log_error_errno(r, "Cannot use the state directory %s", m->options->state_dir);
                return unless_it_passes(r);
        }
        r = store_unwritable(m->store);
        if (r < 0)
                log_warning_errno(r, "The state directory %s cannot be written, and changes are refused until it can", m->options->state_dir);
        r = marks_open(m);
        if (r < 0)
                return r;
        r = names_new(m->event, fds->names, on_names, m, &m->names);
        if (r < 0)
                return r;
        names_on_gone(m->names, on_names_gone, m);
        r = cmdlineclient_new(m->event, fds->lines, &line_ops, m, &m->lines);
        if (r < 0)
                return r;
        m->reader.lines_elsewhere = true;
        return brokerclient_new(m->event, fds->broker, &broker_ops, m, &m->broker);
}

static int manager_rules(Manager *m) {
        TextError err = {};
        int r = rulebase_new(m, &m->rules);

        if (r < 0)
                return r;
        int kept = store_load_mode(m->store, &m->mode);
        if (is_shortage(kept))
                return kept;
        if (kept < 0)
                m->mode = m->options->mode;
        losses_note(m, LOSS_MODE, kept == -ENOENT ? KEPT_WHOLE : kept < 0 ? KEPT_LOST : (KeptState) kept);
        r = rulebase_load(m->rules, &err);
        if (r < 0) {
                char text[600];
                text_error_format(&err, text, sizeof(text));
                log_error("%s", err.message[0] ? text : strerror(-r));
        }
        return unless_it_passes(r);
}

/* Each move under way holds a descriptor; some are kept for everything else. */
static size_t moves_max(void) {
        struct rlimit l;

        if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur <= 2 * FILES_KEPT)
                return FILES_KEPT;
        return MIN(l.rlim_cur, (rlim_t) BROKER_QUEUE_MAX) - FILES_KEPT;
}

int manager_new(const Options *options, const ManagerFds *fds, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        m->options = options;
        m->started_ns = now_ns();
        m->exe.fd = m->reader.proc = m->marks.fd = -EBADF;
        m->moves_max = moves_max();
        memcpy(m->losses.how, options->kept, sizeof(m->losses.how));
        r = sd_event_default(&m->event);
        if (r >= 0)
                r = watchers_init();
        if (r >= 0)
                r = manager_parts(m, fds);
        if (r >= 0)
                r = manager_rules(m);
        if (r >= 0)
                r = connector_begin(m, fds);
        if (r >= 0)
                r = selinux_watch(m->event, on_policy, m);
        if (r >= 0)
                r = brokerclient_hello(m->broker, rulebase_facts(m->rules) & FACT_BIT(FACT_EXE));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

int manager_run(Manager *m, void (*on_ready_callback)(void *userdata), void *userdata) {
        m->on_ready = on_ready_callback;
        m->on_ready_userdata = userdata;
        return sd_event_loop(m->event);
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        heartbeat_stop(m);
        settle_done(m);
        refusals_done(m);
        sd_event_source_unref(m->restart);
        sd_event_source_disable_unref(m->class_restart);
        if (m->broker)
                brokerclient_free(m->broker);
        assign_done(m);
        class_edits_done(m);
        instances_done(m);
        cgred_done(m);
        emptiness_done(m);
        scan_done(m);
        turns_done(&m->turns);
        sd_event_source_unref(m->connector_source);
        connector_free(m->connector);
        execlient_done(&m->exe);
        classifier_free(m->classifier);
        proctable_free(m->table);
        origin_unref(m->usual_origin);
        waiters_done(&m->home);
        rulebase_free(m->rules);
        names_free(m->names);
        cmdlineclient_free(m->lines);
        marks_done(m);
        store_free(m->store);
        classes_done(&m->classes);
        cgroup_ids_done(&m->cgroup_ids);
        proc_reader_done(&m->reader);
        sd_event_unref(m->event);
        free(m);
        return NULL;
}
