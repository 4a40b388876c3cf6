/* Properties of one cgroup as its files have them: writing what is wanted, reading what is in force. */
#pragma once
#include "broker/device.h"
#include "broker/limits.h"

typedef struct LimitTarget {
        int mount_fd;
        unsigned version;
        const char *path;
        const char *const *values;   /* what is wanted, by property, canonical; NULL = the kernel's default */
        const char *fallback;        /* what an unset list gets where there is no default (v1 cpuset) */
        const ClassScale *scale;
        const LimitDevice *devices;
        size_t n_devices;
} LimitTarget;

/* Writes the wanted value of a property, or the default. Some share files: CPUQuota and its period, on v1 MemoryMax and MemorySwapMax; then
 * both are written. On failure `why` says what and where, for people. */
int limit_write(const LimitTarget *t, ClassProperty p, char *why, size_t size);
/* What is in force, in the words of the property. */
int limit_read(const LimitTarget *t, ClassProperty p, char *buf, size_t size);
