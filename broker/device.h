/* The block devices that IO limits name, resolved once, before the sandbox. */
#pragma once
#include "common/classvalue.h"

typedef struct LimitDevice {
        char path[CLASS_DEVICE_PATH_MAX + 1]; /* as the configuration names it */
        unsigned major, minor;                /* of the whole disk */
        int error;                            /* -errno: it cannot be limited */
} LimitDevice;

/* A device node, or a file or directory of a file system on one: the disk as a whole. Fills everything but path.
 * error: -ENOENT and so on; -ENODEV: a file system without a device; -ENOTBLK: no block device. */
void limit_device_resolve(LimitDevice *d);
/* Adds the devices of a value that are not in the list yet. -ENOMEM. */
int limit_devices_add(LimitDevice **list, size_t *n, const char *value);
/* NULL: no such path. */
const LimitDevice *limit_device_find(const LimitDevice *list, size_t n, const char *path);
