/* Timers that are made at the start and only set later: that needs no memory, for want of which they may be asked for. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/* Made without a time; called once each time it is set. clock: CLOCK_MONOTONIC or CLOCK_BOOTTIME; late_usec: how much later it may come. -errno. */
int timer_new(sd_event *event, clockid_t clock, uint64_t late_usec, sd_event_time_handler_t handler, void *userdata, sd_event_source **ret);
/* At that moment of its clock, whatever it was set to. */
void timer_set(sd_event_source *timer, uint64_t at_usec);
/* So much from now (CLOCK_MONOTONIC), unless it comes sooner as it is. */
void timer_within(sd_event_source *timer, uint64_t usec);
void timer_stop(sd_event_source *timer);
bool timer_is_set(sd_event_source *timer);
