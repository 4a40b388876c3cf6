/* The journal's record of what pclass did: one structured entry for each process that really changed its place. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include "common/macro.h"

/* MESSAGE_ID= of "a process was moved into a class, or back": journalctl MESSAGE_ID=<this>. */
#define DECISION_LOG_MOVED_ID "3d6562425e6e4a9b956af28d5be9bfe1"

/* Whether a journal listens: what an entry alone needs is not worth looking up otherwise. */
bool decision_log_wanted(void);
/* Fields beside MESSAGE=: PRIORITY=6, MESSAGE_ID=, OBJECT_PID=, PCLASS_RULE=, PCLASS_CLASS=, PCLASS_FROM=, PCLASS_COMM=.
 * rule NULL: no rule matches any more and the process went back to its origin, class_name NULL then too. comm and from may be NULL (unknown).
 * Where no journal listens the message goes to log_debug(). It is never waited for: a journal that is stopped or too slow costs entries, and no
 * events. Returns 0, or -EAGAIN when the entry was dropped for that, or another negative errno; the caller counts. */
int decision_log_move(pid_t pid, const char *comm, const char *rule, const char *class_name, const char *from);
