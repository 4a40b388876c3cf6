/* What pclassd and pclass-broker say to each other, as data.
 *
 * One SEQPACKET datagram is a WireHeader and `count` items of the one fixed size that belongs to `op`. Both ends are built
 * together and run on one machine, so integers are in host order; the version in HELLO catches a half-finished upgrade.
 * Whatever does not fit exactly is refused (wire_check). All items are free of padding: every byte is named. */
#pragma once
#include "common/macro.h"

#define WIRE_VERSION 1
#define WIRE_BATCH_MAX 64        /* items in one datagram */
#define WIRE_SIZE_MAX 32768      /* bytes of one datagram */
#define WIRE_HIERARCHIES_MAX 16
#define WIRE_PATH_MAX 1024       /* with the closing NUL */
#define WIRE_TEXT_MAX 256        /* with the closing NUL */
#define WIRE_COMPONENT_MAX 65    /* with the closing NUL */
#define WIRE_NONE UINT32_MAX     /* no index */
#define WIRE_PLACES_MAX UINT16_MAX /* ids of places are below this: there is one for each process and hierarchy, so they are kept in 16 bits */

/* An id of a place, or WIRE_NONE, that was kept so. */
static inline uint32_t wire_place(uint16_t kept) {
        return kept == (uint16_t) WIRE_NONE ? WIRE_NONE : kept;
}

typedef enum WireOp {
        /* pclassd -> broker, each answered by the same op with WIRE_REPLY */
        WIRE_HELLO = 1,     /* once, first */
        WIRE_PING,          /* "I live, and the kernel's heartbeat came" */
        WIRE_MOVE,
        WIRE_RETURN,        /* back to a recorded origin */
        WIRE_INSTANCE,      /* a class made from a template */
        WIRE_DROP_INSTANCE, /* remove an empty instance */
        WIRE_RESTART,       /* configuration changed, or a first exe rule came: answer and end, to be started anew */
        WIRE_CHECK_CONFIG,  /* do pclass.conf and classes.d still say what was loaded? code: 0 same, 1 changed (then RESTART helps),
                               -EINVAL wrong; text: the error */
        WIRE_CHECK_CLASS,   /* is a class still as it was made? What is not, Sweep=repair makes again. text: what was found, "" = nothing;
                               code: 0 as it should be (now), CLASS_GONE, FAILED */
        WIRE_TUNE,          /* properties of a class, within root's Tunable=, all or nothing; the notes of what changed come before the answer */
        WIRE_ADD_CLASS,     /* a class below runtime/, answered as INSTANCE is; its notes follow */
        WIRE_REMOVE_CLASS,  /* a runtime class or an instance. code: STALE somebody is in it (still: ask again after KILL and DRAIN),
                               NOT_ALLOWED it is root's, or does not exist, or (error -EBUSY) has classes below it; text: why */
        WIRE_PLACE = 24,    /* a class at a destination of cgrules.conf, below an entry of AllowedRoots= */
        /* broker -> pclassd, not answered; a CLASS that is known already, and its notes, before an answer: it was made anew.
         * Sent in this order after HELLO's reply, closed by READY */
        WIRE_HIERARCHY = 32,
        WIRE_CLASS,
        WIRE_CLASS_NOTE,    /* a property of a class that could not be set here, and why */
        WIRE_ORIGIN,        /* one recorded place (id, path) */
        WIRE_MEMBER,        /* one process that was moved before a restart, with its origins */
        WIRE_READY,
        WIRE_ROOT = 48,     /* an entry of AllowedRoots=; after the hierarchies */
        WIRE_SIGNAL,        /* at any time after READY: the broker was sent a signal that is meant for pclassd */
        WIRE_REPLY = 0x8000, /* or-ed to op in an answer */
} WireOp;

typedef struct WireHeader {
        uint16_t op;
        uint16_t count;
        uint32_t seq; /* chosen by the asker, returned in the answer; 0 in what is not answered */
} WireHeader;

/* Item codes: 0, or one of these (negative so that they share a field with nothing else). */
typedef enum WireCode {
        WIRE_OK = 0,
        WIRE_GONE = -1,          /* no such process */
        WIRE_STALE = -2,         /* the process is not where the request says (RETURN) */
        WIRE_PROTECTED = -3,     /* pid <= 2, a daemon of ours, a protected cgroup */
        WIRE_NOT_ALLOWED = -4,   /* class does not take this user; unknown origin; not a template */
        WIRE_CLASS_GONE = -5,    /* the class's cgroup was removed */
        WIRE_RT_CONFLICT = -6,   /* v1 cpu with RT_GROUP_SCHED */
        WIRE_EMPTY_CPUSET = -7,
        WIRE_KERNEL_THREAD = -8,
        WIRE_LIMIT = -9,         /* a cap was reached */
        WIRE_FAILED = -10,       /* another error, see error */
        WIRE_PARENT = -11,       /* RETURN: the origin is gone, the process went to its nearest living parent */
        WIRE_PROTECTED_USER = -12, /* ProtectUsers= */
} WireCode;
const char *wire_code_name(int code); /* "gone", "protected", ...; never NULL */

typedef struct WireHello {
        uint32_t version;
        uint32_t needs_exe; /* 1: start the exe reader */
} WireHello;

typedef struct WireHelloReply {
        uint32_t version;
        uint32_t n_hierarchies;
        uint32_t n_classes;
        uint32_t has_exe;      /* the reader's socket comes with this datagram (SCM_RIGHTS) */
        uint64_t capabilities; /* effective set of the broker, bit n = capability n */
        uint64_t boot_time_ns; /* CLOCK_MONOTONIC when the broker started */
} WireHelloReply;

typedef struct WirePing {
        uint32_t heartbeat_ok; /* 1: feed the watchdog */
        uint32_t reserved;
        char status[WIRE_TEXT_MAX]; /* for STATUS= */
} WirePing;

typedef struct WireMove {
        uint32_t pid;        /* thread group id, init pid namespace */
        uint32_t class_index; /* of WIRE_MOVE_TRY: also a template's, or WIRE_NONE: one outside the class roots that is not made yet */
        uint32_t hierarchies; /* bit n = hierarchy n; must be a subset of the class's */
        uint32_t flags;       /* WIRE_MOVE_* */
        uint64_t cookie;      /* what pclassd knows the process by (pidfs inode, or start time): stored beside the origin; values of members are for no other */
} WireMove;
#define WIRE_MOVE_LEAVE_UNIT 1u /* the rule says leave-unit; only for the record, pclassd decides */
#define WIRE_MOVE_VALUES 2u     /* it is in the class already and stays where it is; only what the class says about each member is set. STALE: it is not */
#define WIRE_MOVE_TRY 4u        /* nothing is moved; the answer is whether the process may be touched at all. Alone */

typedef struct WireMoveReply {
        int32_t code;         /* of the worst hierarchy */
        int32_t error;        /* -errno behind it, or 0 */
        uint32_t moved;       /* hierarchies written */
        uint32_t failed;      /* hierarchies that failed */
        uint32_t values;      /* 1: something that the class says about each member was set, and was not so before */
        uint32_t previous[WIRE_HIERARCHIES_MAX]; /* place id where the process was before the write, WIRE_NONE where not moved */
        uint32_t origin[WIRE_HIERARCHIES_MAX];   /* place id of its origin as the broker knows it, WIRE_NONE if unknown */
} WireMoveReply;

typedef struct WireReturn {
        uint32_t pid;
        uint32_t class_index;  /* where it is now; WIRE_STALE when it is not there */
        uint32_t hierarchy;    /* one */
        uint32_t place;        /* recorded by the broker as a previous place of a process it moved into that class */
        uint64_t cookie;
} WireReturn;

typedef struct WireInstance {
        uint32_t template_index;
        uint32_t reserved;
        char text[WIRE_COMPONENT_MAX]; /* the expanded last component */
        uint8_t zero[7];
} WireInstance;

typedef struct WirePlace { /* answered by a WireClass */
        uint32_t root;                /* index of the AllowedRoots= entry */
        uint32_t hierarchies;         /* bit n; a subset of the root's. A class that is there gets those it lacks */
        uint32_t own;                 /* so many of the path's last directories are named for one process's facts: those that are made go when empty */
        uint32_t reserved;
        char path[WIRE_TEXT_MAX];     /* below the root, without a slash in front; "" is the root itself */
} WirePlace;

typedef struct WireRoot {
        uint32_t index;
        uint32_t hierarchies;
        char path[WIRE_PATH_MAX];
} WireRoot;

typedef struct WireSignal {
        uint32_t number; /* SIGHUP, SIGUSR1, SIGUSR2 */
        uint32_t reserved;
} WireSignal;

typedef struct WireDropInstance {
        uint32_t class_index;
        uint32_t reserved;
} WireDropInstance;

typedef struct WireCheckClass {
        uint32_t class_index;
        uint32_t reserved;
} WireCheckClass;

#define WIRE_SETTINGS_MAX 20 /* a property each */
typedef struct WireSetting {
        uint32_t property; /* ClassProperty */
        uint32_t reserved;
        char value[WIRE_TEXT_MAX]; /* as in a class file; "" = back to what the file says; lines for several devices */
} WireSetting;

typedef struct WireTune {
        uint32_t class_index;
        uint32_t count; /* of the settings that are meant */
        WireSetting settings[WIRE_SETTINGS_MAX];
} WireTune;

typedef struct WireAddClass {
        char name[WIRE_TEXT_MAX];
        uint32_t hierarchies; /* bit n, beside the membership hierarchy */
        uint32_t reserved;
} WireAddClass;

typedef struct WireRemoveClass {
        uint32_t class_index;
        uint32_t how; /* WireRemoval */
} WireRemoveClass;
typedef enum WireRemoval {
        WIRE_REMOVE_EMPTY, /* only if nobody is in it */
        WIRE_REMOVE_DRAIN, /* its members go to the class above, where there is none to their origin */
        WIRE_REMOVE_KILL,
} WireRemoval;

typedef struct WireResult { /* answers PING, RETURN, DROP_INSTANCE, TUNE, RESTART, CHECK_CONFIG, CHECK_CLASS, REMOVE_CLASS */
        int32_t code;
        int32_t error;
        char text[WIRE_TEXT_MAX]; /* for CHECK_CONFIG: the parse error; CHECK_CLASS: what was found; for WIRE_PARENT: the path */
} WireResult;

typedef struct WireHierarchy {
        uint32_t index;
        uint32_t version;      /* 1 or 2 */
        uint32_t flags;        /* WIRE_HIERARCHY_* */
        uint32_t reserved;
        char controllers[WIRE_TEXT_MAX]; /* as in /proc/PID/cgroup: "cpu,cpuacct", "name=systemd"; v2: enabled controllers, maybe "" */
        char mount[WIRE_PATH_MAX];       /* where it is mounted */
        char root[WIRE_PATH_MAX];        /* class root as /proc/PID/cgroup shows it: "/pclass" */
} WireHierarchy;
#define WIRE_HIERARCHY_MEMBERSHIP 1u /* where membership is read and every class exists */
#define WIRE_HIERARCHY_UNITS 2u      /* systemd tracks units by it (cgroup2 and name=systemd) */

typedef struct WireClass { /* also the answer to INSTANCE, then code first tells */
        int32_t code;
        int32_t error;
        uint32_t index;
        uint32_t template_index;  /* WIRE_NONE unless an instance */
        uint32_t hierarchies;     /* bit n */
        uint32_t flags;           /* WIRE_CLASS_* */
        uint64_t inode[WIRE_HIERARCHIES_MAX]; /* of the cgroup that holds its members (v2: = PIDFD_GET_INFO cgroupid) */
        char name[WIRE_TEXT_MAX];
        char description[WIRE_TEXT_MAX];
        char leaf[WIRE_COMPONENT_MAX]; /* members' own leaf below the class directory, "" if none (no-internal-process rule) */
        uint8_t zero[7];
} WireClass;
#define WIRE_CLASS_TEMPLATE 1u   /* no cgroup of its own */
#define WIRE_CLASS_LEAVE_UNIT 2u
#define WIRE_CLASS_PLACE 16u     /* outside the class roots: `name` is its path */
#define WIRE_CLASS_LEAF_V2 4u    /* `leaf` applies to v2 hierarchies */
#define WIRE_CLASS_RUNTIME 8u    /* made by ADD_CLASS */
#define WIRE_CLASS_MEMBERS 32u   /* it says something about each member, or may be told to */

typedef struct WireClassNote {
        uint32_t class_index;
        uint32_t supported;           /* 1: set, text is the value read back; 0: text says why not; "": it is not set any more */
        char property[WIRE_COMPONENT_MAX]; /* "MemoryHigh" */
        uint8_t zero[7];
        char text[WIRE_TEXT_MAX];
} WireClassNote;

typedef struct WireOrigin {
        uint32_t place;
        uint32_t hierarchy;
        char path[WIRE_PATH_MAX];
} WireOrigin;

typedef struct WireMember {
        uint32_t pid;
        uint32_t reserved;
        uint64_t cookie;
        uint32_t origin[WIRE_HIERARCHIES_MAX];
} WireMember;

typedef struct WireReady {
        uint32_t reserved[2];
} WireReady;

/* The exe reader (same header): request items with one /proc/PID directory fd each (SCM_RIGHTS, at most WIRE_EXE_BATCH). */
#define WIRE_EXE 64
#define WIRE_EXE_BATCH 16
#define WIRE_EXE_PATH_MAX 1024
typedef struct WireExe {
        uint32_t pid; /* only echoed */
        uint32_t reserved;
} WireExe;
typedef struct WireExeReply {
        uint32_t pid;
        int32_t error;   /* 0, or -errno: -ENOENT kernel thread or gone, -EREMOTE the path is another mount namespace's and not the host's file */
        char path[WIRE_EXE_PATH_MAX];
} WireExeReply;

/* The member helper (same header): what a class says about each of its members. */
#define WIRE_SET_MEMBER 65
typedef struct WireSetMember {
        uint32_t pid;
        uint32_t what;       /* WIRE_MEMBER_* */
        uint64_t start;      /* its start time: whoever has the number now is left alone otherwise */
        int32_t nice, oom;
        uint64_t soft, hard; /* RLIMIT_NOFILE */
} WireSetMember;
#define WIRE_MEMBER_NICE 1u
#define WIRE_MEMBER_OOM 2u
#define WIRE_MEMBER_FILES 4u
typedef struct WireSetMemberReply { /* errors: 0 or -errno; old values where there was none */
        int32_t nice_error, oom_error, files_error;
        int32_t old_nice, old_oom;
        uint32_t reserved;
        uint64_t old_soft, old_hard;
} WireSetMemberReply;

/* Size of one item of `op` (with or without WIRE_REPLY), 0 for an unknown op. */
size_t wire_item_size(unsigned op);

/* Checks a received datagram: a header, a known op, 1..WIRE_BATCH_MAX items, exact size. -EPROTO. On success *ret_items points
 * into the buffer (aligned as the buffer is: use an 8-byte aligned one). */
int wire_check(const void *buf, size_t size, const WireHeader **ret_header, const void **ret_items);

/* True when `text` of `size` bytes holds a NUL. Every text of an item is checked so before it is used. */
bool wire_text_ok(const char *text, size_t size);
