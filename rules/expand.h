/* From a matched rule to class names: specifiers are replaced by facts of the process. */
#pragma once
#include "rules/ruleset.h"

/* Expands the last component of `class_name` for subject s: %u %U %g %G %p %P %t %r %s %l %%, as in cgrules.conf 3.x where it has them
 * (%p is the program: comm). An unknown %u, %g or %p is replaced by the uid, gid or pid; a caller that waits for a name's answer
 * must not expand before it came. -ENODATA with *ret_missing when a fact is unknown, -EINVAL when the result is not a legal
 * component (common/classdef.h). On success *ret is a new string and *ret_component points to its last component. */
int expand_class_name(const char *class_name, const Subject *s, char **ret, const char **ret_component, Fact *ret_missing);

/* Whether a class name holds specifiers at all, and the facts they ask for (FACT_BIT mask). */
bool expand_is_template(const char *class_name);
uint32_t expand_facts(const char *class_name);
/* For rule_parse(): checks the specifiers; -EINVAL with the offset of the bad one. */
int expand_check(const char *class_name, size_t *ret_offset);
