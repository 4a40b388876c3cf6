/* A service manager for machines that have none: starts the broker again whenever it ends. */
#pragma once

typedef int (*SuperviseRun)(void *userdata); /* in a child of its own; its return value is the exit status */

/* Runs until SIGTERM or SIGINT, which it hands on; SIGHUP, SIGUSR1 and SIGUSR2 too. Returns the exit status. */
int supervise(SuperviseRun run, void *userdata);

/* In the broker, after each heartbeat: if this long passes without another one, the supervisor kills it. Nothing without a supervisor. */
void supervise_alive(unsigned seconds);
