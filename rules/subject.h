/* A process as rules see it: plain facts, each known or unknown. Borrowed memory, valid for one match. */
#pragma once
#include <sys/types.h>
#include "common/macro.h"

typedef enum Fact {
        FACT_CONTEXT, /* raw SELinux context: keys context seuser role type range, %s %r %t %l */
        FACT_UID,     /* effective */
        FACT_GID,     /* effective */
        FACT_GROUPS,  /* supplementary gids */
        FACT_USER,    /* name of the effective uid (only globs and %u need it) */
        FACT_GROUP,   /* name of the effective gid (only globs and %g need it) */
        FACT_MEMBER,  /* gids that NSS gives the user of the effective uid, its primary one included */
        FACT_COMM,
        FACT_EXE,
        FACT_ARG0,
        FACT_CGROUP,  /* origin, on the membership hierarchy */
        FACT_UNIT,    /* systemd unit of the origin */
        FACT_LABEL,   /* raw text of a non-SELinux LSM */
        FACT_PID,
        FACT_RUID,    /* real */
        FACT_LOGINUID, /* audit login uid; unknown while nobody has logged in for the process */
        FACT_SESSION, /* audit session id; unknown likewise */
        FACT_SCRIPT,  /* path of the script whose #! named the program; "" when the program is none's interpreter */
        FACT_PARENT_CLASS, /* class in which it was born; "" for none */
        _FACT_N,
} Fact;
#define FACT_BIT(f) (1u << (f))
#define FACT_SHORTAGE (1u << 31) /* among facts that are missing: one that is known could not be compared, for want of memory */
_Static_assert(_FACT_N <= 31, "one bit is not a fact's");

const char *fact_name(Fact f); /* "context", "uid", ... as --facts JSON keys */

typedef struct Subject {
        uint32_t known; /* FACT_BIT()s; a field whose bit is clear is not looked at */
        pid_t pid;
        uid_t uid, ruid;
        uint32_t loginuid, session;
        gid_t gid;
        const gid_t *groups;
        size_t n_groups;
        const gid_t *members;
        size_t n_members;
        const char *context, *user, *group, *comm, *exe, *arg0, *cgroup, *unit, *label, *script, *parent_class;
} Subject;
