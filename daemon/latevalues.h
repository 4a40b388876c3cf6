/* What a class says about each member (Nice, OOMScoreAdjust, LimitNOFILE) is set before the process is moved, so what it begins to fork
 * afterwards has it too. A fork that had begun before copied the old values, and may end so late that its child is born into the class.
 * Of each thread that can be one fork: the first that ends after the values were set. The values of such a child are asked for by
 * themselves, and of its children until that is answered.
 *
 * process->values_ns: children whose fork event is from before that moment are such. */
#pragma once
#include "daemon/classes.h"
#include "daemon/manager.h"
#include "daemon/procevent.h"
#include "daemon/proctable.h"

/* Values of the process are asked for, be it with a move into the class. */
void latevalues_asked(Process *p, const Class *c);
/* `changed`: something was not so before. */
void latevalues_answered(Process *p, bool changed);
/* Those of every member of the class are asked for, or (answered) were set. */
void latevalues_of_all(Manager *m, uint32_t class_index, bool answered);
/* Notes whether the child of this fork is such a one. */
void latevalues_on_fork(Manager *m, Process *parent, Process *child, const ProcEvent *e);
