/* Moves and returns under way: asking the broker, and proving by the pidfd that the answer was about the process that was meant. */
#pragma once
#include "daemon/verdict.h"

/* Asks for what is left of each target of v. event_ns as in classifier_judge(). -ENOBUFS: too much under way; -ENOMEM, -EMFILE. A pass has been
 * asked for then, which looks at it again. */
int mover_move(Manager *m, Verdict *v, Process *p, uint64_t event_ns);
/* Asks for what its classes say about each member, of a process that is in them. */
void mover_values(Manager *m, Verdict *v, Process *p);
/* Sends an inheriting process to its parent's place where it is not there. Returns true if anything was asked. */
bool mover_follow(Manager *m, Verdict *v, Process *p);
/* Sends a process whose rule is gone back to its origin. Returns true if anything was asked. */
bool mover_return(Manager *m, Verdict *v, Process *p);
/* True when it is in no class anywhere. */
bool mover_is_out(Manager *m, Verdict *v);
/* Where its rule does not want it any more (the hierarchies of the class that it leaves and the new one does not have): back to the origin. */
void mover_leave(Manager *m, Verdict *v, Process *p, uint32_t hierarchies);
