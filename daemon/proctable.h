/* What pclass remembers of processes: of those that are in a class, were matched by a rule, or descend from such. Others have no entry. */
#pragma once
#include "common/map.h"
#include "common/wire.h"
#include "daemon/manager.h"
#include "rules/rule.h"

/* Where a process was before pclass touched it or an ancestor, per hierarchy (place ids). Shared by a family, counted. Families that came from the
 * same places share one, too, while nobody may learn more: see origin_settle(). */
typedef struct Origin {
        unsigned refs;
        unsigned unanswered : 31; /* moves under way whose answers may tell places that are not known yet */
        unsigned settled : 1;     /* shared by families: not changed any more */
        uint16_t place[WIRE_HIERARCHIES_MAX]; /* see wire_place() */
} Origin;
int origin_new(Origin **ret); /* all WIRE_NONE, one reference */
Origin *origin_ref(Origin *o);
Origin *origin_unref(Origin *o);
DEFINE_CLEANUP(Origin *, origin_unref)
/* *o is replaced by *usual if it says the same and nothing is awaited, so that thousands from one place need one record; else *usual becomes *o where
 * that is of one process. */
void origin_settle(Origin **o, Origin **usual);
/* *o may be changed then: a settled one is replaced by a copy. -ENOMEM: it is as it was. */
int origin_unsettle(Origin **o);

/* In an order without gaps: there may be tens of thousands. */
typedef struct Process {
        pid_t pid;
        pid_t parent;        /* that it was forked from, as far as we saw it; 0 = did not */
        uint64_t cookie;     /* 0 = not known yet (a child that nobody had to look at) */
        Rule *rule;          /* that placed it or the ancestor it inherits from; NULL = found in a class, rule not known */
        Origin *origin;      /* NULL = never moved by us */
        char *born;          /* class of its parent at its birth, "" for none; NULL = not noted: no rule asked for it then */
        char *detail;        /* of the holder, or NULL: see process_hold() */
        uint64_t looked_ns;  /* CLOCK_MONOTONIC: its facts are those of this moment */
        uint64_t placed_ns;  /* children forked after this moment are where it is */
        union {
                uint64_t forked_ns; /* while cookie is 0: when it was forked; whoever started later is another process of its number */
                uint64_t again_ns;  /* event behind `again`, which only comes when the cookie is known */
        };
        uint64_t values_ns;  /* children whose fork was told of before this moment may have begun before its own values were set: latevalues.h */
        uint32_t wanted;     /* hierarchies in which it belongs into a class by the rules, bit n; what is done by hand does not change it */
        uint32_t move_usec;  /* from the event to the answered move, an hour at most; 0 = was never moved by an event */
        unsigned pass;       /* of the last scan that saw it */
        Holder holder : 8;   /* why it is not where its rule wants it */
        bool waiting : 1;    /* for a name, its origin, or its class, which is being made from a template: its children are judged by themselves */
        bool returning : 1;  /* on its way back to its origin: the entry goes when it is there */
        bool home : 1;       /* it is back, and remembered for children that are told of late: child_parent_home() */
        bool heir : 1;       /* forked while its parent waited: what that one gets is its, too */
        bool inherited : 1;  /* no rule of its own matched when it was last judged */
        bool own : 1;        /* it has executed or changed what it is since it was forked */
        bool sticky : 1;     /* a rule with that option placed it: no other one moves it */
        bool again : 1;      /* judged while a move was under way, so on what was true before it: once more when that is answered */
        bool adopted : 1;    /* somebody moved it out of its class and a sweep took that for right; until the next event */
        bool values_due : 1; /* such a child, which has not been asked for yet */
        bool main_ended : 1; /* its main thread has, others go on: what the kernel shows of that one's place is not the process's */
        bool strayed : 1;    /* hit by a move that was meant for another process of its number: it and its children belong at the origin */
        uint16_t pending;    /* moves and returns under way: one for each hierarchy at most */
        uint16_t assigned;   /* hierarchies in which it was, or an ancestor, put into a class by hand: it stays there only while that holds */
        uint16_t leaving;    /* hierarchies in which it may still be in a class of before: while its new one has no name yet, or nothing is moved */
        uint16_t class_index[WIRE_HIERARCHIES_MAX]; /* of classes.h, at most CLASS_INDEX_MAX */
} Process;

typedef struct ProcTable ProcTable;
int proctable_new(ProcTable **ret);
ProcTable *proctable_free(ProcTable *t);
DEFINE_CLEANUP(ProcTable *, proctable_free)

size_t proctable_size(const ProcTable *t);
Process *proctable_get(const ProcTable *t, pid_t pid);
/* The entry, made if it is not there. -ENOMEM. */
int proctable_make(ProcTable *t, pid_t pid, uint64_t cookie, Process **ret);
/* Child, forked at `ns`, gets what the parent has (rule, wanted places, origin), as inherited. An older entry of that pid is replaced.
 * -EINVAL: it is its own parent. */
int proctable_inherit(ProcTable *t, const Process *parent, pid_t child, uint64_t ns, Process **ret);
void proctable_remove(ProcTable *t, pid_t pid);
/* A class is no more: its number may be given to another one, so nobody wants to be there by it. */
void proctable_class_gone(ProcTable *t, uint32_t class_index);
Process *proctable_next(const ProcTable *t, size_t *iterator); /* may be removed while it is the current one */
void process_set_rule(Process *p, const Rule *rule);
/* Notes the class it was born in, once. -ENOMEM. */
int process_set_born(Process *p, const char *class_name);
/* Why it is where it is. Without memory for the detail there is none. */
void process_hold(Process *p, Holder holder, const char *detail);
const char *process_detail(const Process *p);
/* The detail of HOLDER_MOVED. */
const char *moved_text(const Process *p);
