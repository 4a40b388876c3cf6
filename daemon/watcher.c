/* The tables of watchers. */
#include "daemon/watcher.h"

#include <sys/mman.h>
#include <unistd.h>

extern const Watcher __start_pclass_watchers[] __attribute__((weak, visibility("hidden")));
extern const Watcher __stop_pclass_watchers[] __attribute__((weak, visibility("hidden")));

/* One page-aligned block, read-only once it is filled: a wild write cannot redirect an event. */
typedef struct Tables {
        const Watcher *first[_EVENT_KIND_N];
        size_t n[_EVENT_KIND_N];
        Watcher entries[];
} Tables;

static const Tables *tables;

int watchers_init(void) {
        size_t n = ((uintptr_t) __stop_pclass_watchers - (uintptr_t) __start_pclass_watchers) / sizeof(Watcher);
        size_t page = sysconf(_SC_PAGESIZE);
        size_t size = (sizeof(Tables) + n * sizeof(Watcher) + page - 1) / page * page;
        Tables *t = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        Watcher *next;

        if (t == MAP_FAILED)
                return -ENOMEM;
        next = t->entries;
        for (EventKind kind = 0; kind < _EVENT_KIND_N; kind++) {
                t->first[kind] = next;
                for (size_t i = 0; i < n; i++)
                        if (__start_pclass_watchers[i].kind == kind)
                                *next++ = __start_pclass_watchers[i];
                t->n[kind] = next - t->first[kind];
        }
        if (mprotect(t, size, PROT_READ) < 0) {
                munmap(t, size);
                return -errno;
        }
        tables = t;
        return 0;
}

uint32_t watchers_mask(void) {
        uint32_t mask = 0;

        for (EventKind kind = 0; kind < _EVENT_KIND_N; kind++)
                if (tables->n[kind] > 0)
                        mask |= proc_event_bit(kind);
        return mask;
}

size_t watchers_count(EventKind kind) {
        return tables->n[kind];
}

void watchers_dispatch(struct Manager *m, const ProcEvent *event) {
        const Watcher *w = tables->first[event->kind];

        for (size_t i = 0; i < tables->n[event->kind]; i++)
                w[i].function(m, event);
}
