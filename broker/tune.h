/* Properties that are changed while the service runs (TUNE): within root's Tunable=, all of a request or nothing, kept in the runtime directory
 * so that a restart of the service finds them and a reboot does not. */
#pragma once
#include "broker/broker.h"

#define TUNE_FILE "tuned"

/* Answers a request. ret->error of a refusal: -ENOENT no such class, -EINVAL no such property or value, -EPERM not tunable, -ERANGE out of bounds,
 * -EOPNOTSUPP this machine has it not, others from the kernel; ret->text says it. */
void tune_class(Broker *b, const WireTune *m, WireResult *ret);

/* Reads what was changed before a restart, for class_set_restore(). KeptState, which is said; *ret stays as it was when there is nothing, or when it is damaged
 * past help (KEPT_LOST). -errno: it cannot be read now, and must not be written over. */
int tune_load(int runtime_fd, ClassTable **ret);
/* A class is no more (class_set_forget()): neither is what was changed of it. */
void tune_dropped(Broker *b, const Class *c);
/* Writes down what is changed now. */
int tune_save(int runtime_fd, const ClassSet *s);
