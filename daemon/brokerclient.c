/* Requests to the broker, in batches. */
#include "daemon/brokerclient.h"

#include "common/channel.h"
#include "common/fd.h"
#include "common/log.h"

/* Requests of this size are kept for the next one, so many of them: moves and returns. Others are rare, and most are larger. */
#define ITEM_MAX (sizeof(WireReturn) > sizeof(WireMove) ? sizeof(WireReturn) : sizeof(WireMove))
#define SPARES_MAX 512

typedef struct Request {
        struct Request *next;
        unsigned op;
        BrokerReply reply;
        void *token;
        uint64_t item[];
} Request;

/* One datagram under way: its requests in order. */
typedef struct Batch {
        struct Batch *next;
        uint32_t seq;
        unsigned op;
        uint16_t count;
        Request *requests;
} Batch;

struct BrokerClient {
        int fd;
        sd_event *event;
        sd_event_source *io, *before_sleep;
        const BrokerOps *ops;
        void *userdata;
        Request *head, **tail;
        Batch *under_way, **under_way_tail;
        unsigned n_under_way;
        size_t pending;
        uint64_t silent_since_usec; /* while something is pending: the last answer, or when the first of it was asked */
        uint32_t seq, hello_seq;
        Request *spare; /* a free list: the hot path allocates nothing */
        size_t n_spare;
        uint64_t buffer[WIRE_SIZE_MAX / 8];
};

static void requests_drop(BrokerClient *b, Request *r) {
        while (r) {
                Request *next = r->next;
                if (r->reply)
                        r->reply(r->op, NULL, r->token, b->userdata);
                free(r);
                r = next;
        }
}

BrokerClient *brokerclient_free(BrokerClient *b) {
        if (!b)
                return NULL;
        for (Batch *x = b->under_way; x;) {
                Batch *next = x->next;
                requests_drop(b, x->requests);
                free(x);
                x = next;
        }
        requests_drop(b, b->head);
        for (Request *r = b->spare; r;) {
                Request *next = r->next;
                free(r);
                r = next;
        }
        sd_event_source_unref(b->io);
        sd_event_source_unref(b->before_sleep);
        fd_close(b->fd);
        free(b);
        return NULL;
}

static void broker_gone(BrokerClient *b, int error) {
        sd_event_source_set_enabled(b->io, SD_EVENT_OFF);
        b->ops->gone(error, b->userdata);
}

/* The loop's own time, which costs no call. */
static uint64_t loop_usec(const BrokerClient *b) {
        uint64_t usec = 0;

        (void) sd_event_now(b->event, CLOCK_MONOTONIC, &usec);
        return usec;
}

static void request_done(BrokerClient *b, Request *r) {
        if (wire_item_size(r->op) > ITEM_MAX || b->n_spare >= SPARES_MAX) {
                free(r);
                return;
        }
        r->next = b->spare;
        b->spare = r;
        b->n_spare++;
}

static int request_new(BrokerClient *b, unsigned op, Request **ret) {
        size_t size = wire_item_size(op);
        Request *r = size > ITEM_MAX ? NULL : b->spare;

        if (r) {
                b->spare = r->next;
                b->n_spare--;
        } else if (!(r = malloc(sizeof(*r) + MAX(size, ITEM_MAX))))
                return -ENOMEM;
        *ret = r;
        return 0;
}

/* Gives every request of an answered datagram its item. */
static int broker_answered(BrokerClient *b, const WireHeader *header, const uint8_t *items) {
        unsigned op = header->op & ~WIRE_REPLY;
        size_t size = wire_item_size(header->op);
        Batch *x = b->under_way;

        /* The broker works in order: what comes back answers the oldest. */
        if (!x || x->seq != header->seq || x->op != op || x->count != header->count)
                return -EPROTO;
        b->under_way = x->next;
        if (!b->under_way)
                b->under_way_tail = &b->under_way;
        b->n_under_way--;
        b->silent_since_usec = loop_usec(b);
        for (Request *r = x->requests; r; items += size) {
                Request *next = r->next;
                b->pending--;
                if (r->reply)
                        r->reply(op, items, r->token, b->userdata);
                request_done(b, r);
                r = next;
        }
        free(x);
        return 0;
}

static int broker_dispatch(BrokerClient *b, const WireHeader *header, const void *items, int fd) {
        size_t size = wire_item_size(header->op);
        const uint8_t *item = items;

        if (header->op == (WIRE_HELLO | WIRE_REPLY)) {
                if (header->seq != b->hello_seq || header->count != 1)
                        return -EPROTO;
                b->ops->hello(items, fd, b->userdata);
                return 0;
        }
        fd_close(fd);
        if (header->op & WIRE_REPLY)
                return broker_answered(b, header, item);
        for (size_t i = 0; i < header->count; i++, item += size) {
                int r = b->ops->announced(header->op, item, b->userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        BrokerClient *b = userdata;

        const WireHeader *header;
        const void *items;
        int passed = -EBADF;
        size_t n_fds = 1;

        /* One a wake-up: the loop asks the connector, which goes first, in between. So an answer is taken only after every event that
         * the kernel queued before the broker wrote, and a child forked in the old place comes before the word that its parent left it. */
        ssize_t n = channel_receive(b->fd, b->buffer, &header, &items, &passed, &n_fds);
        if (n == -EAGAIN)
                return 0;
        int r = n == 0 ? -ECONNRESET : n < 0 ? (int) n : broker_dispatch(b, header, items, n_fds ? passed : -EBADF);
        if (r < 0) {
                broker_gone(b, r);
                return 0;
        }
        return brokerclient_flush(b);
}

static int on_before_sleep(sd_event_source *s, void *userdata) {
        return brokerclient_flush(userdata);
}

int brokerclient_new(sd_event *event, int fd, const BrokerOps *ops, void *userdata, BrokerClient **ret) {
        _cleanup_(brokerclient_freep) BrokerClient *b = calloc(1, sizeof(*b));
        int r;

        if (!b)
                return -ENOMEM;
        b->fd = fd;
        b->event = event;
        b->ops = ops;
        b->userdata = userdata;
        b->tail = &b->head;
        b->under_way_tail = &b->under_way;
        r = sd_event_add_io(event, &b->io, fd, EPOLLIN, on_readable, b);
        if (r >= 0)
                r = sd_event_source_set_priority(b->io, SD_EVENT_PRIORITY_IMPORTANT + 10);
        if (r >= 0)
                r = sd_event_source_set_description(b->io, "broker");
        if (r >= 0)
                r = sd_event_add_defer(event, &b->before_sleep, on_before_sleep, b);
        if (r >= 0)
                r = sd_event_source_set_enabled(b->before_sleep, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(b->before_sleep, SD_EVENT_PRIORITY_IMPORTANT + 10);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(b);
        return 0;
}

int brokerclient_hello(BrokerClient *b, bool needs_exe) {
        WireHello hello = { WIRE_VERSION, needs_exe };

        b->hello_seq = ++b->seq;
        return channel_send(b->fd, WIRE_HELLO, b->hello_seq, &hello, 1, NULL, 0);
}

int brokerclient_submit(BrokerClient *b, unsigned op, const void *item, BrokerReply reply, void *token) {
        Request *r;

        if (b->pending >= BROKER_QUEUE_MAX)
                return -ENOBUFS;
        /* Not a source that runs after every other one: that would make each wake-up two. */
        if (!b->head)
                (void) sd_event_source_set_enabled(b->before_sleep, SD_EVENT_ONESHOT);
        if (request_new(b, op, &r) < 0)
                return -ENOMEM;
        r->next = NULL;
        r->op = op;
        r->reply = reply;
        r->token = token;
        memcpy(r->item, item, wire_item_size(op));
        *b->tail = r;
        b->tail = &r->next;
        if (b->pending++ == 0)
                b->silent_since_usec = loop_usec(b);
        return 0;
}

/* Sends the requests at the head of the queue that share an op, as one datagram. 0 = nothing sent. */
static int send_batch(BrokerClient *b) {
        uint64_t items[WIRE_SIZE_MAX / 8];
        Batch *x = calloc(1, sizeof(*x));
        Request **end = &b->head;
        size_t size, most;
        int r;

        if (!x)
                return -ENOMEM;
        x->op = b->head->op;
        size = wire_item_size(x->op);
        most = (WIRE_SIZE_MAX - sizeof(WireHeader)) / wire_item_size(x->op | WIRE_REPLY); /* the answer must fit too */
        most = MIN(most, (WIRE_SIZE_MAX - sizeof(WireHeader)) / size);
        most = MIN(most, (size_t) WIRE_BATCH_MAX);
        for (; *end && (*end)->op == x->op && x->count < most; end = &(*end)->next)
                memcpy((uint8_t *) items + size * x->count++, (*end)->item, size);
        x->seq = ++b->seq;
        r = channel_send(b->fd, x->op, x->seq, items, x->count, NULL, 0);
        if (r < 0) {
                free(x);
                return r == -EAGAIN ? 0 : r;
        }
        x->requests = b->head;
        b->head = *end;
        *end = NULL;
        if (!b->head)
                b->tail = &b->head;
        *b->under_way_tail = x;
        b->under_way_tail = &x->next;
        b->n_under_way++;
        return 1;
}

int brokerclient_flush(BrokerClient *b) {
        if (!b->head)
                return 0;
        (void) sd_event_source_set_enabled(b->before_sleep, SD_EVENT_OFF);
        while (b->head && b->n_under_way < BROKER_CREDITS) {
                int r = send_batch(b);
                if (r < 0) {
                        broker_gone(b, r);
                        return 0;
                }
                if (r == 0)
                        break; /* the socket is full: an answer will wake us */
        }
        return 0;
}

size_t brokerclient_pending(const BrokerClient *b) {
        return b->pending;
}

uint64_t brokerclient_silent_usec(const BrokerClient *b) {
        return b->pending > 0 ? loop_usec(b) - b->silent_since_usec : 0;
}
