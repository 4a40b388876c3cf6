/* From events to decisions to moves, in the order of the queue.
 *
 * Never lost: a child has what its parent has, provided that it was forked after we looked at the parent; else it is judged by
 * itself. The real cgroup of a child is checked if it was forked before the parent's move was answered. A child of a parent that nobody
 * could look at any more is judged by itself. */
#pragma once
#include "common/macro.h"
#include "daemon/procevent.h"

struct Manager;
typedef struct Classifier Classifier;

int classifier_new(struct Manager *m, Classifier **ret);
Classifier *classifier_free(Classifier *c);

/* Judges a process now. event_ns: when the reason arose (0: a scan), for the time from event to move. */
typedef enum JudgeResult {
        JUDGE_GONE,
        JUDGE_NO_MATCH, /* or ignored */
        JUDGE_IN_PLACE,
        JUDGE_MOVING,   /* something was asked of the broker */
        JUDGE_HELD,
        JUDGE_WAITING,  /* for a name, its origin, or an instance of a class */
        JUDGE_FAILED,   /* no descriptor, memory or room for a request: a later pass looks again */
} JudgeResult;
JudgeResult classifier_judge(struct Manager *m, pid_t pid, uint64_t event_ns);
/* The same in a scan: a process that is found in a class without being known is taken into the table first. */
JudgeResult classifier_judge_scanned(struct Manager *m, pid_t pid);
/* Judge again every process that waits for a name; for the answer that tells its origin. */
void classifier_names_known(struct Manager *m);
void classifier_origins_known(struct Manager *m);
/* Judge again a process whose command line was waited for, and children that inherit what comes of it. */
void classifier_line_known(struct Manager *m, pid_t pid, uint64_t event_ns);
/* Nothing older than `ns` is left in the event queue: what was kept for late forks can go. */
void classifier_caught_up(struct Manager *m, uint64_t ns);
