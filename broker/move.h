/* MOVE and RETURN: the two requests that touch processes. */
#pragma once
#include "broker/broker.h"

void move_process(Broker *b, const WireMove *m, WireMoveReply *ret);
void return_process(Broker *b, const WireReturn *m, WireResult *ret);

/* True for a process in the class's part of hierarchy h that no protection covers. */
bool move_may_end(Broker *b, const Class *c, unsigned h, pid_t pid);

/* True for a place that nobody is moved from, and that is no destination either. */
bool move_place_is_protected(const Broker *b, unsigned h, const char *path);

/* The code that pclassd gets for an error of a write to cgroup.procs. */
WireCode move_code(const Hierarchy *h, int error);
