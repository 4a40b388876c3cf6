/* Turns of the loop for others than the greediest of its sources. */
#include "daemon/turns.h"

static int on_idle(sd_event_source *s, void *userdata) {
        Turns *t = userdata;
        uint64_t usec;
        int r = sd_event_now(sd_event_source_get_event(s), CLOCK_MONOTONIC, &usec);

        if (r < 0)
                return r;
        t->served_ns = usec * 1000;
        t->asked_ns = 0;
        return 0;
}

static int on_end(sd_event_source *s, uint64_t usec, void *userdata) {
        Turns *t = userdata;
        int r = sd_event_source_set_enabled(t->greedy, SD_EVENT_ON);

        t->greedy = sd_event_source_unref(t->greedy);
        return r;
}

int turns_init(Turns *t, sd_event *event) {
        int r = sd_event_add_defer(event, &t->idle, on_idle, t);

        if (r >= 0)
                r = sd_event_source_set_priority(t->idle, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_event_source_set_enabled(t->idle, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(event, &t->end, CLOCK_MONOTONIC, 0, 1, on_end, t);
        if (r >= 0)
                r = sd_event_source_set_priority(t->end, SD_EVENT_PRIORITY_IMPORTANT - 10);
        return r < 0 ? r : sd_event_source_set_enabled(t->end, SD_EVENT_OFF);
}

void turns_done(Turns *t) {
        sd_event_source_disable_unref(t->idle);
        sd_event_source_disable_unref(t->end);
        sd_event_source_unref(t->greedy);
        *t = (Turns) {};
}

void turns_forget(Turns *t) {
        t->greedy = sd_event_source_unref(t->greedy);
        if (t->end)
                (void) sd_event_source_set_enabled(t->end, SD_EVENT_OFF);
}

static int stand_back(Turns *t, sd_event_source *greedy) {
        int r = sd_event_source_set_time_relative(t->end, TURNS_PAUSE_USEC);

        if (r >= 0)
                r = sd_event_source_set_enabled(t->end, SD_EVENT_ONESHOT);
        if (r >= 0)
                r = sd_event_source_set_enabled(greedy, SD_EVENT_OFF);
        if (r >= 0)
                t->greedy = sd_event_source_ref(greedy);
        return r;
}

int turns_had(Turns *t, sd_event_source *greedy, uint64_t now_ns) {
        if (t->greedy)
                return 0;
        if (t->asked_ns == 0) {
                if (now_ns - t->served_ns < TURNS_PATIENCE_NS)
                        return 0;
                t->asked_ns = now_ns;
                return sd_event_source_set_enabled(t->idle, SD_EVENT_ONESHOT);
        }
        if (now_ns - t->asked_ns < TURNS_PATIENCE_NS)
                return 0;
        t->asked_ns = now_ns; /* the next pause is as far away */
        return stand_back(t, greedy);
}
