/* What a class property is called and how its value is written in each version of cgroups. Pure. */
#pragma once
#include <stdio.h>
#include "common/classdef.h"

/* The controller that a property needs ("memory"). */
const char *limit_controller(ClassProperty p);
/* The file of a property, NULL where that version has no such limit. */
const char *limit_file(ClassProperty p, unsigned version);

/* The text for the file from a canonical value; value NULL = the kernel's default. -ENOTSUP: no such file in that version;
 * -ENODATA: the default is what the parent has (v1 cpuset). */
int limit_to_file(ClassProperty p, unsigned version, const char *value, char *buf, size_t size);
/* And back, for people: what a file says in the words of the property. `wanted` is the canonical value that was written: it is
 * returned where the file holds just what it was converted to. */
void limit_from_file(ClassProperty p, unsigned version, const char *wanted, const char *raw, char *buf, size_t size);
