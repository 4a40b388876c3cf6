/* Is the connector alive? Our own COMM event tells, and the broker's watchdog is fed only after it came. */
#include "daemon/heartbeat.h"

#include <stdio.h>
#include <unistd.h>
#include "common/log.h"
#include "daemon/internal.h"
#include "daemon/watcher.h"

#define MISSES_MAX 3 /* fresh sockets tried before the connector is given up */

static unsigned period_sec(const Manager *m) {
        return m->degraded ? MIN(m->options->scan_sec, m->options->heartbeat_sec) : m->options->heartbeat_sec;
}

static uint64_t beat_usec(const Manager *m) {
        return period_sec(m) * UINT64_C(1000000) * 3 / 4;
}

/* There is a ping each beat, so a broker that has answered nothing for one is late. */
static void look_at_broker(Manager *m) {
        uint64_t silent = brokerclient_silent_usec(m->broker);

        if ((silent >= beat_usec(m)) == m->broker_silent)
                return;
        m->broker_silent = !m->broker_silent;
        if (m->broker_silent)
                log_warning("The broker has not answered for %llu ms; %zu moves wait for it", (unsigned long long) silent / 1000, m->moves_under_way);
        else
                log_notice("The broker answers again");
        manager_status_changed(m);
}

static void on_pinged(unsigned op, const void *reply, void *token, void *userdata) {
        if (reply)
                look_at_broker(userdata);
}

static void heartbeat_ping(Manager *m, bool alive) {
        WirePing ping = { .heartbeat_ok = alive };
        StatusInfo status;

        manager_status(m, &status);
        snprintf(ping.status, sizeof(ping.status), "%s, %s: %zu processes known, %llu moved, %llu events lost",
                 mode_to_string(status.mode), status.state, proctable_size(m->table),
                 (unsigned long long) m->stats.moves_done, (unsigned long long) m->stats.events_lost);
        (void) brokerclient_submit(m->broker, WIRE_PING, &ping, on_pinged, NULL);
}

static void heartbeat_on_comm(Manager *m, const ProcEvent *e) {
        Heartbeat *hb = &m->heartbeat;

        if (!hb->raised_ns || e->pid != getpid()) /* a system call, for each change of a name */
                return;
        hb->raised_ns = 0;
        hb->misses = 0;
        hb->seen_ever = true;
        m->stats.heartbeats++;
        if (m->degraded)
                manager_set_degraded(m, NULL);
        heartbeat_ping(m, true);
}
PCLASS_WATCHER(COMM, heartbeat_on_comm);

static void heartbeat_raise(Manager *m) {
        Heartbeat *hb = &m->heartbeat;

        hb->raised_ns = now_ns();
        hb->drops = connector_drops(m->connector);
        (void) connector_heartbeat();
        (void) sd_event_source_set_time_relative(hb->check, period_sec(m) * UINT64_C(1000000) / 4);
        (void) sd_event_source_set_enabled(hb->check, SD_EVENT_ONESHOT);
}

/* Silence: events may be lost without a count. A fresh socket speaks again; then everything is looked at once. */
static void heartbeat_missed(Manager *m) {
        Heartbeat *hb = &m->heartbeat;
        int r = -EPERM;

        m->stats.heartbeats_missed++;
        if (++hb->misses <= MISSES_MAX) {
                r = manager_reopen_connector(m);
                log_warning("The proc connector fell silent; %s", r < 0 ? "a fresh socket cannot be had" : "listening on a fresh socket");
        }
        if (r < 0 && !m->degraded)
                manager_set_degraded(m, hb->seen_ever ? "the proc connector fell silent" : "the proc connector sends nothing here");
        scan_request(m);
        if (r >= 0)
                heartbeat_raise(m); /* does the fresh one speak? */
}

static int on_check(sd_event_source *s, uint64_t usec, void *userdata) {
        Manager *m = userdata;
        Heartbeat *hb = &m->heartbeat;

        if (!hb->raised_ns)
                return 0;
        if (connector_drops(m->connector) != hb->drops)
                heartbeat_raise(m); /* it was dropped for want of room, with others: that is counted and repaired as a loss */
        else
                heartbeat_missed(m);
        return 0;
}

static int on_heartbeat(sd_event_source *s, uint64_t usec, void *userdata) {
        Manager *m = userdata;

        (void) sd_event_source_set_time_relative(s, beat_usec(m));
        (void) sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        look_at_broker(m);
        if (!m->connector) {
                scan_request(m);
                heartbeat_ping(m, true); /* nothing can be proven here; the scan is the life sign */
                return 0;
        }
        manager_count_loss(m);
        if (m->degraded) { /* no proof to wait for; should it speak again, that is noticed */
                scan_request(m);
                heartbeat_ping(m, true);
        }
        if (!m->heartbeat.raised_ns || m->degraded)
                heartbeat_raise(m);
        return 0;
}

int heartbeat_start(Manager *m) {
        int r = sd_event_add_time_relative(m->event, &m->heartbeat.timer, CLOCK_MONOTONIC, 0, 1000, on_heartbeat, m);

        if (r >= 0)
                r = sd_event_add_time(m->event, &m->heartbeat.check, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_check, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->heartbeat.check, SD_EVENT_OFF);
        return r < 0 ? r : sd_event_source_set_description(m->heartbeat.timer, "heartbeat");
}

void heartbeat_stop(Manager *m) {
        m->heartbeat.timer = sd_event_source_unref(m->heartbeat.timer);
        m->heartbeat.check = sd_event_source_unref(m->heartbeat.check);
}
