/* Waiting until changes have taken effect: no pass under way, nothing asked and not answered. */
#include "daemon/settle.h"

#include "daemon/internal.h"

static bool is_settled(Manager *m) {
        return !m->scan.running && !ruleload_under_way(m->rules) && brokerclient_pending(m->broker) == 0 && names_pending(m->names) == 0 && instances_waiting(m) == 0;
}

static bool is_over(Manager *m, const SettleWaiter *w) {
        return w->names_only ? names_pending(m->names) == 0 : is_settled(m);
}

static uint64_t now_usec(void) {
        return now_ns() / 1000;
}

/* Callbacks may add or cancel waiters: each is taken out of the list before it is called. */
static void settle_call(Manager *m) {
        Settle *s = &m->settle;

        for (size_t i = 0; i < s->n;) {
                SettleWaiter w = s->waiters[i];
                if (!is_over(m, &w) && now_usec() < w.deadline_usec) {
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
        settle_call(m);
        return 0;
}

/* Nothing may be left to happen: then this is the event that on_post() follows. */
static int on_begin(sd_event_source *source, void *userdata) {
        return 0;
}

/* At the earliest deadline. */
static int set_timer(Settle *s) {
        uint64_t first = UINT64_MAX;

        for (size_t i = 0; i < s->n; i++)
                first = MIN(first, s->waiters[i].deadline_usec);
        (void) sd_event_source_set_time(s->timer, first);
        return sd_event_source_set_enabled(s->timer, s->n > 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;

        settle_call(m);
        return set_timer(&m->settle);
}

int settle_init(Manager *m) {
        int r = sd_event_add_post(m->event, &m->settle.post, on_post, m);

        if (r >= 0)
                r = sd_event_source_set_enabled(m->settle.post, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(m->settle.post, PRIORITY_SETTLE);
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

static int waiter_add(Settle *s, const SettleWaiter *w) {
        SettleWaiter *grown = s->n >= SETTLE_WAITERS_MAX ? NULL : reallocarray(s->waiters, s->n + 1, sizeof(*grown));

        if (!grown)
                return s->n >= SETTLE_WAITERS_MAX ? -ENOBUFS : -ENOMEM;
        s->waiters = grown;
        s->waiters[s->n++] = *w;
        (void) sd_event_source_set_enabled(s->post, SD_EVENT_ON);
        (void) sd_event_source_set_enabled(s->begin, SD_EVENT_ONESHOT);
        return set_timer(s);
}

int manager_when_settled(Manager *m, ManagerSettled callback, void *userdata) {
        return waiter_add(&m->settle, &(SettleWaiter) { callback, userdata, false, now_usec() + SETTLE_USEC_MAX });
}

int manager_when_named(Manager *m, ManagerSettled callback, void *userdata) {
        if (m->settle.n >= SETTLE_WAITERS_MAX / 2) /* nobody has been authorised yet: room is left for those who were */
                return -ENOBUFS;
        return waiter_add(&m->settle, &(SettleWaiter) { callback, userdata, true, now_usec() + SETTLE_NAMES_USEC_MAX });
}

void manager_settle_cancel(Manager *m, void *userdata) {
        Settle *s = &m->settle;

        for (size_t i = 0; i < s->n; i++)
                if (s->waiters[i].userdata == userdata)
                        s->waiters[i--] = s->waiters[--s->n];
}
