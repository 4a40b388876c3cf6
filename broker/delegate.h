/* Subtrees that systemd has given to somebody else's manager (Delegate=yes: containers, other process managers). It marks their cgroup with
 * an attribute; no process is taken out of one, on any hierarchy. Not meant: the subtree that our own classes lie in, and user managers
 * (user@UID.service), for whose processes rules and classes say leave-unit. */
#pragma once
#include "broker/hierarchy.h"
#include "common/map.h"

typedef struct DelegateCache {
        Map *known;       /* path -> whether; of one moment */
        uint64_t made_ns;
} DelegateCache;

void delegate_cache_done(DelegateCache *c);

/* True when `path` of hierarchy h is, or is below, a foreign delegated cgroup. now_ns: CLOCK_MONOTONIC; what was read is believed for a
 * second, for moves come in crowds. */
bool delegate_is_foreign(DelegateCache *c, const Hierarchy *h, const char *path, uint64_t now_ns);
/* The same without a cache. */
bool delegate_check(const Hierarchy *h, const char *path);
