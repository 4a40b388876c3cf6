/* Strings: numbers, lists, escaping. */
#pragma once
#include <sys/types.h>
#include "common/macro.h"

/* Decimal, digits only, nothing before or after. -EINVAL, -ERANGE; output untouched on failure. */
int str_to_u32(const char *s, uint32_t *ret);
int str_to_u64(const char *s, uint64_t *ret);

/* A growing, owned, NULL-terminated list of strings. A NULL list is an empty one. */
size_t strv_length(char *const *l);
char **strv_free(char **l);
int strv_append(char ***l, const char *s);            /* copies; -ENOMEM */
int strv_append_n(char ***l, const char *s, size_t n); /* copies n bytes */
bool strv_contains(char *const *l, const char *s);
/* Cuts `s` at any of `separators`, leaves empty parts out. */
int strv_split(const char *s, const char *separators, char ***ret);
char *strv_join(char *const *l, const char *separator); /* new string, or NULL when out of memory */
DEFINE_CLEANUP(char **, strv_free)
#define _cleanup_strv_ _cleanup_(strv_freep)

/* Bytes at the start of s that are ASCII letters, digits, _ or one of `more`. strspn() fills a table for so many. */
size_t str_name_span(const char *s, const char *more);

/* True for well-formed UTF-8 without control characters (what D-Bus and a terminal take as it is). */
bool str_is_printable_utf8(const char *s);
size_t str_printable_prefix(const char *s); /* bytes before the first one that it would refuse */
/* New string in which every byte that str_is_printable_utf8() would refuse is \xNN and a backslash is doubled.
 * For D-Bus and tables. NULL when out of memory. */
char *str_escape(const char *s);

size_t path_components(const char *path); /* "/a//b/": 2 */

/* ENAME for -errno: "EPERM"; never NULL. */
const char *str_errno_name(int r);
