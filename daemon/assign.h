/* Placing by hand: what was asked for holds against rules until it ends. Requests come through manager.h (assign.c); assignhold.c makes them hold as
 * events come in, assignstore.c keeps them across restarts. */
#pragma once
#include "daemon/assignments.h"
#include "daemon/procevent.h"
#include "daemon/verdict.h"

#define ASSIGN_WAITS_MAX 256 /* requests whose moves are under way */

typedef struct AssignWait AssignWait;

typedef struct Assign {
        Assignments table;
        Verdict *verdict;          /* for looks of our own, between those of the classifier */
        AssignWait *waits;
        size_t n_waits;
        sd_event_source *deadline; /* at the earliest one */
        sd_event_source *save;     /* soon */
        bool full_told;
} Assign;

int assign_init(Manager *m);
void assign_done(Manager *m);

/* ---- for the classifier: called only while somebody is assigned ---- */
/* The order that the process of v holds to, NULL if none. One that stood for another process of its number is dropped, and so is one whose class is gone. */
const Order *assign_order(Manager *m, const Verdict *v, Class **ret_class);
/* Its place is what the order says. p: its entry or NULL. Returns a JudgeResult. */
int assign_judge(Manager *m, Verdict *v, const Order *o, Class *c, uint64_t event_ns);
void assign_on_fork(Manager *m, const ProcEvent *e);
void assign_on_exec(Manager *m, const ProcEvent *e);
/* A scan found it: a child of somebody in a tree, whose fork was not seen, holds to the order too. */
void assign_on_scan(Manager *m, Verdict *v);
/* Everybody was looked at once since the last request for it. */
void assign_on_scanned(Manager *m);
/* True when children of this process do not hold to its order: they have to be judged. */
bool assign_is_single(const Manager *m, pid_t pid);
void assign_forget(Manager *m, pid_t pid);
/* After a whole pass: those whose process was not found. */
void assign_forget_gone(Manager *m);

/* ---- for others ---- */
/* A class was removed: what bound processes to it ends, and a pass judges them. */
void assign_class_gone(Manager *m, const char *class_name);
/* As assign_order(), but nothing is dropped and the class may be gone. */
const Order *assign_peek(const Manager *m, const ProcInfo *info);
/* "class web, by root, until exit" */
void assign_describe(const Order *o, char *buf, size_t size);
/* A move or return of that process was answered. order: what it was done for (0: a rule); code: WireCode. */
void assign_answered(Manager *m, pid_t pid, uint64_t cookie, uint64_t order, int code, int error);

/* ---- among its own files ---- */
void assign_log_end(const Order *o, const char *why);
/* Nobody holds to the order any more, nor will again. */
void assign_drop(Manager *m, uint64_t order);
/* Ends an order: its processes are judged by rules. */
void assign_end(Manager *m, uint64_t order);
/* What was kept is read when the classes are known. */
void assign_load(Manager *m);
void assign_save(Manager *m);
int assign_store_init(Manager *m); /* -errno */
void assign_save_soon(Manager *m);
/* The timer, after orders came or went. */
void assign_set_deadline(Manager *m);
uint64_t boottime_usec(void);
