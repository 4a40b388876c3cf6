/* Passes over all processes. */
#include "daemon/scan.h"

#include <dirent.h>
#include <time.h>
#include "common/fd.h"
#include "common/log.h"
#include "daemon/internal.h"
#include "daemon/timer.h"

/* Answers that never come must not keep a run open for ever; the next sweep looks again. */
#define PASS_USEC_MAX (30 * UINT64_C(1000000))

int scan_list_processes(pid_t **ret, size_t *ret_n) {
        _cleanup_free_ pid_t *pids = NULL;
        size_t n = 0, room = 0;
        DIR *d = opendir("/proc");
        struct dirent *e;

        if (!d)
                return -errno;
        while ((e = readdir(d))) {
                uint32_t pid;
                if (str_to_u32(e->d_name, &pid) < 0)
                        continue;
                if (n == room) {
                        room = room ? room * 2 : 1024;
                        pid_t *grown = reallocarray(pids, room, sizeof(*grown));
                        if (!grown) {
                                closedir(d);
                                return -ENOMEM;
                        }
                        pids = grown;
                }
                pids[n++] = pid;
        }
        closedir(d);
        *ret = TAKE_PTR(pids);
        *ret_n = n;
        return 0;
}

static void pass_start(Manager *m) {
        Scan *s = &m->scan;
        int r;

        free(TAKE_PTR(s->pids));
        s->n = s->next = 0;
        s->checked = s->asked = s->failed = 0;
        r = scan_list_processes(&s->pids, &s->n);
        if (r < 0)
                s->failed++, log_warning_errno(r, "Cannot list the processes; trying again soon");
        s->pass++;
        s->passes++;
        s->repair.passes++;
        s->pass_moved = m->stats.moves_done;
        s->waiting = false;
        (void) sd_event_source_set_enabled(s->step, SD_EVENT_ON);
}

static void run_start(Manager *m) {
        Scan *s = &m->scan;

        s->running = true;
        s->again = false;
        s->by_sweep = s->sweep_next;
        s->sweep_next = false;
        s->passes = 0;
        s->run_moved = m->stats.moves_done;
        s->run_start_usec = now_ns() / 1000;
        m->stats.resyncs++;
        pass_start(m);
}

/* Entries that the pass did not see are of processes that are gone, unless they cannot be looked at for want of a descriptor or memory. */
static void forget_the_gone(Manager *m) {
        size_t i = 0;
        Process *p;

        while ((p = proctable_next(m->table, &i)))
                if (p->pass != m->scan.pass && p->pending == 0) {
                        ProcInfo info;
                        procinfo_init(&info);
                        int r = procinfo_open(&m->reader, p->pid, &info);
                        if (r < 0 && !is_shortage(r))
                                proctable_remove(m->table, p->pid);
                        procinfo_close(&info);
                }
        if (assignments_any(&m->assign.table)) {
                assign_forget_gone(m);
                if (!m->scan.again)
                        assign_on_scanned(m);
        }
        instances_check_soon(m);
}

static void drop_members(Manager *m) {
        size_t i = 0;
        void *member;

        while (m->members && (member = map_next_u64(m->members, &i, NULL)))
                free(member);
        m->members = map_free(m->members);
}

static void count_held(Manager *m) {
        Scan *s = &m->scan;
        size_t i = 0;
        Process *p;

        s->last.held = 0;
        memset(s->last.held_by, 0, sizeof(s->last.held_by));
        while ((p = proctable_next(m->table, &i)))
                if (p->pass == s->pass && p->holder != HOLDER_NONE) {
                        s->last.held++;
                        s->last.held_by[p->holder]++;
                }
}

void scan_count_held(Manager *m) {
        if (!m->scan.running)
                count_held(m);
}

/* The run that ends is a part of the repair. True: the last one, and that was told. */
static bool repair_ends(Manager *m) {
        Scan *s = &m->scan;

        s->last.moved = m->stats.moves_done - s->repair.moved;
        s->last.passes = s->repair.passes;
        s->last.took_usec = now_ns() / 1000 - s->repair.start_usec;
        if (!s->last.converged || s->again)
                return false;
        log_notice("All is right again after %llu lost events: %llu processes checked, %llu moved, %llu held, in %llu passes and %llu ms",
                   (unsigned long long) s->repair.lost, (unsigned long long) s->last.checked, (unsigned long long) s->last.moved,
                   (unsigned long long) s->last.held, (unsigned long long) s->last.passes, (unsigned long long) s->last.took_usec / 1000);
        s->repair.lost = 0;
        return true;
}

static void run_end(Manager *m) {
        Scan *s = &m->scan;

        s->running = false;
        s->last.checked = s->checked;
        s->last.moved = m->stats.moves_done - s->run_moved;
        s->last.converged = m->stats.moves_done == s->pass_moved && s->failed == 0;
        s->last.wrong = s->last.converged ? 0 : s->asked + s->failed;
        count_held(m);
        s->last.passes = s->passes;
        s->last.since_usec = realtime_usec();
        s->last.took_usec = now_ns() / 1000 - s->run_start_usec;
        forget_the_gone(m);
        if (m->degraded) /* nothing is queued that could tell of anybody late */
                classifier_caught_up(m, now_ns());
        emptiness_look_at_all(m);
        if (s->by_sweep)
                classcare_sweep(m);
        s->again |= m->members && children_of_found(m);
        if (s->failed == 0) { /* everybody was seen: what was kept for them is taken */
                drop_members(m);
                marks_tidy(m);
        }
        bool told = s->repair.lost > 0 && repair_ends(m);
        if (!told && (s->last.moved > 0 || !s->last.converged))
                log_info("%llu processes checked, %llu moved, %llu wrong, %llu held, events lost %llu, in %llu passes and %llu ms%s",
                         (unsigned long long) s->last.checked, (unsigned long long) s->last.moved, (unsigned long long) s->last.wrong,
                         (unsigned long long) s->last.held, (unsigned long long) m->stats.events_lost,
                         (unsigned long long) s->last.passes, (unsigned long long) s->last.took_usec / 1000,
                         s->last.converged ? "" : "; not converged, going on");
        if (s->again)
                run_start(m);
        else if (!s->last.converged)
                scan_request_later(m);
}

/* After every event of the loop: a pass that has too much under way goes on, and one that has judged all is over, when that has been answered. Enabled
 * only then, for it makes each wake-up two. */
static int on_post(sd_event_source *source, void *userdata) {
        Manager *m = userdata;
        Scan *s = &m->scan;

        if (s->running && !s->waiting && m->moves_under_way < SCAN_MOVES_MAX)
                (void) sd_event_source_set_enabled(s->step, SD_EVENT_ON);
        if (!s->running || (!s->waiting && m->moves_under_way < SCAN_MOVES_MAX))
                return sd_event_source_set_enabled(source, SD_EVENT_OFF);
        if (!s->waiting)
                return 0;
        if (brokerclient_pending(m->broker) > 0 || instances_waiting(m) > 0 || cmdlineclient_waiting(m->lines) > 0)
                return 0;
        if (s->again) { /* what is in force has changed since: begin anew */
                run_start(m);
                return 0;
        }
        if (m->stats.moves_done > s->pass_moved && s->passes < SCAN_PASSES_MAX)
                pass_start(m);
        else
                run_end(m);
        return 0;
}

static int on_step(sd_event_source *source, void *userdata) {
        Manager *m = userdata;
        Scan *s = &m->scan;

        if (s->waiting) /* called once more, so that on_post() follows */
                return sd_event_source_set_enabled(source, SD_EVENT_OFF);
        if (m->moves_under_way >= SCAN_MOVES_MAX) {
                (void) sd_event_source_set_enabled(s->post, SD_EVENT_ON);
                return sd_event_source_set_enabled(source, SD_EVENT_OFF);
        }
        for (size_t k = 0; k < SCAN_SLICE && s->next < s->n; k++) {
                JudgeResult j = classifier_judge_scanned(m, s->pids[s->next++]);
                s->checked += j != JUDGE_GONE;
                s->asked += j == JUDGE_MOVING || j == JUDGE_WAITING;
                s->failed += j == JUDGE_FAILED;
        }
        (void) brokerclient_flush(m->broker);
        if (s->next < s->n)
                return 0;
        free(TAKE_PTR(s->pids));
        s->waiting = true;
        return sd_event_source_set_enabled(s->post, SD_EVENT_ON);
}

void scan_request(Manager *m) {
        if (!m->ready)
                return;
        if (m->scan.running)
                m->scan.again = true;
        else
                run_start(m);
}

void scan_after_loss(Manager *m, uint64_t lost) {
        Scan *s = &m->scan;

        if (s->repair.lost == 0) {
                s->repair.moved = m->stats.moves_done;
                s->repair.start_usec = now_ns() / 1000;
                s->repair.passes = 0;
        }
        s->repair.lost += lost;
        scan_request(m);
}

/* Everybody is looked at now: whose command line is silent then says so anew. */
static void silence_over(Scan *s) {
        if (!s->silent)
                s->again_usec = 0;
        s->silent = false;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;

        silence_over(&m->scan);
        scan_request(m);
        return 0;
}

void scan_request_later(Manager *m) {
        timer_within(m->scan.retry, SCAN_RETRY_USEC);
}

void scan_look_again(Manager *m) {
        Scan *s = &m->scan;

        if (s->silent)
                return;
        s->silent = true;
        s->again_usec = s->again_usec ? MIN(s->again_usec * 2, SCAN_SILENT_USEC_MAX) : SCAN_SILENT_USEC;
        timer_within(s->sweep ? s->sweep : s->retry, s->again_usec);
}

bool scan_is_first_pass(const Manager *m) {
        return m->scan.running && m->scan.passes == 1 && !m->scan.waiting;
}

static int on_sweep(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;
        Scan *s = &m->scan;

        if (s->running && now_ns() / 1000 - s->run_start_usec > PASS_USEC_MAX) {
                log_warning("A pass over all processes got no answers; beginning anew");
                s->running = false;
        }
        s->sweep_next = !s->running;
        silence_over(s);
        scan_request(m);
        (void) sd_event_source_set_time_relative(source, m->options->sweep_sec * UINT64_C(1000000));
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int scan_init(Manager *m) {
        Scan *s = &m->scan;
        int r = sd_event_add_post(m->event, &s->post, on_post, m);

        if (r >= 0)
                r = sd_event_source_set_enabled(s->post, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_defer(m->event, &s->step, on_step, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->step, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(s->step, PRIORITY_SCAN);
        if (r >= 0)
                r = timer_new(m->event, CLOCK_MONOTONIC, 0, on_retry, m, &s->retry);
        if (r >= 0 && m->options->sweep_sec > 0)
                r = sd_event_add_time_relative(m->event, &s->sweep, CLOCK_MONOTONIC, m->options->sweep_sec * UINT64_C(1000000), 0,
                                               on_sweep, m);
        return r;
}

void scan_done(Manager *m) {
        sd_event_source_unref(m->scan.step);
        sd_event_source_unref(m->scan.sweep);
        sd_event_source_unref(m->scan.retry);
        sd_event_source_unref(m->scan.post);
        free(m->scan.pids);
        drop_members(m);
        m->scan = (Scan) {};
}
