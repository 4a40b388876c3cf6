/* Whom the broker would not move: asked for a plan, before anything is moved. What is protected only root's configuration and the broker know. */
#pragma once
#include "common/map.h"
#include "common/wire.h"
#include "daemon/manager.h"

typedef struct Refusal {
        WireMove item;
        WireCode code; /* WIRE_OK until it is answered */
} Refusal;

/* Of the latest plans: forgotten when the next one begins to ask and nobody waits. */
typedef struct Refusals {
        Refusal *items;
        size_t n, room;
        size_t asked, answered; /* of items */
        Map *by_question;       /* number of the item + 1 */
} Refusals;

/* What stands behind an answer of the broker that it may not move a process; NULL: it is another answer. */
const char *refusal_text(int code);

void refusals_done(Manager *m);

/* A new plan: what is known of others goes, unless the answer to one may still have to be made of it. */
void refusals_begin(Manager *m);
/* class_index: as in WireMove. Asked a few at a time, so that moves do not wait behind them; the change has settled when all are answered. 1; 0: that was
 * asked before. -ENOMEM. */
int refusals_ask(Manager *m, pid_t pid, uint64_t cookie, uint32_t class_index);
/* WIRE_OK: none is known. */
WireCode refusals_get(const Manager *m, pid_t pid, uint64_t cookie, uint32_t class_index);
