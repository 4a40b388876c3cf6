/* The judgement on one process: its facts, the rule that wins, where it belongs, where it is, and what holds it.
 * Reading only: acting on a verdict is the classifier's part, showing it explain's and plan's. */
#pragma once
#include "daemon/classes.h"
#include "daemon/manager.h"
#include "daemon/procinfo.h"
#include "daemon/proctable.h"

typedef struct VerdictTarget {
        Class *class;          /* NULL: an instance of `template` that has to be made first */
        Class *template;
        char name[WIRE_TEXT_MAX];
        const char *component; /* last part of name; with a root what is below it */
        const ClassRoot *root; /* a place outside the class roots, below this one; then template is NULL */
        uint32_t own;          /* so many of the last directories of such a place are named for this process's facts */
        const char *leaf2;     /* members' leaf on v2 hierarchies, "" if none */
        uint32_t hierarchies;  /* where it is wanted there */
} VerdictTarget;

#define VERDICT_TARGETS_MAX WIRE_HIERARCHIES_MAX

typedef struct Verdict {
        ProcInfo info;
        uint64_t looked_ns;       /* CLOCK_MONOTONIC right before the facts were read */
        const RuleEntry *entry;   /* NULL: no rule matches */
        uint32_t missing;         /* FACT_BIT()s that were asked for and unknown */
        int exe_error;            /* why FACT_EXE is unknown */
        uint32_t names_pending;   /* FACT_BIT()s of names that were asked for and are not here yet: judge again when they come */
        bool line_pending;        /* its command line is being read: judge when it is */
        bool patient;             /* somebody asked for all facts: a little more time for the line; set after verdict_open() */
        int line_error;           /* why it could not be read */
        bool origin_pending;      /* the answer that tells where it came from is under way: judge again when it is here */
        bool ignored;             /* by an ignore rule, or a real-time process by ignore-rt */
        bool stuck;               /* entry is the sticky rule that placed it once, whatever would match now */
        bool realtime;            /* looked at only for a rule with ignore-rt */
        VerdictTarget targets[VERDICT_TARGETS_MAX];
        size_t n_targets;
        uint32_t wanted;          /* union of the targets' hierarchies */
        uint32_t in_place;        /* of those, where it is already */
        uint32_t held;            /* of those, where its unit holds it */
        uint64_t order;           /* by which it was placed by hand, 0 = a rule decides */
        Holder holder;            /* HOLDER_NONE while something is left to be moved or all is in place */
        char detail[96];
        bool has_paths;           /* paths[] holds all of them */
        const char *paths[WIRE_HIERARCHIES_MAX];
        char path_text[8192];
        char by_id[WIRE_PATH_MAX]; /* its path in the membership hierarchy, told by the id of its cgroup; "" = it was not */
        char exe[WIRE_EXE_PATH_MAX];
        char *unit;               /* of the origin */
} Verdict;

/* Verdicts are large and used again and again: one is allocated by each user. verdict_init() once, verdict_reset() between processes. */
void verdict_init(Verdict *v);
void verdict_reset(Verdict *v);

/* Pins the process. -ESRCH gone, -EINVAL a thread. */
int verdict_open(Manager *m, Verdict *v, pid_t pid);
/* The same in two halves: between them ids and names are known, and verdict_glance() may say that no rule can match, whatever the rest is. */
int verdict_pin(Manager *m, Verdict *v, pid_t pid);
int verdict_complete(Manager *m, Verdict *v);
bool verdict_glance(Manager *m, Verdict *v);
/* Is this the cookie of the opened process, as hex text? "" is any's. -EINVAL: not a number; -ESTALE: another process's. */
int verdict_is_cookie(const Verdict *v, const char *cookie);
/* Reads its places. 0 or -errno. */
int verdict_paths(Manager *m, Verdict *v);
/* Its path in the membership hierarchy (NULL: it has none there), without reading all of them where the id of its cgroup is known. 0 or -errno. */
int verdict_membership_path(Manager *m, Verdict *v, const char **ret);
/* The same, if it was asked for before; else "". */
const char *verdict_seen_path(const Manager *m, const Verdict *v);
/* Reads the facts (FACT_BIT mask) that are not there yet. process: its entry, or NULL. 0 or -ESRCH. */
int verdict_facts(Manager *m, Verdict *v, uint32_t facts, const Process *process);
/* Facts, match, targets, places. rs: the present ruleset or a candidate. 0 or -ESRCH. */
int verdict_judge(Manager *m, Verdict *v, const Ruleset *rs, const Process *process);
/* The target is class c, by order of somebody, whatever rules say (entry stays as it is). 0 or -errno of verdict_paths(). */
int verdict_by_hand(Manager *m, Verdict *v, Class *c, uint64_t order, bool leave_unit);
/* The class or template for t->name (`text`: what was expanded), and what it leaves of t->hierarchies. False: there is none. */
bool verdict_target_class(Manager *m, const char *text, VerdictTarget *t);
/* What is left to be moved of target i. */
uint32_t verdict_left(const Verdict *v, size_t i);
/* The target that wants hierarchy h, NULL if none. */
const VerdictTarget *verdict_target(const Verdict *v, uint32_t h);
