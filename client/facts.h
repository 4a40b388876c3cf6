/* Made-up facts of a process, from options or from lines of JSON, for `pclassctl test`. */
#pragma once
#include <json-c/json.h>
#include "common/texterror.h"
#include "rules/subject.h"

#define FACTS_LINE_MAX 65536 /* bytes of one line of JSON */

typedef struct Facts {
        Subject subject;       /* its pointers lead into what follows, or to what others lend */
        char *texts[_FACT_N];
        gid_t *groups;
} Facts;

void facts_done(Facts *f); /* frees everything; the struct is empty and can be used again */

/* Sets one fact from the text of an option ("1000", "10,20", "httpd"). -EINVAL with err (no place in it), -ENOMEM. */
int facts_set(Facts *f, Fact fact, const char *text, TextError *err);
/* Sets facts from one JSON object {"uid": 1000, "groups": [10, 20], "comm": "httpd"}. file and line are for err. `text` ends
 * with a NUL that does not count. -EINVAL, -ENOMEM. */
int facts_set_json(Facts *f, json_tokener *tokener, const char *text, size_t size, const char *file, unsigned line, TextError *err);
/* The facts that can be given this way. */
bool facts_can_set(Fact fact);
