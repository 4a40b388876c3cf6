/* The text-mode polkit agent that asks for a password on this terminal. */
#pragma once
#include <sys/types.h>

/* Starts pkttyagent for this process and waits until it is registered (or has given up). Never fails: without an agent polkit
 * simply refuses. *ret is its pid, untouched when there is none. */
void agent_start(pid_t *ret);
/* Ends and reaps it; *agent becomes 0. */
void agent_stop(pid_t *agent);
