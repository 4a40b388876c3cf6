/* Timers that are made at the start and only set later. */
#include "daemon/timer.h"

#include <time.h>

int timer_new(sd_event *event, clockid_t clock, uint64_t late_usec, sd_event_time_handler_t handler, void *userdata, sd_event_source **ret) {
        int r = sd_event_add_time(event, ret, clock, UINT64_MAX, late_usec, handler, userdata);

        return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

void timer_set(sd_event_source *timer, uint64_t at_usec) {
        (void) sd_event_source_set_time(timer, at_usec);
        (void) sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

void timer_within(sd_event_source *timer, uint64_t usec) {
        uint64_t set = 0, now = 0;

        (void) sd_event_now(sd_event_source_get_event(timer), CLOCK_MONOTONIC, &now);
        if (!timer_is_set(timer) || sd_event_source_get_time(timer, &set) < 0 || set > now + usec)
                timer_set(timer, now + usec);
}

void timer_stop(sd_event_source *timer) {
        (void) sd_event_source_set_enabled(timer, SD_EVENT_OFF);
}

bool timer_is_set(sd_event_source *timer) {
        int enabled = SD_EVENT_OFF;

        (void) sd_event_source_get_enabled(timer, &enabled);
        return enabled != SD_EVENT_OFF;
}
