/* Values of class properties: from what an administrator writes to the one text that programs compare and convert. */
#pragma once
#include "common/classdef.h"

#define CLASS_VALUE_MAX 4000    /* bytes of a canonical value; a list of processors is the longest */
#define CLASS_DEVICES_MAX 32    /* devices in one IO limit */
#define CLASS_DEVICE_PATH_MAX 200

/* Checks `text` and gives its canonical form (numbers without leading zeros, sizes in bytes, sorted CPU lists, percentages as such).
 * -EINVAL with *ret_expected set to "a number from 1 to 10000" or the like (static); -ENOMEM. */
int class_value_canonical(ClassProperty p, const char *text, char **ret, const char **ret_expected);

/* IOReadBandwidthMax and its like: a value is lines of "PATH NUMBER". */
static inline bool class_property_is_io_limit(ClassProperty p) {
        return p >= CLASS_IO_READ_BANDWIDTH_MAX && p <= CLASS_IO_WRITE_IOPS_MAX;
}
/* What belongs to each member, not to the control group. */
static inline bool class_property_is_member(ClassProperty p) {
        return p >= CLASS_NICE && p <= CLASS_LIMIT_NOFILE;
}
/* AllowedCPUs, AllowedMemoryNodes. */
static inline bool class_property_is_list(ClassProperty p) {
        return p == CLASS_ALLOWED_CPUS || p == CLASS_ALLOWED_MEMORY_NODES;
}

/* Adds the line of one device. -EEXIST: it is there already; -E2BIG. */
int class_value_add_device(char **value, const char *line);
/* Puts the lines of `change` in the place of those of the same devices in `value` (NULL: none); a new string. -ENOMEM, -E2BIG. */
int class_value_merge_devices(const char *value, const char *change, char **ret);
/* The number behind that device, as text of at most 24 bytes with its NUL: "5000000" or "infinity". -ENOENT. */
int class_value_of_device(const char *value, const char *path, char buf[static 24]);
/* for (const char *s = value; class_value_next_device(&s, path, number) > 0;). Buffers of CLASS_DEVICE_PATH_MAX + 1 and 24. */
int class_value_next_device(const char **s, char *path, char *number);

/* True when every number of the canonical list `part` is in `whole`. */
bool class_value_list_within(const char *part, const char *whole);

/* Hundredths of a percent in "12.5%". -EINVAL when it is no percentage. */
int class_value_permyriad(const char *text, uint64_t *ret);
/* "SOFT:HARD" or "BOTH" as two numbers, infinity as UINT64_MAX. */
int class_value_files(const char *canonical, uint64_t *ret_soft, uint64_t *ret_hard);
