/* D-Bus answers as JSON values: one shape for the table code and for --json. */
#pragma once
#include <json-c/json.h>
#include <systemd/sd-bus.h>
#include "common/macro.h"

/* The whole body: null for an empty one, the value for one argument, an array for several. Arrays of dict entries become objects.
 * -EOPNOTSUPP for file descriptors, -ELOOP when nested too deep, -ENOMEM, or what sd-bus says. */
int busjson_from_message(sd_bus_message *m, json_object **ret);

/* Reading rows. A missing key is "", 0, false, NULL. Strings belong to the row. */
const char *row_text(json_object *row, const char *key);
uint64_t row_u64(json_object *row, const char *key);
bool row_bool(json_object *row, const char *key);
bool row_has(json_object *row, const char *key);
json_object *row_get(json_object *row, const char *key);
/* Rows of an array value; 0 when it is none. */
size_t rows_count(json_object *rows);
json_object *rows_at(json_object *rows, size_t i);
