/* Tunable=: within which bounds a property may be changed while the service runs, and values as numbers to compare. */
#pragma once
#include <stdio.h>
#include "common/classdef.h"

/* What percentages and infinity mean on a machine. */
typedef struct ClassScale {
        uint64_t memory, swap; /* bytes */
        uint64_t tasks;        /* the most that the machine allows */
        uint64_t files;        /* fs.nr_open: what LimitNOFILE=infinity stands for */
        uint64_t page;         /* bytes of a page */
} ClassScale;

/* Least and largest number in a canonical value; infinity is INT64_MAX. Percentages of sizes and tasks are of the machine's, CPUQuota is in
 * hundredths of a percent, a period in microseconds. -EINVAL for lists and for what is no value. */
int class_value_span(ClassProperty p, const char *canonical, const ClassScale *scale, int64_t *ret_least, int64_t *ret_most);

/* One entry of Tunable=: "CPUWeight", "CPUWeight:100-800", "MemoryHigh:-4G", "Nice:-5..10", "AllowedCPUs:0-3". -EINVAL with a message. */
int class_bound_parse(const char *entry, ClassBound bounds[static _CLASS_PROPERTY_N], char *message, size_t size);
/* A line that reads back. */
void class_bound_format(ClassProperty p, const ClassBound *b, FILE *f);
void class_bound_done(ClassBound *b);

/* May the property get this canonical value? -EPERM: it is not tunable; -ERANGE: out of bounds. */
int class_bound_check(ClassProperty p, const ClassBound *b, const char *canonical, const ClassScale *scale);
/* "100 to 800", for people. */
void class_bound_text(const ClassBound *b, char *buf, size_t size);
