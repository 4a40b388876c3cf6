/* Refusals that are known before they happen. */
#include "daemon/refusals.h"

#include "daemon/internal.h"

#define UNDER_WAY_MAX 64
#define KEPT_MAX 65536 /* with more than these an answer that waits has to do without */

static void ask_more(Manager *m);

const char *refusal_text(int code) {
        switch (code) {
        case WIRE_PROTECTED:
                return "its cgroup (Protect=), or it is of pclass";
        case WIRE_PROTECTED_USER:
                return "its user (ProtectUsers=)";
        case WIRE_NOT_ALLOWED:
                return "its user (AllowedUsers= of the class)";
        case WIRE_KERNEL_THREAD:
                return "it is a kernel thread";
        default:
                return NULL;
        }
}

static void on_tried(unsigned op, const void *answer, void *token, void *userdata) {
        const WireMoveReply *reply = answer;
        Manager *m = userdata;
        Refusals *s = &m->refusals;

        if (!reply)
                return; /* the daemon ends */
        Refusal *x = &s->items[s->answered++]; /* the broker answers in order */
        if (refusal_text(reply->code))
                x->code = reply->code;
        ask_more(m);
}

static void ask_more(Manager *m) {
        Refusals *s = &m->refusals;

        while (s->asked < s->n && s->asked - s->answered < UNDER_WAY_MAX &&
               brokerclient_submit(m->broker, WIRE_MOVE, &s->items[s->asked].item, on_tried, NULL) >= 0)
                s->asked++;
        if (s->asked == s->answered) /* nothing could be asked: it is shown as if the broker had no objection */
                s->asked = s->answered = s->n;
}

static uint64_t question(pid_t pid, uint32_t class_index) {
        return (uint64_t) pid << 32 | class_index;
}

static const Refusal *find(const Refusals *s, pid_t pid, uint64_t cookie, uint32_t class_index) {
        size_t number = s->by_question ? (size_t) (uintptr_t) map_get_u64(s->by_question, question(pid, class_index)) : 0;
        const Refusal *x = number > 0 ? &s->items[number - 1] : NULL;

        return x && x->item.cookie == cookie ? x : NULL;
}

void refusals_begin(Manager *m) {
        Refusals *s = &m->refusals;

        if (s->answered < s->n || (m->settle.n > 0 && s->n < KEPT_MAX)) /* who waits may be a plan: its answer is made when all has settled */
                return;
        free(s->items);
        map_free(s->by_question);
        *s = (Refusals) {};
}

int refusals_ask(Manager *m, pid_t pid, uint64_t cookie, uint32_t class_index) {
        Refusals *s = &m->refusals;
        int r = s->by_question ? 0 : map_new_u64(&s->by_question);

        if (find(s, pid, cookie, class_index))
                return 0; /* for another plan, a moment ago */
        if (r >= 0 && s->n == s->room) {
                size_t room = s->room ? s->room * 2 : 64;
                Refusal *grown = reallocarray(s->items, room, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                s->items = grown;
                s->room = room;
        }
        if (r >= 0) {
                map_remove_u64(s->by_question, question(pid, class_index)); /* of an earlier process of that number */
                r = map_put_u64(s->by_question, question(pid, class_index), (void *) (uintptr_t) (s->n + 1));
        }
        if (r < 0)
                return r;
        s->items[s->n++] = (Refusal) { .item = { .pid = (uint32_t) pid, .class_index = class_index, .flags = WIRE_MOVE_TRY, .cookie = cookie }, .code = WIRE_OK };
        ask_more(m);
        return 1;
}

WireCode refusals_get(const Manager *m, pid_t pid, uint64_t cookie, uint32_t class_index) {
        const Refusal *x = find(&m->refusals, pid, cookie, class_index);

        return x ? x->code : WIRE_OK;
}

void refusals_done(Manager *m) {
        free(m->refusals.items);
        map_free(m->refusals.by_question);
        m->refusals = (Refusals) {};
}
