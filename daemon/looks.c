/* Looks at processes without an entry. */
#include "daemon/looks.h"

#include "common/macro.h"

int looks_init(Looks *l) {
        int r;

        *l = (Looks) {};
        r = map_new_u64(&l->fresh);
        if (r >= 0)
                r = map_new_u64(&l->old);
        if (r < 0)
                looks_done(l);
        return r;
}

void looks_done(Looks *l) {
        map_free(l->fresh);
        map_free(l->old);
        *l = (Looks) {};
}

int looks_note(Looks *l, pid_t pid, uint64_t ns) {
        int r;

        map_remove_u64(l->fresh, pid);
        r = map_put_u64(l->fresh, pid, (void *) (uintptr_t) ns);
        if (r < 0)
                return r;
        l->fresh_last = MAX(l->fresh_last, ns);
        return 0;
}

uint64_t looks_last(const Looks *l, pid_t pid) {
        uintptr_t look = (uintptr_t) map_get_u64(l->fresh, pid);

        return look ?: (uintptr_t) map_get_u64(l->old, pid);
}

void looks_caught_up(Looks *l, uint64_t ns) {
        Map *cleared = l->old;

        if (ns <= l->old_last || (map_size(l->fresh) == 0 && map_size(l->old) == 0))
                return;
        map_clear(cleared);
        l->old = l->fresh;
        l->old_last = l->fresh_last;
        l->fresh = cleared;
        l->fresh_last = 0;
}
