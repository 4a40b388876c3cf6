/* Datagrams of the kernel's process events connector as plain events. Pure: bytes in, events out. */
#pragma once
#include <sys/types.h>
#include "common/macro.h"

typedef enum EventKind {
        EVENT_FORK, /* a new process (threads are left out) */
        EVENT_EXEC,
        EVENT_UID,  /* real or effective uid was set */
        EVENT_GID,
        EVENT_COMM,
        EVENT_EXIT, /* the thread group leader ended; other threads may live on */
        _EVENT_KIND_N,
} EventKind;

typedef struct ProcEvent {
        EventKind kind;
        pid_t pid;        /* thread group id; of the child for a fork */
        pid_t parent;     /* fork: thread group id of the parent, else 0 */
        pid_t thread;     /* the task that raised it: equals pid for a leader */
        uint64_t time_ns; /* CLOCK_MONOTONIC at which the kernel raised it */
        char comm[16];    /* EVENT_COMM only */
} ProcEvent;

/* enum proc_cn_event of linux/cn_proc.h for a kind. */
uint32_t proc_event_bit(EventKind kind);

/* Decodes one netlink message of a datagram. 1 = *ret is set, 0 = a message we do not care about (an ACK, another kind, a thread),
 * -EBADMSG = not what the kernel sends. *consumed (always set on >= 0) is how far to go to the next message. */
int proc_event_decode(const void *buf, size_t size, size_t *consumed, ProcEvent *ret);
