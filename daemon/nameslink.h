/* The talk with pclass-names: questions stand in line, a bounded number is under way, each answer goes to the question it belongs to.
 * Used by names.c only. */
#pragma once
#include <systemd/sd-event.h>
#include "common/macro.h"
#include "daemon/names-protocol.h"

#define NAMES_UNDER_WAY_MAX 64 /* questions sent and not answered */

/* Part of what the asker keeps; it must stay where it is while `waiting`. The first three fields are the question. */
typedef struct NamesQuestion NamesQuestion;
struct NamesQuestion {
        NamesKind kind;
        uint32_t id;
        const char *name;    /* shorter than NAMES_TEXT_MAX; "" where the kind asks by id */
        bool waiting;        /* in line or under way */
        bool sent;
        uint32_t seq;
        NamesQuestion *next;
};

typedef struct NamesLink NamesLink;
typedef struct NamesLinkOps {
        /* q is not waiting any more. The reply has been checked: its text ends, n_gids fits. */
        void (*answered)(NamesQuestion *q, const NamesReply *reply, void *userdata);
        void (*batch_end)(void *userdata); /* after all answers of one wake-up; may free the link */
        void (*gone)(void *userdata);      /* the other end is closed or talks nonsense; once; may free the link */
} NamesLinkOps;

/* Takes fd, also on failure. */
int names_link_new(sd_event *event, int fd, const NamesLinkOps *ops, void *userdata, NamesLink **ret);
NamesLink *names_link_free(NamesLink *l);
DEFINE_CLEANUP(NamesLink *, names_link_free)

/* A question that is waiting already is left alone. */
void names_link_ask(NamesLink *l, NamesQuestion *q);
size_t names_link_pending(const NamesLink *l);
