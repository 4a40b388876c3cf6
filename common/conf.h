/* INI text in systemd's manner: [Section], Key=value, # or ; comments at the start of a line, blanks around = ignored. */
#pragma once
#include "common/texterror.h"

typedef struct ConfLine {
        const char *section; /* text between the brackets, "" before the first one */
        const char *key;     /* NULL for the section line itself */
        const char *value;
        const char *file;
        unsigned line;
        unsigned column;     /* where the value begins (for a section line: its text) */
} ConfLine;

/* Called for every section line and every assignment, in order. A negative return ends the parse and is passed up. */
typedef int (*ConfHandler)(const ConfLine *line, void *userdata, TextError *err);

/* Limits: 1 MiB a file, 4,096 bytes a line. -EINVAL with err set for bad text, another -errno for a file that cannot be read. */
int conf_parse_text(const char *text, size_t size, const char *file, ConfHandler handler, void *userdata, TextError *err);
int conf_parse_file(const char *path, ConfHandler handler, void *userdata, TextError *err);

/* Lists files `*suffix` of several directories in order of file name; of equal names the one in the earlier directory
 * wins. Directories that do not exist are left out. Used for classes.d and rules.d. Caller frees with strv_free().
 * ret_skipped, unless NULL: what is called so but is no file (CONF_SKIPPED says it), not opened, for it may be a pipe. */
#define CONF_SKIPPED "is left out: it is no file, or a link that leads to none"
int conf_list_files(char *const *dirs, const char *suffix, char ***ret, char ***ret_skipped);
