/* Conditions held against one process, in three-valued logic. Internal to rules/. */
#pragma once
#include "rules/condition.h"
#include "rules/ruleset.h"

typedef enum Truth { NO, UNKNOWN, YES } Truth;

/* A name of a rule as this machine resolved it, by Alternative.slot. */
typedef struct NameId {
        bool known;
        uint32_t id;
} NameId;

/* A subject while it is matched: what several conditions want to know is worked out once. */
typedef struct View {
        const Subject *s;
        const RulesetEnv *env;
        bool has_context; /* known, and a context */
        ContextFields context;
        Truth has_level;  /* UNKNOWN: not looked at yet */
        Level level;      /* high level of the range */
} View;
void view_init(View *v, const Subject *s, const RulesetEnv *env);

/* The one text that globs of this key are held against; false when it is unknown. Not for KEY_MEMBER. */
bool view_text(const View *v, Key key, const char **ret, size_t *ret_size);
/* The same for the keys of VALUE_NUMBER. */
bool view_number(const View *v, Key key, uint32_t *ret);

/* names may be NULL: nothing is resolved. Unknown facts that the answer UNKNOWN hangs on are added to *missing. */
Truth condition_eval(const Condition *c, View *v, const NameId *names, uint32_t *missing);
/* All conditions of a rule; the order they are written in makes no difference. */
Truth rule_eval(const Rule *r, View *v, const NameId *names, uint32_t *missing);
