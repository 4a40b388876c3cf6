/* What a class property is called and how its value is written in each version of cgroups: systemd's conversions. Pure. */
#pragma once
#include <stdio.h>
#include "broker/hierarchy.h"
#include "common/classbound.h"
#include "common/classdef.h"

/* The controller that a property needs in that version ("blkio"); NULL: none. */
const char *limit_controller(ClassProperty p, unsigned version);
/* The (first) file of a property, NULL where that version has no such limit. */
const char *limit_file(ClassProperty p, unsigned version);
/* The hierarchy that has the controller of a property, v1 before v2. -ENOENT: none, or the property needs no controller. */
int limit_hierarchy(const HierarchySet *s, ClassProperty p, unsigned *ret);

/* The text for the file from a canonical value; value NULL = the kernel's default. Not for CPUQuota, IOWeight and limits of devices.
 * -ENOTSUP: no such file in that version; -ENODATA: the default is what the parent has (v1 cpuset). */
int limit_to_file(ClassProperty p, unsigned version, const char *value, const ClassScale *scale, char *buf, size_t size);
/* And back, for people: what a file says in the words of the property. `wanted` is the canonical value that was written: it is
 * returned where the file holds just what it was converted to, unless it is a percentage. */
void limit_from_file(ClassProperty p, unsigned version, const char *wanted, const ClassScale *scale, const char *raw, char *buf, size_t size);

/* CPUQuota and CPUQuotaPeriodSec (either may be NULL) as microseconds in each period; quota UINT64_MAX = no limit. */
void limit_quota(const char *quota, const char *period, uint64_t *ret_quota_us, uint64_t *ret_period_us);

/* IOWeight for one of its files: blkio.weight, blkio.bfq.weight, io.weight, io.bfq.weight. */
int limit_io_weight(const char *file, const char *value, char *buf, size_t size);

/* One device's line for a file of limits: number as in the value ("5000000", "infinity"). */
void limit_device_line(ClassProperty p, unsigned version, unsigned major, unsigned minor, const char *number, char *buf, size_t size);
/* for (const char *s = raw; limit_next_device(p, version, &s, &major, &minor, &v) > 0;): what a file says; UINT64_MAX = no limit. */
int limit_next_device(ClassProperty p, unsigned version, const char **s, unsigned *ret_major, unsigned *ret_minor, uint64_t *ret);
