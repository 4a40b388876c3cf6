/* What was placed by hand: orders, and the processes that hold to them. Data only: nothing here asks, moves or reads /proc.
 * An order is what one call asked for. It lives as long as a process holds to it. */
#pragma once
#include <sys/types.h>
#include "common/map.h"
#include "common/wire.h"

#define ASSIGNED_MAX 16384      /* processes that hold to orders, all together */
#define ORDERS_UID_MAX 256      /* orders of one user who is not root */

/* Who gave it. An order may be replaced or ended by somebody who is at least as high. */
typedef enum AssignAuthority { ASSIGN_BY_USER, ASSIGN_BY_ADMIN, ASSIGN_BY_ROOT, _ASSIGN_AUTHORITY_N } AssignAuthority;
const char *assign_authority_name(AssignAuthority a); /* "user", "admin", "root" */

typedef struct Order {
        uint64_t id;             /* from 1; 0 = none */
        AssignAuthority authority;
        uid_t by;
        bool tree;               /* holds for the children of those that hold to it */
        bool until_exec;         /* a process drops out with its next exec; else with its end */
        bool gathering;          /* those of the tree that were there before it are still being looked for */
        bool leave_unit;         /* also out of the unit that systemd tracks it in */
        uint64_t deadline_usec;  /* CLOCK_BOOTTIME; 0 = no limit in time */
        unsigned members;
        char class_name[WIRE_TEXT_MAX];
} Order;

typedef struct Assigned {
        pid_t pid;
        uint64_t cookie;         /* 0 = not known yet: a child of which only the fork was seen */
        uint64_t since_ns;       /* CLOCK_MONOTONIC: what happened before does not end it */
        Order *order;
} Assigned;

typedef struct Assignments {
        Map *by_pid;             /* Assigned */
        Map *orders;             /* Order, by id */
        uint64_t last_id;
        unsigned trees;          /* orders with tree */
} Assignments;

int assignments_init(Assignments *t);
void assignments_done(Assignments *t);

static inline bool assignments_any(const Assignments *t) {
        return map_size(t->by_pid) > 0;
}
Assigned *assignments_get(const Assignments *t, pid_t pid);
Assigned *assignments_next(const Assignments *t, size_t *iterator); /* may be removed while it is the current one */

/* A new order (its fields but id and members are taken from `wanted`) with its first process. What that process held to before is handed to
 * *ret_replaced, for assigned_free() or assignments_restore(). -EDQUOT: ORDERS_UID_MAX; -ENOBUFS: ASSIGNED_MAX; -ENOMEM. */
int assignments_add(Assignments *t, const Order *wanted, pid_t pid, uint64_t cookie, uint64_t since_ns, Assigned **ret_replaced, Order **ret);
/* One more process for an order; what it held to before is dropped. -ENOBUFS, -ENOMEM. */
int assignments_join(Assignments *t, Order *order, pid_t pid, uint64_t cookie, uint64_t since_ns);
void assignments_remove(Assignments *t, pid_t pid);
/* Puts back what assignments_add() handed out, if the number is free; else frees it. Takes it; NULL is fine. */
void assignments_restore(Assignments *t, Assigned *a);
void assigned_free(Assignments *t, Assigned *a);
/* Pids of those that hold to order `id`; caller frees. */
int assignments_members(const Assignments *t, uint64_t id, pid_t **ret, size_t *ret_n);
/* Takes an order away from everybody who holds to it. */
void assignments_drop(Assignments *t, uint64_t id);
/* The earliest deadline, 0 = there is none. */
uint64_t assignments_deadline(const Assignments *t);

/* As lines of text, and back into an empty table. boot_id: of this boot; a text of another one is an empty table (1). -EBADMSG: no such text, the table
 * stays empty. since_ns of what is read is `now_ns`. */
int assignments_format(const Assignments *t, const char *boot_id, char **ret);
int assignments_parse(Assignments *t, const char *text, const char *boot_id, uint64_t now_ns);
