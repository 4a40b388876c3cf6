/* Waiting until changes have taken effect: no pass under way, nothing asked and not answered. */
#include "daemon/settle.h"

#include "daemon/internal.h"

static bool is_settled(Manager *m) {
        return !m->scan.running && !ruleload_under_way(m->rules) && brokerclient_pending(m->broker) == 0 && names_pending(m->names) == 0 && instances_waiting(m) == 0;
}

static uint64_t now_usec(void) {
        return now_ns() / 1000;
}

/* Callbacks may add or cancel waiters: each is taken out of the list before it is called. */
static void settle_call(Manager *m, bool all) {
        Settle *s = &m->settle;

        for (size_t i = 0; i < s->n;) {
                SettleWaiter w = s->waiters[i];
                if (!all && now_usec() < w.deadline_usec) {
                        i++;
                        continue;
                }
                s->waiters[i] = s->waiters[--s->n];
                w.callback(w.userdata);
                i = 0;
        }
}

/* After every event of the loop, while somebody waits: it makes each wake-up two. */
static int on_post(sd_event_source *source, void *userdata) {
        Manager *m = userdata;

        if (m->settle.n == 0)
                return sd_event_source_set_enabled(source, SD_EVENT_OFF);
        if (is_settled(m))
                settle_call(m, true);
        return 0;
}

/* Nothing may be left to happen: then this is the event that on_post() follows. */
static int on_begin(sd_event_source *source, void *userdata) {
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        settle_call(userdata, false);
        return 0;
}

int settle_init(Manager *m) {
        int r = sd_event_add_post(m->event, &m->settle.post, on_post, m);

        if (r >= 0)
                r = sd_event_source_set_enabled(m->settle.post, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_defer(m->event, &m->settle.begin, on_begin, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->settle.begin, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(m->event, &m->settle.timer, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_timer, m);
        return r;
}

void settle_done(Manager *m) {
        sd_event_source_unref(m->settle.post);
        sd_event_source_unref(m->settle.begin);
        sd_event_source_unref(m->settle.timer);
        free(m->settle.waiters);
        m->settle = (Settle) {};
}

int manager_when_settled(Manager *m, ManagerSettled callback, void *userdata) {
        Settle *s = &m->settle;
        SettleWaiter *grown;

        if (s->n >= SETTLE_WAITERS_MAX)
                return -ENOBUFS;
        grown = reallocarray(s->waiters, s->n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        s->waiters = grown;
        s->waiters[s->n++] = (SettleWaiter) { callback, userdata, now_usec() + SETTLE_USEC_MAX };
        (void) sd_event_source_set_enabled(s->post, SD_EVENT_ON);
        (void) sd_event_source_set_enabled(s->begin, SD_EVENT_ONESHOT);
        (void) sd_event_source_set_time(s->timer, now_usec() + SETTLE_USEC_MAX);
        return sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

void manager_settle_cancel(Manager *m, void *userdata) {
        Settle *s = &m->settle;

        for (size_t i = 0; i < s->n; i++)
                if (s->waiters[i].userdata == userdata)
                        s->waiters[i--] = s->waiters[--s->n];
}
