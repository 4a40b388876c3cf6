/* State, counters, and the few orders that concern the whole service. */
#include "common/log.h"
#include "daemon/internal.h"
#include "daemon/losses.h"
#include "daemon/selinux.h"

/* What this kernel and this build offer; the list is made once. */
static const char *const *features(Manager *m) {
        static const char *list[8];
        size_t n = 0;

        if (m->connector)
                list[n++] = "connector";
        if (m->connector && connector_has_mask(m->connector))
                list[n++] = "event-mask";
        if (m->reader.pidfs)
                list[n++] = "pidfs";
        if (m->reader.pidfd_info)
                list[n++] = "pidfd-info";
        if (!selinux_absent_reason())
                list[n++] = "selinux";
        if (m->reader.label_attr)
                list[n++] = "label";
        list[n] = NULL;
        return list;
}

/* Why it is degraded; NULL: it is not. */
static const char *trouble(Manager *m) {
        return m->degraded           ? m->degraded_reason :
               m->broker_silent      ? "the broker does not answer" :
               m->hierarchies_lost   ? "a hierarchy is not mounted any more, see pclassctl doctor" :
               m->ready              ? losses_reason(m) :
                                       NULL;
}

void manager_status(Manager *m, StatusInfo *ret) {
        const char *reason = trouble(m);
        const Scan *s = &m->scan;

        *ret = (StatusInfo) {
                .state = m->restarting ? "restarting" : reason ? "degraded" : m->ready ? "running" : "starting",
                .state_reason = strnull(reason),
                .mode = m->mode,
                .broker_connected = m->ready,
                .broker_silent_usec = brokerclient_silent_usec(m->broker),
                .moves_pending = m->moves_under_way + instances_waiting(m),
                .broker_capabilities = m->broker_capabilities,
                .events_lost = m->stats.events_lost,
                .exe_reader = m->exe.fd >= 0,
                .features = features(m),
                .checked = s->last.checked,
                .moved = s->last.moved,
                .wrong = s->last.wrong,
                .held = s->last.held,
                .passes = s->last.passes,
                .since_realtime_usec = s->last.since_usec,
                .took_usec = s->last.took_usec,
                .converged = s->last.converged,
        };
}

void manager_counters(Manager *m, CounterCallback callback, void *userdata) {
        callback("processes_known", proctable_size(m->table), userdata);
        callback("broker_pending", brokerclient_pending(m->broker), userdata);
        callback("names_pending", names_pending(m->names), userdata);
        stats_each(&m->stats, callback, userdata);
}

int manager_set_mode(Manager *m, Mode mode, TextError *err) {
        int r = store_save_mode(m->store, mode);

        if (r < 0)
                return losses_not_stored(m, r, "the mode", err);
        if (mode == m->mode)
                return 0;
        log_notice("Mode is %s from now on", mode_to_string(mode));
        m->mode = mode;
        manager_status_changed(m);
        scan_request(m);
        return 0;
}

int manager_reclassify(Manager *m) {
        scan_request(m);
        return 0;
}
