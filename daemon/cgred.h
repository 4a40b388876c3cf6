/* The socket of libcgroup's rules daemon, on which cgexec and cgclassify ask that a process be left where it is: pid and flags come, four bytes each, and a
 * text goes back. A process registered so is moved by no rule until it ends; with the flag for children neither are those that it forks.
 *
 * Who is there is told by the kernel (SO_PEERCRED): users register processes of their own, root any. Nothing here waits: a client has two seconds, and
 * there is a cap on clients and on registered processes, also for each user. What is registered is not kept over a restart of the service. */
#pragma once
#include <systemd/sd-event.h>
#include "common/map.h"
#include "daemon/procevent.h"

struct Manager;
struct Verdict;

#define CGRED_CLIENTS_MAX 64
#define CGRED_CLIENTS_PER_USER 8
#define CGRED_HELD_MAX 8192
#define CGRED_HELD_PER_USER 512 /* root has no such cap */

typedef struct Cgred {
        int fd;                 /* listens; < 0: not wanted */
        sd_event_source *source;
        struct CgredClient *clients;
        size_t n_clients;
        Map *held;              /* pid -> CgredHeld */
} Cgred;

int cgred_init(struct Manager *m, int fd); /* owns the descriptor */
void cgred_done(struct Manager *m);

/* True when the process of v was registered (or is a child of one that was, with children). */
bool cgred_holds(struct Manager *m, const struct Verdict *v);
bool cgred_any(const struct Manager *m); /* is anybody held at all? */
/* The same, with a text that says by whom; buf is untouched otherwise. */
bool cgred_describe(struct Manager *m, const struct Verdict *v, char *buf, size_t size);
void cgred_on_fork(struct Manager *m, const ProcEvent *e);
void cgred_forget(struct Manager *m, pid_t pid);
