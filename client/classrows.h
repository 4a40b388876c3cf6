/* Use of classes: rows of the service's list at two moments, and what lies between them. */
#pragma once
#include "client/bus.h"

#define RATE_UNKNOWN (-1.0)

typedef struct ClassUse {
        json_object *row;          /* the later one, of the list */
        double cpu_percent;        /* of one processor; RATE_UNKNOWN like the rates below: not measured, or new */
        double read_rate, write_rate; /* bytes a second */
} ClassUse;

typedef enum UseOrder { ORDER_NAME, ORDER_TASKS, ORDER_CPU, ORDER_MEMORY, ORDER_IO } UseOrder;
/* Tasks of a class; where nobody counts them (no pids controller) its processes. */
uint64_t class_tasks(json_object *row);
/* "path", "tasks", "cpu", "memory", "io". -EINVAL. */
int use_order_from_string(const char *s, UseOrder *ret);
const char *use_order_to_string(UseOrder o);

/* The classes in `rows` (no templates) in that order, the largest first. `earlier` is NULL or the rows from usec microseconds before. The caller frees
 * the array. -ENOMEM. */
int class_uses(json_object *rows, json_object *earlier, uint64_t usec, UseOrder order, ClassUse **ret, size_t *ret_n);
/* {"Name", "Tasks", "CPUPercent", "MemoryBytes", "IOReadRate", "IOWriteRate"}, without what is unknown. -ENOMEM. */
int class_uses_to_json(const ClassUse *uses, size_t n, json_object **ret);
