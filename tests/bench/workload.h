/* Rules and processes for the benchmarks: the same ones for the same numbers, so that figures of two builds can be compared. */
#pragma once
#include "rules/ruleset.h"

/* Of which conditions the rules are made. */
typedef enum RuleKind {
        RULES_MIXED,   /* every kind a site has: programs, users, groups, contexts, prefixes, a few ranges; 1 % regexes and inner globs */
        RULES_CONTEXT, /* one security context each */
        RULES_USER,    /* one uid each */
        RULES_PROGRAM, /* one program name each */
        RULES_MEMBER,  /* one group of the user database each (libcgroup's @group) */
        _RULES_N,
} RuleKind;
int rule_kind_from_string(const char *s); /* -EINVAL */

/* n rules of that kind, parsed and compiled against a machine that knows every name. Ends the program when it cannot. */
Ruleset *workload_rules(RuleKind kind, size_t n);
/* The text of rule i of n, with its newline. Returns its length. */
int workload_rule_text(RuleKind kind, size_t i, char *buf, size_t size);

#define WORKLOAD_SUBJECTS 256
/* Processes, all facts known: three of four are meant to match a rule somewhere among the n, one of four matches none. */
void workload_subjects(RuleKind kind, size_t n, Subject subjects[static WORKLOAD_SUBJECTS]);
