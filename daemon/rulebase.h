/* The rules in force: files and runtime rules in one order, resolved against this machine, replaced as a whole. */
#pragma once
#include <systemd/sd-event.h>
#include "daemon/manager.h"
#include "daemon/store.h"
#include "rules/cache.h"

typedef struct RuntimeRule {
        uint64_t id;
        Rule *rule;
        char *before, *after; /* name of the rule it stands next to, or both NULL: before all file rules */
} RuntimeRule;

typedef struct RuleLoad RuleLoad;

typedef struct RuleBase {
        Manager *m;
        Ruleset *current;        /* never NULL once loaded */
        MatchCache *cache;       /* of `current` */
        Ruleset *files;          /* file rules alone, parsed, in order */
        RuntimeRule *runtime;
        size_t n_runtime;
        char **disabled;         /* names switched off by D-Bus */
        uint64_t generation, next_id;
        Map *ids;                /* rule name -> id (as a pointer-sized number) */
        Map *by_id;              /* id -> RuleEntry* of `current`, or NULL until somebody asks */
        Map *matches;            /* id -> uint64_t*, decisions won */
        RuleLoad *loads;         /* under way (the first) and waiting */
        sd_event_source *load, *again, *discard;
        Ruleset *discarded[8];   /* out of force, let go of bit by bit */
        size_t n_discarded;
        bool trim;               /* they were large */
        bool runtime_lost;       /* there are others in a file that is damaged, which stays as it is */
        bool names_pending;      /* the last compile met a name that is still being asked for */
        bool groups_pending;     /* the last match did, of a group that a process is in */
} RuleBase;

int rulebase_new(Manager *m, RuleBase **ret);
RuleBase *rulebase_free(RuleBase *b);
DEFINE_CLEANUP(RuleBase *, rulebase_free)

/* ruleorder.c: makes the order of which a ruleset consists, in pieces of so many rules (1: there is more). What is given must stay. */
typedef struct RuleOrder RuleOrder;
int rule_order_new(RuleBase *b, const Ruleset *files, const RuntimeRule *list, size_t n, RuleOrder **ret);
int rule_order_step(RuleOrder *o, size_t rules, TextError *err);
Ruleset *rule_order_take(RuleOrder *o); /* once it is whole */
RuleOrder *rule_order_free(RuleOrder *o);
DEFINE_CLEANUP(RuleOrder *, rule_order_free)
/* Appends a rule with its id, switched off if it is. */
int rulebase_append(RuleBase *b, Ruleset *rs, const Rule *rule, const char *file, unsigned line, TextError *err);
/* Resolves a ruleset against this machine. */
int rulebase_compiler(RuleBase *b, Ruleset *rs, RulesetCompiler **ret);
/* Takes a ruleset that is out of force and lets go of it bit by bit. NULL is fine. */
void rulebase_discard(RuleBase *b, Ruleset *rs);

/* Pieces for ruleedit.c: one order out of files and a list of runtime rules, compiled; and putting it in force, which cannot fail. */
int rulebase_build(RuleBase *b, const Ruleset *files, const RuntimeRule *list, size_t n, Ruleset **ret, TextError *err);
void rulebase_swap(RuleBase *b, Ruleset *rs);
uint64_t rulebase_id(RuleBase *b, const char *name); /* 0: out of memory */
/* The rule is gone for good: another of that name gets an id and a count of its own. */
void rulebase_forget(RuleBase *b, const char *name);
void runtime_rule_done(RuntimeRule *x);

/* Reads rule files and stored rules. A bad file gives -EINVAL with err; what was in force stays. Runtime rules that no longer parse are logged and
 * left out. */
int rulebase_load(RuleBase *b, TextError *err);
/* Resolves the present rules anew, at once. */
int rulebase_recompile(RuleBase *b);

/* ruleload.c: the same two in slices of a millisecond, between which events are handled. r: as rulebase_load(), or
 * -ECANCELED when the daemon ends. */
typedef void (*RuleLoaded)(int r, const TextError *err, void *userdata);
int ruleload_files(RuleBase *b, RuleLoaded callback, void *userdata);
/* The same with the files that another configuration names, of which nothing comes into force. Takes the configuration if it succeeds. */
int ruleload_check(RuleBase *b, Config *config, RuleLoaded callback, void *userdata);
int ruleload_init(RuleBase *b);
int ruleload_again(RuleBase *b); /* asked for several times, it is done once; where it cannot be begun or done now, it is tried again */
bool ruleload_under_way(const RuleBase *b);
void ruleload_done(RuleBase *b);

/* Facts that the rules as parsed may ask for, before anything is resolved. */
uint32_t rulebase_facts(const RuleBase *b);
void rulebase_count_match(RuleBase *b, uint64_t id);
bool rulebase_in_force(const RuleBase *b, const Rule *rule); /* by name and text, and active */
/* Is there an active rule whose target is one of these classes? template_name may be NULL. */
bool rulebase_leads_to(const RuleBase *b, const char *class_name, const char *template_name);
/* Does any rule spell out the name of a user or group? */
bool rulebase_spells_names(const RuleBase *b);
