/* What classes say about each of their members: told to the member helper when a process comes, when a value changes, and once at start. */
#pragma once
#include "broker/broker.h"
#include "broker/process.h"

/* WIRE_MEMBER_* bits of what the class, or some class, sets or may be told to set; 0: no helper is needed. */
uint32_t members_needed_by(const Class *c);
uint32_t members_needed(const ClassSet *s);
/* Says in the notes of a class whether what it wants is in force; set->member_capabilities tells what the helper can. */
void members_note(const ClassSet *s, Class *c);
void members_note_all(ClassSet *s);

/* Before the process is moved into the class: whatever it begins to fork from then on has the values too. *ret_old is what members_restore()
 * needs if the move fails; its pid is 0 when nothing was set. 1 = something of it was not so before. Only if it is the process of that cookie, for nobody
 * would take them back from a stranger: -ESRCH, or another error when that cannot be told; never of a class that sets nothing. */
int members_enter(Broker *b, Class *c, const Process *p, uint64_t cookie, WireSetMember *ret_old);
void members_restore(Broker *b, const WireSetMember *old);
/* Every present member of the class; `what`: WIRE_MEMBER_* bits, as far as the class sets them. */
void members_apply(Broker *b, Class *c, uint32_t what);
/* Of every class. */
void members_apply_all(Broker *b);
