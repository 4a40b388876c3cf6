/* The state directory: runtime rules, rules that were switched off, the mode. Text files, kept as common/kept.h says. */
#pragma once
#include "common/config.h"
#include "common/str.h"

typedef struct Store Store;

/* Loading returns what kept_load() does; no file at all is none. */

/* Opens the directory, which must exist. -errno. */
int store_open(const char *path, Store **ret);
/* Nothing can be stored now: -errno. 0: it could; that the disk is full is not asked. */
int store_unwritable(const Store *s);
Store *store_free(Store *s);
int store_dir(const Store *s); /* the directory's fd, borrowed */
DEFINE_CLEANUP(Store *, store_free)

/* One runtime rule: its text and where it stands. Kept in the file "rules", readable with an editor: each rule line is preceded by a comment line
 * only when it has a place: "# before NAME" or "# after NAME". The order in the file is the order of the rules. */
typedef struct StoredRule {
        char *text;
        char *before, *after; /* at most one set */
} StoredRule;
void stored_rules_free(StoredRule *rules, size_t n);
/* A missing file is an empty list. Lines that are no rules are kept out by the caller, who parses; read errors: -errno. */
int store_load_rules(Store *s, StoredRule **ret, size_t *ret_n);
int store_save_rules(Store *s, const StoredRule *rules, size_t n);

/* Names of rules that D-Bus switched off ("disabled", a name a line). */
int store_load_disabled(Store *s, char ***ret);
int store_save_disabled(Store *s, char *const *names);

/* Assignments, as their own text (daemon/assignments.h). It is worth something for this boot only, so it is written without waiting for the disk, and there
 * is no copy before it: -EBADMSG. */
int store_load_assignments(Store *s, char **ret);
int store_save_assignments(Store *s, const char *text);

/* -ENOENT: never set. */
int store_load_mode(Store *s, Mode *ret);
int store_save_mode(Store *s, Mode mode);
