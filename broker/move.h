/* MOVE and RETURN: the two requests that touch processes. */
#pragma once
#include "broker/broker.h"

void move_process(Broker *b, const WireMove *m, WireMoveReply *ret);
void return_process(Broker *b, const WireReturn *m, WireResult *ret);

/* The code that pclassd gets for an error of a write to cgroup.procs. */
WireCode move_code(const Hierarchy *h, int error);
