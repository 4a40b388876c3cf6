/* Random rules as structures, with their text, and random processes: for the tests that judge them without the parser's help. */
#pragma once
#include "rules/ruleset.h"

/* ---- chance ------------------------------------------------------------------------------------------------------- */

/* Seeds from PCLASS_SEED or the clock, and prints it. */
void chance_start(void);
extern unsigned chance_seed;
unsigned below(unsigned n);

/* ---- the machine -------------------------------------------------------------------------------------------------- */

typedef struct Named {
        const char *name;
        uint32_t id;
        int known; /* 0, -ENOENT, -EAGAIN */
} Named;
/* Its users and groups; the class "nowhere" does not exist. no_context_reason is left to the caller. */
extern const RulesetEnv rulegen_machine;

/* ---- what a rule means -------------------------------------------------------------------------------------------- */

typedef enum PieceKind { BYTE, STAR, ONE, SET } PieceKind;
typedef struct Piece {
        PieceKind kind;
        char c;            /* BYTE */
        bool not;          /* SET */
        char members[4];   /* SET */
        char from, to;     /* SET: a range besides, '\0' = none */
} Piece;
typedef struct Glob {
        Piece piece[40];
        unsigned n;
} Glob;

typedef struct Atom {
        char c;            /* '\0': any byte, unless `other` is set */
        const char *one, *other; /* a group of two texts */
        unsigned least, most;
        const char *suffix;
} Atom;
typedef struct Regex {
        Atom atom[24];
        unsigned n;
} Regex;

#define CATEGORIES 6
typedef struct Lvl {
        unsigned s;
        bool c[CATEGORIES];
} Lvl;

typedef enum K { CONTEXT, SEUSER, ROLE, TYPE, RANGE, UID, GID, USER, GROUP, MEMBER, COMM, EXE, ARG0, CGROUP, UNIT, LABEL,
               RUID, LOGINUID, SESSION, SCRIPT, PARENT_CLASS, K_N } K;
#define IS_NUMBER(key) ((key) == UID || (key) == GID || (key) == RUID || (key) == LOGINUID || (key) == SESSION)
extern const char *const k_names[K_N];

typedef struct Alt {
        bool at;            /* group=@ */
        const Named *named; /* a name, or NULL */
        bool number;
        uint32_t from, to;
        Glob glob[4];
        unsigned fields;    /* context: 3 or 4 */
        Lvl level;
} Alt;
typedef struct Cond {
        K key;
        const char *op;
        bool not;
        Alt alt[3];
        unsigned n;
        Regex regex;
} Cond;
typedef struct Meant {
        char name[16];
        Cond cond[3];
        unsigned n;
        bool ignore, disabled;
        const char *prefix; /* of the class: "tenants/" */
        char spec[3][2];    /* parts of the last component: a letter of a specifier, or a plain byte */
        bool is_spec[3];
        unsigned parts;
        char text[3000];
} Meant;

typedef struct Proc {
        Subject s;
        char context[256];
        int context_kind;   /* 0 whole, 1 no range, 2 not a context, 3 range is no level */
        const char *seuser, *role, *type;
        char range[128];
        Lvl high;
        gid_t groups[3], members[3];
} Proc;

/* A rule named "r<i>" with its text, and a process with its context. */
void make_rule(Meant *m, unsigned i);
void make_proc(Proc *p);
