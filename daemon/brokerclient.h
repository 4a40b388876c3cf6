/* The daemon's end of the socketpair with the broker: requests in batches, answers to whoever asked.
 * Requests are queued and sent together when the loop is about to sleep (or at brokerclient_flush()); at most BROKER_CREDITS
 * datagrams are under way, so that a stopped broker never blocks the listener and the queue alone grows, up to BROKER_QUEUE_MAX. */
#pragma once
#include <systemd/sd-event.h>
#include "common/wire.h"

#define BROKER_CREDITS 16
#define BROKER_QUEUE_MAX 65536

typedef struct BrokerClient BrokerClient;

/* reply points to the one answer item of wire_item_size(op | WIRE_REPLY) bytes, or is NULL when the client is freed before it came. */
typedef void (*BrokerReply)(unsigned op, const void *reply, void *token, void *userdata);

typedef struct BrokerOps {
        /* announcements: HIERARCHY, CLASS, CLASS_NOTE, ORIGIN, MEMBER, READY; one call an item */
        int (*announced)(unsigned op, const void *item, void *userdata);
        /* HELLO's answer; exe_fd is ours (or -EBADF) and passes to the callee */
        void (*hello)(const WireHelloReply *reply, int exe_fd, void *userdata);
        /* the broker went away or talks nonsense: -errno; the daemon ends */
        void (*gone)(int error, void *userdata);
} BrokerOps;

int brokerclient_new(sd_event *event, int fd, const BrokerOps *ops, void *userdata, BrokerClient **ret);
BrokerClient *brokerclient_free(BrokerClient *b);
DEFINE_CLEANUP(BrokerClient *, brokerclient_free)

int brokerclient_hello(BrokerClient *b, bool needs_exe);
/* Queues one item of op. -ENOBUFS when the queue is full: the caller counts a loss and scans later. */
int brokerclient_submit(BrokerClient *b, unsigned op, const void *item, BrokerReply reply, void *token);
int brokerclient_flush(BrokerClient *b);
/* Requests that are queued or not answered yet. */
size_t brokerclient_pending(const BrokerClient *b);
/* How long the broker has answered nothing although it was asked, as of this turn of the loop. 0: nothing is asked. */
uint64_t brokerclient_silent_usec(const BrokerClient *b);
