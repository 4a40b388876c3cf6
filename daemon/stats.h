/* Counters of the daemon, each a 64-bit number that only grows while it runs. One list names them all: what D-Bus shows, what the code adds to. */
#pragma once
#include "common/macro.h"

/* X(name): the field and the name that is shown. Units are "how often" unless said otherwise. */
#define STATS_LIST(X)                                                                                                \
        /* datagrams of the connector, by kind */                                                                    \
        X(events_fork) X(events_exec) X(events_uid) X(events_gid) X(events_comm) X(events_exit) X(events_other)      \
        X(events_foreign)          /* not from the kernel, or malformed: thrown away */                              \
        X(events_lost)             /* as the kernel counted them */                                                  \
        X(resyncs)                 /* subscribe, scan, replay */                                                     \
        X(heartbeats) X(heartbeats_missed)                                                                           \
        /* judging */                                                                                                \
        X(decisions) X(matched) X(unmatched) X(ignored)                                                              \
        X(unreadable)              /* gone before its facts were read */                                             \
        X(shortages)               /* no descriptor or memory to look at a process with: looked at again later */     \
        X(children_checked) X(children_moved)                                                                        \
        X(names_asked) X(exe_asked) X(lines_silent)                                                                          \
        X(reloads)                                                                                                   \
        X(classes_found_changed)   /* removed or changed by something else */                                        \
        /* moving */                                                                                                 \
        X(moves_requested) X(moves_done)                                                                             \
        X(moves_failed_gone) X(moves_failed_stale) X(moves_failed_protected) X(moves_failed_not_allowed)             \
        X(moves_failed_class_gone) X(moves_failed_rt_conflict) X(moves_failed_empty_cpuset)                          \
        X(moves_failed_kernel_thread) X(moves_failed_limit) X(moves_failed_other)                                    \
        X(strangers_hit)           /* the number had changed hands when it was written */                            \
        X(strangers_returned)      /* whoever was hit went back */                                                   \
        X(journal_dropped)         /* entries that journald had no room for */

typedef struct Stats {
#define STATS_FIELD(name) uint64_t name;
        STATS_LIST(STATS_FIELD)
#undef STATS_FIELD
} Stats;

/* Counts a move that the broker refused or could not do, by its WireCode. Codes that are no failure (WIRE_OK, WIRE_PARENT) count nothing. */
void stats_move_failed(Stats *s, int code);

/* Hands over every counter in the order of the list. */
void stats_each(const Stats *s, void (*callback)(const char *name, uint64_t value, void *userdata), void *userdata);
