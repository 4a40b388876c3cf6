/* Buckets by user, users by connection. The unique name of a connection is given once in the life of a bus, so what is known of it stays true. */
#include "dbus/limit.h"

#include <sys/types.h>
#include <time.h>

#include "common/map.h"
#include "common/str.h"

#define TOKEN 1000 /* thousandths */

typedef struct Waiter Waiter;
struct Waiter {
        LimitKnown known;
        void *userdata;
        Waiter *next;
};

typedef struct Sender {
        Limit *limit;
        bool known;
        uid_t uid;
        sd_bus_slot *asked;
        Waiter *first, **end;
        unsigned n_waiting;
        char name[];
} Sender;

struct Limit {
        sd_bus *bus;
        Map *senders; /* by unique name */
        Map *users;   /* uid -> Bucket */
        Bucket strangers;
        unsigned n_waiting;
};

/* ---- buckets ----------------------------------------------------------------------------------------------------------- */

static void bucket_fill(Bucket *b, unsigned per_sec, unsigned burst, uint64_t now_ns) {
        const int64_t full = (int64_t) burst * TOKEN;

        if (!b->started) {
                b->started = true;
                b->tokens = full;
        } else {
                uint64_t since = MIN(now_ns - b->last_ns, UINT64_C(1000000000) * 3600);
                int64_t more = (int64_t) (since * per_sec / (1000000000 / TOKEN));
                if (more == 0)
                        return; /* what is too little to count is counted with the next one */
                b->tokens = MIN(full, b->tokens + more);
        }
        b->last_ns = now_ns;
}

unsigned bucket_take(Bucket *b, unsigned per_sec, unsigned burst, uint64_t cost, uint64_t now_ns) {
        int64_t wanted = (int64_t) MIN(cost, (uint64_t) burst * TOKEN); /* more than there can be is not to be had for ever */

        bucket_fill(b, per_sec, burst, now_ns);
        if (b->tokens < wanted)
                return (unsigned) ((wanted - b->tokens) / per_sec + 1); /* thousandths by tokens a second are milliseconds */
        b->tokens -= wanted;
        return 0;
}

void bucket_owe(Bucket *b, unsigned per_sec, uint64_t cost) {
        const int64_t least = -(int64_t) (LIMIT_DEBT_SEC * per_sec) * TOKEN, left = b->tokens - (int64_t) MIN(cost, UINT64_C(1000000000));

        b->tokens = MAX(least, left);
}

static uint64_t now_ns(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}

/* ---- who it is --------------------------------------------------------------------------------------------------------- */

static Sender *sender_free(Sender *s) {
        for (Waiter *w = s->first, *next; w; w = next) {
                next = w->next;
                free(w);
        }
        s->limit->n_waiting -= s->n_waiting;
        sd_bus_slot_unref(s->asked);
        free(s);
        return NULL;
}

/* Those that are known; they are asked about again when they come again. */
static void forget_senders(Limit *l) {
        Sender *s;

        for (size_t i = 0; (s = map_next_string(l->senders, &i, NULL));)
                if (s->known) {
                        map_remove_string(l->senders, s->name);
                        sender_free(s);
                }
}

/* Calls back everybody who waits for this sender, who may be gone afterwards. */
static void tell(Sender *s, int result) {
        Waiter *w = s->first;

        s->limit->n_waiting -= s->n_waiting;
        s->n_waiting = 0;
        s->first = NULL;
        s->end = &s->first;
        while (w) {
                Waiter *next = w->next;
                w->known(result, w->userdata);
                free(w);
                w = next;
        }
}

static int on_user(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        Sender *s = userdata;
        uint32_t uid;

        if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "u", &uid) < 0) {
                map_remove_string(s->limit->senders, s->name);
                tell(s, -ECONNRESET);
                sender_free(s);
                return 0;
        }
        s->asked = sd_bus_slot_unref(s->asked);
        s->uid = uid;
        s->known = true;
        tell(s, 0);
        return 0;
}

static int sender_new(Limit *l, const char *name, Sender **ret) {
        if (map_size(l->senders) >= LIMIT_SENDERS_MAX)
                forget_senders(l);
        if (map_size(l->senders) >= LIMIT_SENDERS_MAX)
                return -EBUSY;
        Sender *s = calloc(1, sizeof(*s) + strlen(name) + 1);
        if (!s)
                return -ENOMEM;
        s->limit = l;
        s->end = &s->first;
        strcpy(s->name, name);
        int r = map_put_string(l->senders, name, s);
        if (r < 0) {
                sender_free(s);
                return r;
        }
        r = sd_bus_call_method_async(l->bus, &s->asked, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixUser",
                                     on_user, s, "s", name);
        if (r < 0) {
                map_remove_string(l->senders, name);
                sender_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

static Sender *sender_of(const Limit *l, sd_bus_message *call) {
        const char *name = sd_bus_message_get_sender(call);

        return name ? map_get_string(l->senders, name) : NULL;
}

bool limit_knows(const Limit *l, sd_bus_message *call) {
        const Sender *s = sender_of(l, call);

        return s && s->known;
}

/* ---- taking ------------------------------------------------------------------------------------------------------------ */

static void forget_users(Limit *l) {
        uint64_t uid;
        Bucket *b;

        for (size_t i = 0; (b = map_next_u64(l->users, &i, &uid));) {
                map_remove_u64(l->users, uid);
                free(b);
        }
}

/* NULL: out of memory. */
static Bucket *user_bucket(Limit *l, uid_t uid) {
        Bucket *b = map_get_u64(l->users, uid);

        if (b)
                return b;
        if (map_size(l->users) >= LIMIT_SENDERS_MAX) /* that many users are no flood of one; they begin anew */
                forget_users(l);
        b = calloc(1, sizeof(*b));
        if (b && map_put_u64(l->users, uid, b) < 0) {
                free(b);
                b = NULL;
        }
        return b;
}

int limit_take(Limit *l, sd_bus_message *call, uint64_t cost, unsigned *ret_msec) {
        Sender *s = sender_of(l, call);

        if (!s) {
                int r = sender_new(l, sd_bus_message_get_sender(call), &s);
                return r < 0 ? r : -EAGAIN;
        }
        if (!s->known)
                return -EAGAIN;
        Bucket *b = s->uid == 0 ? NULL : user_bucket(l, s->uid);
        if (!b)
                return s->uid == 0 ? 0 : -ENOMEM;
        *ret_msec = bucket_take(b, LIMIT_PER_SEC, LIMIT_BURST, cost, now_ns());
        return *ret_msec ? -EDQUOT : 0;
}

int limit_take_stranger(Limit *l, uint64_t cost, unsigned *ret_msec) {
        *ret_msec = bucket_take(&l->strangers, LIMIT_STRANGERS_PER_SEC, LIMIT_STRANGERS_BURST, cost, now_ns());
        return *ret_msec ? -EDQUOT : 0;
}

void limit_owe(Limit *l, sd_bus_message *call, uint64_t usec) {
        const Sender *s = sender_of(l, call);
        Bucket *b = s && s->known ? map_get_u64(l->users, s->uid) : NULL;

        if (b && usec > TOKEN) /* the first millisecond is paid */
                bucket_owe(b, LIMIT_PER_SEC, usec - TOKEN);
}

int limit_wait(Limit *l, sd_bus_message *call, LimitKnown known, void *userdata) {
        Sender *s = sender_of(l, call);

        if (!s || s->known)
                return -EINVAL;
        if (s->n_waiting >= LIMIT_WAITING_SENDER_MAX || l->n_waiting >= LIMIT_WAITING_MAX)
                return -EBUSY;
        Waiter *w = malloc(sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (Waiter) { .known = known, .userdata = userdata };
        *s->end = w;
        s->end = &w->next;
        s->n_waiting++;
        l->n_waiting++;
        return 0;
}

/* ---- life -------------------------------------------------------------------------------------------------------------- */

int limit_new(sd_bus *bus, Limit **ret) {
        _cleanup_(limit_freep) Limit *l = calloc(1, sizeof(*l));
        int r = l ? map_new_string(&l->senders) : -ENOMEM;

        if (r >= 0)
                r = map_new_u64(&l->users);
        if (r < 0)
                return r;
        l->bus = sd_bus_ref(bus);
        *ret = TAKE_PTR(l);
        return 0;
}

Limit *limit_free(Limit *l) {
        Sender *s;

        if (!l)
                return NULL;
        for (size_t i = 0; l->senders && (s = map_next_string(l->senders, &i, NULL));)
                sender_free(s);
        if (l->users)
                forget_users(l);
        map_free(l->senders);
        map_free(l->users);
        sd_bus_unref(l->bus);
        free(l);
        return NULL;
}
