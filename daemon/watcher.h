/* Who is told of which process event. A watcher is one line where its function is:
 *
 *     PCLASS_WATCHER(EXEC, classifier_on_exec);
 *
 * The linker gathers the entries in the section `pclass_watchers`; watchers_init() copies them into one table per event and
 * makes the tables read-only. Order between watchers of an event has no meaning, and one that fails does not stop the others.
 * A library that defines watchers must be linked whole (link_whole), or its entries are dropped silently. */
#pragma once
#include "daemon/procevent.h"

struct Manager;

typedef struct Watcher {
        EventKind kind;
        const char *name;
        void (*function)(struct Manager *m, const ProcEvent *event);
} Watcher;

/* A sanitizer's red zones would tear the table apart; gcc leaves variables in sections of their own alone by itself. */
#ifdef __clang__
#define WATCHER_PLAIN __attribute__((no_sanitize("address")))
#else
#define WATCHER_PLAIN
#endif

#define PCLASS_WATCHER(event, fn)                                                                                 \
        WATCHER_PLAIN __attribute__((used, retain, section("pclass_watchers"), aligned(__alignof__(Watcher))))      \
        static const Watcher watcher_##event##_##fn = { EVENT_##event, #fn, fn }

/* Builds the tables; call once, before any event. -ENOMEM. */
int watchers_init(void);
/* Union of proc_event_bit() of all kinds that somebody watches: what the kernel is asked for. */
uint32_t watchers_mask(void);
size_t watchers_count(EventKind kind);
void watchers_dispatch(struct Manager *m, const ProcEvent *event);
