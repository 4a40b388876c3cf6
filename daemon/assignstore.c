/* Assignments across restarts, and their ends in time. */
#include <time.h>
#include "common/log.h"
#include "daemon/internal.h"
#include "daemon/procident.h"
#include "daemon/timer.h"

#define SAVE_USEC 500000 /* forks and ends of processes are written together */

uint64_t boottime_usec(void) {
        struct timespec ts;

        clock_gettime(CLOCK_BOOTTIME, &ts);
        return ts.tv_sec * UINT64_C(1000000) + ts.tv_nsec / 1000;
}

/* ---- the file ----------------------------------------------------------------------------------------------------- */

void assign_save(Manager *m) {
        _cleanup_free_ char *text = NULL;
        char boot_id[BOOT_ID_SIZE];
        int r;

        timer_stop(m->assign.save);
        r = procident_boot_id(&m->reader, boot_id);
        if (r >= 0)
                r = assignments_format(&m->assign.table, boot_id, &text);
        if (r >= 0)
                r = store_save_assignments(m->store, text);
        if (r < 0)
                log_warning_errno(r, "Assignments cannot be kept in the state directory and will be forgotten at a restart");
}

static int on_save(sd_event_source *s, uint64_t usec, void *userdata) {
        assign_save(userdata);
        return 0;
}

void assign_save_soon(Manager *m) {
        timer_within(m->assign.save, SAVE_USEC);
}

void assign_load(Manager *m) {
        _cleanup_free_ char *text = NULL;
        char boot_id[BOOT_ID_SIZE];
        int r = store_load_assignments(m->store, &text);

        if (r >= 0)
                r = procident_boot_id(&m->reader, boot_id);
        if (r >= 0)
                r = assignments_parse(&m->assign.table, text, boot_id, now_ns());
        if (r < 0) {
                m->losses.how[LOSS_ASSIGNMENTS] = KEPT_LOST;
                log_warning_errno(r, "The kept assignments cannot be read: whoever was assigned is judged by rules");
                return;
        }
        if (assignments_any(&m->assign.table))
                log_info("%zu processes were assigned by hand before the restart", map_size(m->assign.table.by_pid));
        assign_set_deadline(m);
}

/* ---- time --------------------------------------------------------------------------------------------------------- */

/* The first order whose time is over, 0 = none. */
static uint64_t overdue(const Assignments *t) {
        uint64_t now = boottime_usec();
        const Order *o;
        size_t i = 0;

        while ((o = map_next_u64(t->orders, &i, NULL)))
                if (o->deadline_usec && o->deadline_usec <= now)
                        return o->id;
        return 0;
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata) {
        Manager *m = userdata;
        uint64_t id;

        while ((id = overdue(&m->assign.table))) {
                assign_log_end(map_get_u64(m->assign.table.orders, id), "its time is over");
                assign_end(m, id);
        }
        assign_set_deadline(m);
        return 0;
}

void assign_set_deadline(Manager *m) {
        uint64_t first = assignments_deadline(&m->assign.table);
        Assign *a = &m->assign;

        if (first)
                timer_set(a->deadline, first);
        else
                timer_stop(a->deadline);
}

int assign_store_init(Manager *m) {
        int r = timer_new(m->event, CLOCK_MONOTONIC, SAVE_USEC / 2, on_save, m, &m->assign.save);

        return r < 0 ? r : timer_new(m->event, CLOCK_BOOTTIME, 1000, on_deadline, m, &m->assign.deadline);
}
