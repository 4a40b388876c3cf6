/* How many calls one user may make. A bucket of tokens for each user: a call takes one, and one more for every millisecond of our time that it
 * took; who has none left is refused until time has brought some. Root is not limited.
 *
 * Who the sender is comes from the bus, once for each connection. Until that is known, methods of ours wait for it; what sd-bus answers by itself (properties, introspection)
 * cannot wait, and is served out of one bucket for all who are not known yet. */
#pragma once
#include <systemd/sd-bus.h>
#include "common/macro.h"

#define LIMIT_PER_SEC 100u          /* tokens, for each user */
#define LIMIT_BURST 200u
#define LIMIT_STRANGERS_PER_SEC 1000u /* for all together who are not known yet */
#define LIMIT_STRANGERS_BURST 1000u
#define LIMIT_DEBT_SEC 5u           /* the longest time that somebody has to wait */
#define LIMIT_SENDERS_MAX 1024u     /* connections, and users, that are remembered */
#define LIMIT_WAITING_SENDER_MAX 64u /* calls of one connection that wait until it is known who that is */
#define LIMIT_WAITING_MAX 1024u

/* Tokens in thousandths: what a token stands for in microseconds of our time. */
typedef struct Bucket {
        int64_t tokens;
        uint64_t last_ns;
        bool started;
} Bucket;
/* Takes `cost` thousandths. 0, or the milliseconds until there is that much; then nothing was taken. */
unsigned bucket_take(Bucket *b, unsigned per_sec, unsigned burst, uint64_t cost, uint64_t now_ns);
/* Takes what has been used already, be it there or not. */
void bucket_owe(Bucket *b, unsigned per_sec, uint64_t cost);

typedef struct Limit Limit;
int limit_new(sd_bus *bus, Limit **ret);
/* Whoever waits is not called any more. */
Limit *limit_free(Limit *l);
DEFINE_CLEANUP(Limit *, limit_free)

/* A call has come, which costs so many thousandths of a token: 0 go on; -EDQUOT with *ret_msec, when to try again; -EAGAIN it is not known yet who that is, and the bus was
 * asked; -EBUSY nobody more can be asked about. */
int limit_take(Limit *l, sd_bus_message *call, uint64_t cost, unsigned *ret_msec);
/* Is it known who the sender is? */
bool limit_knows(const Limit *l, sd_bus_message *call);
/* The same for who is not known yet and cannot wait: 0 or -EDQUOT. */
int limit_take_stranger(Limit *l, uint64_t cost, unsigned *ret_msec);
/* So long did it take to serve this sender. */
void limit_owe(Limit *l, sd_bus_message *call, uint64_t usec);

/* After -EAGAIN: calls back once, from the loop, when it is known who the sender is (result 0: take now), or that he is gone (-ECONNRESET). -EBUSY: too many wait. */
typedef void (*LimitKnown)(int result, void *userdata);
int limit_wait(Limit *l, sd_bus_message *call, LimitKnown known, void *userdata);
