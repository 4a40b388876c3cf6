/* Rule files named on the command line. */
#pragma once
#include "rules/ruleset.h"

#define RULE_FILE_MAX (64U << 20) /* bytes; 100,000 rules of ordinary length are a tenth of it */

/* The whole text of a file. -EINVAL with err set when it cannot be read, -ENOMEM. */
int rule_file_read(const char *path, char **ret, size_t *ret_size, TextError *err);
/* Appends the rules of a file, or of the *.rules files of a directory in order of name. Errors as ruleset_add_text(), err always set but for -ENOMEM. */
int rule_file_add(Ruleset *rs, const char *path, TextError *err);
