/* Children whose birth falls into what happens to their parent: it waits for a fact or its class when they are forked, or it is back at its origin before
 * their fork is told of. And those that were born while nobody looked. */
#pragma once
#include "daemon/procevent.h"
#include "daemon/proctable.h"
#include "daemon/waiters.h"

/* A fork is told of a little after it happened: the child has its place, others go on, then the event is stamped and queued. If who forks is interrupted in
 * between, that takes longer than all of a move. */
#define EVENT_SLACK_NS (10 * UINT64_C(1000000))

/* p was forked while its parent waited, for a fact or for its class that is being made: it gets what the parent has when that is done. True until then. */
bool child_inherits_late(Manager *m, Process *p);
/* Does `pid` wait for what `parent` gets? */
bool child_is_heir(const Manager *m, pid_t pid, pid_t parent);
/* What the parent gets from now on is for what it has become, not for what it was when it forked those that wait. */
void children_disinherit(Manager *m, const Waiters *waiters, pid_t parent);

/* p is back at its origin. It is forgotten when all events from before have been handled, for a child that was born in the class may be told of late. */
void child_parent_home(Manager *m, Process *p);
/* Nothing older than `ns` is left in the event queue. */
void children_caught_up(Manager *m, uint64_t ns);

/* p is found in a class where nobody moved it, so it was born there: it has its parent's origin, and what put the parent there. If it was born in the middle of its
 * parent's move, it was moved on some hierarchies, and what it lacks is its parent's. True: it has got something. */
bool child_of_known(Process *p, const Process *parent);
/* After a pass in which such children were taken into the table before their parents, whose numbers are greater. True: somebody has an origin by that. */
bool children_of_found(Manager *m);

/* A child of one that is in no class has an entry only while a rule asks where it was born. */
void child_of_nobody(Manager *m, const ProcEvent *e);
