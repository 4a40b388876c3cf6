/* The rules in force as rows of the service's list, and texts of rules on the command line. Functions return an exit code and say their errors. */
#pragma once
#include "client/bus.h"

/* All of them, page by page, as of one generation. */
int rule_rows_fetch(Cli *cli, json_object **ret);
/* The row of a rule by its name or object path; it belongs to rows. */
int rule_rows_find(json_object *rows, const char *name, json_object **ret);
/* The same for what is to be changed: a rule of a file is refused. */
int rule_rows_find_added(json_object *rows, const char *name, json_object **ret);
/* Says a syntax error with the place in the text, before anybody is asked. */
int rule_text_check(const char *text);
