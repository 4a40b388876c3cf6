/* cgrules.conf(5) of libcgroup: its lines, which processes they take, and where those go. Behaviour is that of the manual of libcgroup 3.x;
 * docs/CGRULES.md lists where libcgroup's own code does something else. Pure: what the machine knows comes through RulesetEnv. */
#pragma once
#include <stdio.h>
#include "rules/ruleset.h"

#define CGRULES_LINE_MAX 8192 /* bytes; libcgroup takes FILENAME_MAX for a destination, and a little more for the rest */
#define CGRULES_PATH_MAX 4096 /* bytes of an expanded destination with its NUL */
#define CGRULES_MAX 100000    /* lines that are rules */

typedef enum CgOptions {
        CG_IGNORE = 1 << 0,    /* leave alone what is already at the destination */
        CG_IGNORE_RT = 1 << 1, /* the same, but only real-time processes */
} CgOptions;

/* One line. A line with % has the user of the rule it continues, and its program unless it names one of its own. */
typedef struct CgRule {
        const char *file;   /* as given to cgrules_add_text() */
        unsigned file_number; /* from 1, in order of cgrules_add_text() */
        unsigned line;
        size_t head;        /* index of the first line of its rule; its own index if it is that */
        bool own_program;   /* the line itself names the program */
        char *user;         /* "peter", "@admin" or "*" */
        char *program;      /* NULL: any */
        char **controllers; /* "*" among them: all */
        char *destination;  /* as written, quotes removed */
        unsigned options;   /* CgOptions */
        /* set by cgrules_resolve() */
        bool skipped;       /* nobody has that name; true until resolved */
        uint32_t id;        /* uid or gid of user */
} CgRule;

typedef struct CgRules CgRules;
typedef void (*CgReport)(const TextError *where, void *userdata);

int cgrules_new(CgRules **ret);
CgRules *cgrules_ref(CgRules *c);
CgRules *cgrules_free(CgRules *c); /* gives one reference back; the last one frees */
DEFINE_CLEANUP(CgRules *, cgrules_free)

/* Appends the rules of one file. Every error is reported, and the line left out together with the % lines behind it. Returns the number of
 * errors, -ENOMEM, or -E2BIG above CGRULES_MAX. */
int cgrules_add_text(CgRules *c, const char *text, size_t size, const char *file, CgReport report, void *userdata);

/* Asks for the ids of all names (env->user_by_name and group_by_name only); rules with a name that has none now are skipped. May be called again. */
void cgrules_resolve(CgRules *c, const RulesetEnv *env);

size_t cgrules_size(const CgRules *c);
const CgRule *cgrules_get(const CgRules *c, size_t i);
/* Facts that users, programs and destinations ask for (FACT_BIT mask). */
uint32_t cgrules_facts(const CgRules *c);
uint32_t cgrule_facts(const CgRule *r); /* of one line */
bool cgrule_covers(const CgRule *r, const char *controller);
/* The name that a line has as a rule of pclass: "cgrules-12"; in a second file "cgrules2-12". Returns buf. */
#define CGRULE_NAME_SIZE 40
char *cgrule_name(const CgRule *r, char buf[static CGRULE_NAME_SIZE]);

/* Where a process is: "cpu" and "/a/b". The controller "*" stands for all that are not named otherwise. */
typedef struct CgPlace {
        const char *controller, *path;
} CgPlace;

typedef struct CgProcess {
        const Subject *subject;
        bool realtime;         /* SCHED_FIFO or SCHED_RR, and known to be */
        const CgPlace *places; /* a controller without a place: unknown, no ignore option holds for it */
        size_t n_places;
} CgProcess;

typedef struct CgMove {
        const CgRule *rule;
        char *path;            /* "/a/b", from the root of the hierarchy */
} CgMove;

typedef struct CgVerdict {
        const CgRule *rule;    /* the line that took the process; NULL: none */
        bool ignored;
        CgMove *moves;         /* in order of lines; where two cover a controller the later one counts */
        size_t n_moves;
        char problem[160];     /* why a rule that takes the process moves it nowhere; "" when it does */
} CgVerdict;

/* A rule is entered at its first line, or at a line that names a program of its own. */
bool cgrules_is_entry(const CgRules *c, size_t i);
/* Whether the entry i decides: 1 and *ret, 0, -ENOMEM. */
int cgrules_try(const CgRules *c, size_t i, const CgProcess *p, CgVerdict *ret);
/* What of the entry i keeps it from taking the process: its user, its program, or its option; NULL: nothing does. */
const char *cgrules_unmet(const CgRules *c, size_t i, const Subject *s);
/* The first rule that takes the process. -ENOMEM. */
int cgrules_match(const CgRules *c, const CgProcess *p, CgVerdict *ret);
void cg_verdict_done(CgVerdict *v);
/* Where the verdict puts a controller; NULL: nowhere. */
const char *cg_verdict_path(const CgVerdict *v, const char *controller);

/* Expands a destination: "/a/b" without a slash at its end, "/" for the root. -ENODATA with *ret_missing when a fact is unknown, -EINVAL when what
 * comes out is no path below the root (a fact with a slash or a control character in it, a component "..", too long), -ENAMETOOLONG when a
 * component is longer than NAME_MAX bytes: no control group can have that name. */
int cg_destination_expand(const char *destination, const Subject *s, char **ret, Fact *ret_missing);
/* What a destination says before the component with its first specifier: "/students" of "students/%u". -EINVAL as above. */
int cg_destination_fixed(const char *destination, char **ret);
/* The name that %p stands for, its length in *ret_size; NULL: not known. */
const char *cg_process_name(const Subject *s, size_t *ret_size);
/* By which names a process is known: its own, that of its file, what it was called by. Each with its path where there is one; NULL: not known. */
typedef struct CgNames {
        const char *comm, *exe, *called;
} CgNames;
void cg_process_names(const Subject *s, CgNames *ret);
/* Whether a rule's program ("cp", "/bin/cp", "c*") is that of the process. */
bool cg_program_matches(const char *program, const Subject *s);

/* Writes the rules as rules of pclass, in the same order, names not looked up. What cannot be said in them is a comment that tells why. -ENOMEM. */
int cgrules_format(const CgRules *c, FILE *f);
/* Writes as comments what AllowedRoots= needs for them, each path that lies below no other one. -ENOMEM. */
int cgrules_format_roots(const CgRules *c, FILE *f);
