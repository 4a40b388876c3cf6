/* Counters of the daemon. */
#include "daemon/stats.h"

#include "common/wire.h"

static uint64_t *failure_counter(Stats *s, int code) {
        switch (code) {
        case WIRE_OK:
        case WIRE_PARENT:
                return NULL;
        case WIRE_GONE:
                return &s->moves_failed_gone;
        case WIRE_STALE:
                return &s->moves_failed_stale;
        case WIRE_PROTECTED:
        case WIRE_PROTECTED_USER:
                return &s->moves_failed_protected;
        case WIRE_NOT_ALLOWED:
                return &s->moves_failed_not_allowed;
        case WIRE_CLASS_GONE:
                return &s->moves_failed_class_gone;
        case WIRE_RT_CONFLICT:
                return &s->moves_failed_rt_conflict;
        case WIRE_EMPTY_CPUSET:
                return &s->moves_failed_empty_cpuset;
        case WIRE_KERNEL_THREAD:
                return &s->moves_failed_kernel_thread;
        case WIRE_LIMIT:
                return &s->moves_failed_limit;
        default:
                return &s->moves_failed_other;
        }
}

void stats_move_failed(Stats *s, int code) {
        uint64_t *counter = failure_counter(s, code);

        if (counter)
                (*counter)++;
}

void stats_each(const Stats *s, void (*callback)(const char *name, uint64_t value, void *userdata), void *userdata) {
#define STATS_CALL(name) callback(#name, s->name, userdata);
        STATS_LIST(STATS_CALL)
#undef STATS_CALL
}
