/* Making and running the Manager: for main.c alone. */
#pragma once
#include "daemon/internal.h"

/* What the broker hands over; all are owned by the Manager from manager_new() on. connector may be -EBADF. */
typedef struct ManagerFds {
        int broker, connector, names, lines;
        int cgred; /* listens, or -EBADF */
        int spares[CONNECTOR_SPARES]; /* connectors in reserve, or -EBADF */
} ManagerFds;

/* options must outlive it. -errno, logged where the administrator can do something about it. */
int manager_new(const Options *options, const ManagerFds *fds, Manager **ret);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager *, manager_free)
/* As by D-Bus, for signals: how it came out is told in the log. */
void manager_reload_by_signal(Manager *m);
/* Runs the loop; on_ready is called once, when classes and rules are known. Returns the exit code. */
int manager_run(Manager *m, void (*on_ready)(void *userdata), void *userdata);
