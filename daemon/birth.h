/* In which class was a process born? Where its parent belonged when it was forked: that stays true for its life, whatever becomes of the
 * parent, an exec or a move. Noted only while some rule asks (key parent-class). Of whom nobody noted it (it was there before such a rule or
 * before a restart) the present parent's class counts; then a process whose parent has died has that of the one who took it over. */
#pragma once
#include "daemon/proctable.h"

struct Manager;

/* True while some rule asks. */
bool births_matter(const struct Manager *m);
/* Notes it for a child that was just forked: child is its entry, parent its parent's or NULL. -ENOMEM. */
int birth_note(const struct Manager *m, Process *child, const Process *parent);
/* Name of the class, "" for none. process: its entry or NULL. Valid until the entry or the class goes. */
const char *birth_class(const struct Manager *m, const Process *process, pid_t ppid);
