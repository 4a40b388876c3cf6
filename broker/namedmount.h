/* Named v1 hierarchies (Hierarchies=name=jobs) that nobody has mounted: mounted below RuntimeDir before hierarchies are looked for, and unmounted
 * again when no class names them any more. Under systemd a oneshot unit does it in the machine's mount namespace
 * (pclass-hierarchies.service runs `pclass-broker --mount-hierarchies`); without systemd the broker does, before it drops its rights.
 * Such a hierarchy has no controller; it is mounted without favordynmods, which could not be taken back. */
#pragma once
#include "common/classdef.h"
#include "common/config.h"

#define NAMED_DIRECTORY "hierarchies" /* below RuntimeDir */

/* What fails is said and leaves the others alone: a class whose hierarchy is not there is told as any other. 0 or -ENOMEM. */
int named_hierarchies_prepare(const Config *config, const ClassTable *table);
