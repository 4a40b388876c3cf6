/* Where each process that the broker moved stood before pclass first touched it, kept in a root-owned file so that a restart
 * does not forget it (a journal, common/kept.h). A process is known by pid and start time. */
#pragma once
#include <sys/types.h>
#include "broker/hierarchy.h"
#include "broker/place.h"

#define ORIGINS_FILE "origins"
#define ORIGINS_SLACK 4096 /* lines of dead processes that are suffered before the file is written anew, beside twice the live ones; and before that is tried again */

typedef struct OriginRecord {
        pid_t pid;
        uint64_t start;
        uint64_t cookie;
        uint16_t origin[WIRE_HIERARCHIES_MAX]; /* places, see wire_place(); WIRE_NONE = never moved there */
} OriginRecord;

typedef struct Origins Origins;
/* dirfd: the runtime directory, proc_fd: /proc; both stay the caller's. Reads what is left of an earlier start; a file of another boot is an empty one (1 is
 * returned then, so that it can be said), what is damaged is left out and counted; one that cannot be read for want of something is an error. */
int origins_open(int dirfd, int proc_fd, const HierarchySet *hierarchies, PlaceTable *places, const char *boot_id, Origins **ret);
Origins *origins_free(Origins *o);
DEFINE_CLEANUP(Origins *, origins_free)

/* The record of this very process (pid and start time); NULL = none. */
OriginRecord *origins_find(const Origins *o, pid_t pid, uint64_t start);
/* Remembers one origin, in memory and, with the next origins_flush(), in the file; one that is known already stays. *ret is the record, NULL
 * when the process turned out to be dead. */
int origins_add(Origins *o, pid_t pid, uint64_t start, uint64_t cookie, unsigned hierarchy, uint32_t place, OriginRecord **ret);
/* Writes to the file what was added since, in one go: to be called before the process leaves the place. */
int origins_flush(Origins *o);
/* The process is back: forget this one (and the record with its last). */
void origins_forget(Origins *o, pid_t pid, uint64_t start, unsigned hierarchy);

size_t origins_count(const Origins *o);
/* Lines that were left out when the file was read, for they do not fit their checksums. */
size_t origins_damaged(const Origins *o);
/* for (size_t i = 0; (r = origins_next(o, &i)); ) — may forget the one it stands on. */
OriginRecord *origins_next(const Origins *o, size_t *iterator);
/* Drops records of dead processes and writes the file anew. */
int origins_compact(Origins *o);
