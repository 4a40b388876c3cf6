/* One condition of a rule: key, operator, alternatives. Immutable once parsed. Internal to rules/. */
#pragma once
#include "rules/context.h"
#include "rules/key.h"
#include "rules/scanner.h"

#define ALTERNATIVES_MAX 256 /* in one condition */

typedef enum Operator { OPERATOR_EQUAL, OPERATOR_REGEX, OPERATOR_AT_MOST, OPERATOR_AT_LEAST } Operator;

typedef enum AlternativeKind {
        ALTERNATIVE_PATTERN, /* glob or regex over one text */
        ALTERNATIVE_CONTEXT, /* a glob per field of a context */
        ALTERNATIVE_NUMBERS, /* from..to, both included */
        ALTERNATIVE_NAME,    /* a user or group that the machine has to resolve */
        ALTERNATIVE_LEVEL,   /* MLS level to compare with */
} AlternativeKind;

#define CONTEXT_FIELDS 4 /* user role type range */

/* Small, for there are thousands. What the union holds is told by `kind`. */
typedef struct Alternative {
        AlternativeKind kind : 8;
        bool supplementary;  /* group=@g: the supplementary groups count too */
        uint16_t slot;       /* ALTERNATIVE_NAME: its place among the names of the rule */
        union {
                struct {
                        uint32_t from, to;
                };
                char *name;
                Pattern *pattern;
                Pattern **fields; /* CONTEXT_FIELDS of them; range NULL: any range or none */
                Level *level;
        };
} Alternative;

typedef struct Condition {
        Key key;
        Operator op : 8;
        bool negated;
        uint16_t n;
        uint16_t n_names; /* alternatives that are ALTERNATIVE_NAME */
        uint32_t facts;   /* FACT_BIT()s it may look at */
        Alternative *alternatives;
        const char *text; /* canonical; the rule's */
} Condition;

/* Reads one condition at the scanner, and appends its canonical text to the scanner's; ret->text stays NULL. first_slot: names that earlier conditions of the rule ask for. -EINVAL with err, -ENOMEM. */
int condition_parse(Scanner *s, size_t first_slot, Condition *ret);
void condition_done(Condition *c);
/* Lets go of what an alternative refers to. */
void alternative_done(Alternative *a);
