/* Lists of waiting processes. */
#include "daemon/waiters.h"

int waiters_add(Waiters *w, pid_t pid, uint64_t event_ns) {
        if (w->n >= WAITERS_MAX)
                return -ENOBUFS;
        if (w->n == w->room) {
                size_t room = w->room ? w->room * 2 : 64;
                Waiter *grown = reallocarray(w->items, room, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                w->items = grown;
                w->room = room;
        }
        w->items[w->n++] = (Waiter) { pid, event_ns };
        return 0;
}

Waiters waiters_take(Waiters *w) {
        Waiters taken = *w;

        *w = (Waiters) {};
        return taken;
}

void waiters_drop(Waiters *w, size_t n) {
        if (n > 0)
                memmove(w->items, w->items + n, (w->n - n) * sizeof(*w->items));
        w->n -= n;
        if (w->n == 0)
                waiters_done(w);
}

void waiters_done(Waiters *w) {
        free(w->items);
        *w = (Waiters) {};
}
