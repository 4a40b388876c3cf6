/* The opcode table and the simple handlers. */
#include "broker/broker.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "broker/classcare.h"
#include "broker/members.h"
#include "broker/classplace.h"
#include "broker/move.h"
#include "broker/process.h"
#include "broker/runtimeclass.h"
#include "broker/tune.h"
#include "common/channel.h"
#include "common/fd.h"
#include "common/log.h"

#define SEND_WAIT_MS 10000

void broker_add_own(Broker *b, pid_t pid) {
        if (pid > 0 && b->n_own < BROKER_PIDS_MAX)
                b->own[b->n_own++] = pid;
}

int broker_send(Broker *b, unsigned op, uint32_t seq, const void *items, size_t count, const int *fds, size_t n_fds) {
        for (;;) {
                int r = channel_send(b->channel, op, seq, items, count, fds, n_fds);
                if (r != -EAGAIN)
                        return r;
                struct pollfd p = { .fd = b->channel, .events = POLLOUT };
                int n = poll(&p, 1, SEND_WAIT_MS);
                if (n == 0)
                        return log_error_errno(ETIMEDOUT, "pclassd has not read its channel for %d s", SEND_WAIT_MS / 1000);
                if (n < 0 && errno != EINTR)
                        return -errno;
        }
}

/* ---- what is sent unasked ---------------------------------------------------------------------------------------------- */

/* Gathers items of one kind and sends full datagrams. */
typedef struct Batch {
        Broker *broker;
        unsigned op;
        size_t size, count, most;
        char items[WIRE_SIZE_MAX];
} Batch;

static void batch_begin(Batch *t, Broker *b, unsigned op) {
        t->broker = b;
        t->op = op;
        t->size = wire_item_size(op);
        t->count = 0;
        t->most = MIN((WIRE_SIZE_MAX - sizeof(WireHeader)) / t->size, (size_t) WIRE_BATCH_MAX);
}

static int batch_flush(Batch *t) {
        size_t n = t->count;

        t->count = 0;
        return n ? broker_send(t->broker, t->op, 0, t->items, n, NULL, 0) : 0;
}

static int batch_add(Batch *t, const void *item) {
        memcpy(t->items + t->count++ * t->size, item, t->size);
        return t->count == t->most ? batch_flush(t) : 0;
}

static int send_hierarchies(Broker *b, Batch *t) {
        int r = 0;

        batch_begin(t, b, WIRE_HIERARCHY);
        for (size_t i = 0; r >= 0 && i < b->hierarchies->n; i++) {
                const Hierarchy *h = &b->hierarchies->items[i];
                WireHierarchy item = { .index = i, .version = h->version, .flags = h->flags };
                snprintf(item.controllers, sizeof(item.controllers), "%s", h->version == 2 ? h->available : h->controllers);
                snprintf(item.mount, sizeof(item.mount), "%s", h->mount);
                snprintf(item.root, sizeof(item.root), "%s", h->root);
                r = batch_add(t, &item);
        }
        return r < 0 ? r : batch_flush(t);
}

static int send_roots(Broker *b, Batch *t) {
        const AllowedRoots *roots = b->classes->roots;
        int r = 0;

        batch_begin(t, b, WIRE_ROOT);
        for (size_t i = 0; r >= 0 && roots && i < roots->n; i++) {
                WireRoot item = { .index = i, .hierarchies = roots->items[i].hierarchies };
                snprintf(item.path, sizeof(item.path), "%s", roots->items[i].path);
                r = batch_add(t, &item);
        }
        return r < 0 ? r : batch_flush(t);
}

static void describe_class(const Class *c, WireClass *ret) {
        *ret = (WireClass) { .index = c->index, .template_index = c->template_index, .hierarchies = c->hierarchies };
        if (c->def->is_template && c->template_index == WIRE_NONE)
                ret->flags |= WIRE_CLASS_TEMPLATE;
        if (c->root)
                ret->flags |= WIRE_CLASS_PLACE;
        if (c->def->leave_unit)
                ret->flags |= WIRE_CLASS_LEAVE_UNIT;
        if (c->own)
                ret->flags |= WIRE_CLASS_RUNTIME;
        if (members_needed_by(c))
                ret->flags |= WIRE_CLASS_MEMBERS;
        if (c->has_leaf) {
                ret->flags |= WIRE_CLASS_LEAF_V2;
                strcpy(ret->leaf, CLASS_LEAF);
        }
        memcpy(ret->inode, c->inode, sizeof(ret->inode));
        snprintf(ret->name, sizeof(ret->name), "%s", c->name);
        snprintf(ret->description, sizeof(ret->description), "%s", c->def->description);
}

static int send_classes(Broker *b, Batch *t) {
        int r = 0;

        batch_begin(t, b, WIRE_CLASS);
        for (size_t i = 0; r >= 0 && i < b->classes->n; i++) {
                WireClass item;
                describe_class(b->classes->items[i], &item);
                if (b->classes->items[i]->live)
                        r = batch_add(t, &item);
        }
        return r < 0 ? r : batch_flush(t);
}

static int add_notes(const Broker *b, Batch *t, const Class *c) {
        int r = 0;

        for (ClassProperty p = 0; r >= 0 && p < _CLASS_PROPERTY_N; p++) {
                WireClassNote item = { .class_index = c->index, .supported = c->notes[p].supported };
                if (!c->notes[p].set)
                        continue;
                snprintf(item.property, sizeof(item.property), "%s", class_property_name(p));
                memcpy(item.text, c->notes[p].text, sizeof(item.text));
                r = batch_add(t, &item);
        }
        WireClassNote item = { .class_index = c->index, .property = "Hierarchies" };
        if (r >= 0 && c->template_index == WIRE_NONE && class_absent_hierarchies(b->classes, c->def, item.text, sizeof(item.text)))
                r = batch_add(t, &item);
        return r;
}

static int send_notes(Broker *b, Batch *t) {
        int r = 0;

        batch_begin(t, b, WIRE_CLASS_NOTE);
        for (size_t i = 0; r >= 0 && i < b->classes->n; i++)
                if (b->classes->items[i]->live)
                        r = add_notes(b, t, b->classes->items[i]);
        return r < 0 ? r : batch_flush(t);
}

int broker_send_places(Broker *b) {
        _cleanup_free_ Batch *t = NULL;
        int r = 0;

        if (b->places_sent == place_count(b->places))
                return 0;
        t = malloc(sizeof(*t));
        if (!t)
                return -ENOMEM;
        batch_begin(t, b, WIRE_ORIGIN);
        for (; r >= 0 && b->places_sent < place_count(b->places); b->places_sent++) {
                WireOrigin item = { .place = b->places_sent };
                unsigned h;
                snprintf(item.path, sizeof(item.path), "%s", place_path(b->places, b->places_sent, &h));
                item.hierarchy = h;
                r = batch_add(t, &item);
        }
        return r < 0 ? r : batch_flush(t);
}

/* Classes that were made anew stand in other directories now. */
static int send_changed_classes(Broker *b) {
        _cleanup_free_ Batch *t = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && b->classes->n_announce > 0 && i < b->classes->n; i++) {
                Class *c = b->classes->items[i];
                WireClass item;
                if (!c->announce)
                        continue;
                c->announce = false;
                b->classes->n_announce--;
                if (!c->live)
                        continue;
                if (!t && !(t = malloc(sizeof(*t))))
                        return -ENOMEM;
                describe_class(c, &item);
                r = broker_send(b, WIRE_CLASS, 0, &item, 1, NULL, 0);
                batch_begin(t, b, WIRE_CLASS_NOTE);
                if (r >= 0)
                        r = add_notes(b, t, c);
                if (r >= 0)
                        r = batch_flush(t);
        }
        return r;
}

static int send_members(Broker *b, Batch *t) {
        const OriginRecord *record;
        int r = 0;

        batch_begin(t, b, WIRE_MEMBER);
        for (size_t i = 0; r >= 0 && (record = origins_next(b->origins, &i));) {
                WireMember item = { .pid = record->pid, .cookie = record->cookie };
                for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                        item.origin[h] = wire_place(record->origin[h]);
                r = batch_add(t, &item);
        }
        return r < 0 ? r : batch_flush(t);
}

static int send_everything(Broker *b) {
        _cleanup_free_ Batch *t = malloc(sizeof(*t));
        const WireReady ready = {};

        if (!t)
                return -ENOMEM;
        int r = send_hierarchies(b, t);
        if (r >= 0)
                r = send_roots(b, t);
        if (r >= 0)
                r = send_classes(b, t);
        if (r >= 0)
                r = send_notes(b, t);
        if (r >= 0)
                r = broker_send_places(b);
        if (r >= 0)
                r = send_members(b, t);
        return r < 0 ? r : broker_send(b, WIRE_READY, 0, &ready, 1, NULL, 0);
}

/* ---- handlers: one item, one answer ---------------------------------------------------------------------------------------- */

static size_t n_live_classes(const ClassSet *s) {
        size_t n = 0;

        for (size_t i = 0; i < s->n; i++)
                n += s->items[i]->live;
        return n;
}

/* The one request that is answered by more than its answer. */
static int handle_hello(Broker *b, const WireHeader *h, const void *items) {
        const WireHello *hello = items;
        WireHelloReply answer = {
                .version = WIRE_VERSION, .n_hierarchies = b->hierarchies->n, .n_classes = n_live_classes(b->classes),
                .boot_time_ns = b->boot_time_ns,
        };
        _cleanup_close_ int exe_fd = -EBADF;

        if (hello->version != WIRE_VERSION)
                return log_error_errno(EPROTO, "pclassd speaks version %u, this broker %u: the upgrade is not complete", hello->version,
                                       WIRE_VERSION);
        int r = b->ops->enter(hello->needs_exe, &exe_fd, &answer.capabilities, b->userdata);
        if (r < 0)
                return r;
        members_apply_all(b);
        answer.has_exe = exe_fd >= 0;
        r = broker_send(b, WIRE_HELLO | WIRE_REPLY, h->seq, &answer, 1, &exe_fd, exe_fd >= 0);
        if (r >= 0)
                r = send_everything(b);
        b->places_at_start = place_count(b->places);
        if (r >= 0)
                b->state = BROKER_SERVING;
        return r;
}

static void handle_ping(Broker *b, const void *item, void *answer) {
        const WirePing *ping = item;
        WireResult *result = answer;

        if (wire_text_ok(ping->status, sizeof(ping->status)))
                b->ops->ping(ping, b->userdata);
        else
                result->code = WIRE_NOT_ALLOWED;
}

static void handle_move(Broker *b, const void *item, void *answer) {
        move_process(b, item, answer);
}

static void handle_return(Broker *b, const void *item, void *answer) {
        return_process(b, item, answer);
}

static void handle_instance(Broker *b, const void *item, void *answer) {
        const WireInstance *request = item;
        WireClass *class = answer;
        Class *c;
        int r = wire_text_ok(request->text, sizeof(request->text))
                ? class_instance(b->classes, request->template_index, request->text, &c) : -EINVAL;

        if (r >= 0) {
                describe_class(c, class);
                return;
        }
        *class = (WireClass) { .index = WIRE_NONE, .template_index = request->template_index, .error = r };
        class->code = r == -ENOSPC ? WIRE_LIMIT : r == -EINVAL ? WIRE_NOT_ALLOWED : WIRE_FAILED;
}

static bool is_protected_destination(const Broker *b, const WirePlace *request) {
        const AllowedRoot *root = b->classes->roots && request->root < b->classes->roots->n ? &b->classes->roots->items[request->root] : NULL;
        char path[WIRE_PATH_MAX];

        if (!root)
                return false;
        snprintf(path, sizeof(path), "%s/%s", streq(root->path, "/") ? "" : root->path, request->path);
        for (unsigned h = 0; h < b->hierarchies->n; h++)
                if (request->hierarchies & 1u << h && move_place_is_protected(b, h, path))
                        return true;
        return false;
}

static void handle_place(Broker *b, const void *item, void *answer) {
        const WirePlace *request = item;
        WireClass *class = answer;
        Class *c = NULL;
        int r = -EINVAL;

        if (wire_text_ok(request->path, sizeof(request->path)))
                r = is_protected_destination(b, request) ? -EPERM :
                    class_place(b->classes, request->root, request->hierarchies, request->path, request->own, &c);
        if (r >= 0) {
                describe_class(c, class);
                return;
        }
        *class = (WireClass) { .index = WIRE_NONE, .template_index = WIRE_NONE, .error = r };
        class->code = r == -ENOSPC ? WIRE_LIMIT : r == -EINVAL ? WIRE_NOT_ALLOWED : r == -EPERM ? WIRE_PROTECTED : WIRE_FAILED;
}

static void handle_drop_instance(Broker *b, const void *item, void *answer) {
        const WireDropInstance *request = item;
        WireResult *result = answer;
        Class *c = class_by_index(b->classes, request->class_index);
        int r = !c ? -EINVAL : c->root ? class_drop_place(b->classes, c) : class_drop_instance(b->classes, c);

        if (r >= 0)
                tune_dropped(b, c);
        result->code = r >= 0 ? WIRE_OK : r == -EBUSY ? WIRE_STALE : r == -EINVAL ? WIRE_NOT_ALLOWED : WIRE_FAILED;
        result->error = r;
}

static void handle_check_class(Broker *b, const void *item, void *answer) {
        class_check(b, item, answer);
}

static void handle_tune(Broker *b, const void *item, void *answer) {
        tune_class(b, item, answer);
}

static void handle_add_class(Broker *b, const void *item, void *answer) {
        const WireAddClass *request = item;
        WireClass *class = answer;
        Class *c;
        int r = wire_text_ok(request->name, sizeof(request->name)) ? runtime_class_add(b->classes, request->name, request->hierarchies, &c) : -EINVAL;

        if (r >= 0) {
                describe_class(c, class);
                return;
        }
        *class = (WireClass) { .index = WIRE_NONE, .template_index = WIRE_NONE, .error = r };
        class->code = r == -ENOSPC ? WIRE_LIMIT : r == -EINVAL || r == -EEXIST ? WIRE_NOT_ALLOWED : WIRE_FAILED;
}

static void handle_remove_class(Broker *b, const void *item, void *answer) {
        runtime_class_remove(b, item, answer);
}

static void handle_restart(Broker *b, const void *item, void *answer) {
        b->state = BROKER_RESTART;
}

static void handle_check_config(Broker *b, const void *item, void *answer) {
        TextError err = {};
        WireResult *result = answer;

        result->code = b->ops->check_config(&err, b->userdata);
        if (result->code < 0)
                text_error_format(&err, result->text, sizeof(result->text));
}

/* ---- the table ------------------------------------------------------------------------------------------------------------ */

typedef void (*ItemHandler)(Broker *b, const void *item, void *answer); /* answer: zeroed, of the reply's item size */

/* What may be asked while serving. HELLO is asked before, once, and stands apart. */
static const ItemHandler handlers[] = {
        [WIRE_PING] = handle_ping,
        [WIRE_MOVE] = handle_move,
        [WIRE_RETURN] = handle_return,
        [WIRE_INSTANCE] = handle_instance,
        [WIRE_DROP_INSTANCE] = handle_drop_instance,
        [WIRE_TUNE] = handle_tune,
        [WIRE_PLACE] = handle_place,
        [WIRE_RESTART] = handle_restart,
        [WIRE_CHECK_CONFIG] = handle_check_config,
        [WIRE_CHECK_CLASS] = handle_check_class,
        [WIRE_ADD_CLASS] = handle_add_class,
        [WIRE_REMOVE_CLASS] = handle_remove_class,
};

/* How the limits of the instances in an answer came out. */
static int send_instance_notes(Broker *b, const WireClass *answers, size_t n) {
        _cleanup_free_ Batch *t = malloc(sizeof(*t));
        int r = 0;

        if (!t)
                return -ENOMEM;
        batch_begin(t, b, WIRE_CLASS_NOTE);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                const Class *c = answers[i].code == WIRE_OK ? class_by_index(b->classes, answers[i].index) : NULL;
                if (c)
                        r = add_notes(b, t, c);
        }
        return r < 0 ? r : batch_flush(t);
}

/* What was changed: also that something is not set any more. */
static int add_tuned(const Broker *b, Batch *t, const Class *c, const WireTune *m) {
        int r = add_notes(b, t, c);

        for (uint32_t i = 0; r >= 0 && i < m->count; i++) {
                WireClassNote item = { .class_index = c->index };
                if (c->notes[m->settings[i].property].set)
                        continue;
                snprintf(item.property, sizeof(item.property), "%s", class_property_name(m->settings[i].property));
                r = batch_add(t, &item);
        }
        return r;
}

static int send_tuned(Broker *b, const WireTune *items, const WireResult *answers, size_t n) {
        _cleanup_free_ Batch *t = malloc(sizeof(*t));
        int r = 0;

        if (!t)
                return -ENOMEM;
        batch_begin(t, b, WIRE_CLASS_NOTE);
        for (size_t i = 0; r >= 0 && i < n; i++)
                if (answers[i].code == WIRE_OK)
                        r = add_tuned(b, t, class_by_index(b->classes, items[i].class_index), &items[i]);
        return r < 0 ? r : batch_flush(t);
}

/* Requests beyond the rate wait here, and pclassd for them; its own queue is bounded. */
static void wait_turn(Broker *b, unsigned cost) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        unsigned ms = rate_take(&b->rate, cost, now.tv_sec * UINT64_C(1000000000) + now.tv_nsec);
        if (ms > 0)
                (void) poll(NULL, 0, ms);
}

/* Numbers of places are never given twice, and every session has a place of its own. A start leaves only those of processes that live; it must have
 * made room the last time, or it would be done for nothing. */
static void make_room_for_places(Broker *b) {
        if (place_count(b->places) < PLACES_MAX / 10 * 9 || b->places_at_start > PLACES_MAX / 2)
                return;
        log_notice("processes came from %zu places by now; everything starts anew, to forget those of which nobody is left", place_count(b->places));
        b->state = BROKER_RESTART;
}

static int serve(Broker *b, const WireHeader *h, const uint8_t *items) {
        _Alignas(8) uint8_t answers[WIRE_SIZE_MAX];
        size_t size = wire_item_size(h->op), answer = wire_item_size(h->op | WIRE_REPLY);

        wait_turn(b, rate_cost(h->op) * h->count);
        memset(answers, 0, h->count * answer);
        for (size_t i = 0; i < h->count; i++)
                handlers[h->op](b, items + i * size, answers + i * answer);
        int r = broker_send_places(b); /* before the reply that names them */
        if (r >= 0)
                r = send_changed_classes(b);
        if (r >= 0 && h->op == WIRE_TUNE)
                r = send_tuned(b, (const WireTune *) items, (const WireResult *) answers, h->count);
        if (r >= 0)
                r = broker_send(b, h->op | WIRE_REPLY, h->seq, answers, h->count, NULL, 0);
        if (r >= 0 && (h->op == WIRE_INSTANCE || h->op == WIRE_ADD_CLASS))
                r = send_instance_notes(b, (const WireClass *) answers, h->count);
        make_room_for_places(b);
        return r;
}

static int offence(Broker *b, const char *what) {
        b->offences++;
        log_warning("refused %s from pclassd (%u of %d)", what, b->offences, BROKER_OFFENCES_MAX);
        if (b->offences >= BROKER_OFFENCES_MAX)
                b->state = BROKER_CLOSED;
        return 0;
}

int broker_dispatch(Broker *b) {
        _Alignas(8) char buf[WIRE_SIZE_MAX];
        const WireHeader *h;
        const void *items;
        ssize_t n = channel_receive(b->channel, buf, &h, &items, NULL, NULL);

        if (n == -EAGAIN)
                return 0;
        if (n == 0) {
                b->state = BROKER_CLOSED;
                return 0;
        }
        if (n == -EPROTO)
                return offence(b, "a malformed message");
        if (n < 0)
                return n;
        if (h->op != WIRE_HELLO && (h->op >= ELEMENTSOF(handlers) || !handlers[h->op]))
                return offence(b, "a message that is not for the broker");
        if ((h->op == WIRE_HELLO) != (b->state == BROKER_NEW))
                return offence(b, "a request out of turn");
        if (h->op == WIRE_HELLO)
                return h->count == 1 ? handle_hello(b, h, items) : offence(b, "several greetings");
        if (sizeof(*h) + h->count * wire_item_size(h->op | WIRE_REPLY) > WIRE_SIZE_MAX)
                return offence(b, "more requests than one answer can hold");
        return serve(b, h, items);
}

/* ---- after a restart -------------------------------------------------------------------------------------------------------- */

static int restore_one(Broker *b, const OriginRecord *record) {
        _cleanup_free_ Process *p = calloc(1, sizeof(*p));
        int r = p ? process_open(b->proc_fd, record->pid, p) : -ENOMEM;

        if (r >= 0) {
                r = process_read_cgroups(p, b->hierarchies);
                process_close(p);
        }
        if (is_shortage(r)) /* it is not gone for that: a start that could look must decide */
                return r;
        const pid_t pid = record->pid;
        const uint64_t start = record->start;
        uint16_t origin[WIRE_HIERARCHIES_MAX]; /* forgetting the last one frees the record */
        memcpy(origin, record->origin, sizeof(origin));
        for (unsigned h = 0; h < b->hierarchies->n; h++) {
                if (wire_place(origin[h]) == WIRE_NONE)
                        continue;
                Class *c = r >= 0 && p->paths[h] ? class_place_found(b->classes, h, p->paths[h]) : NULL;
                bool inside = c || (r >= 0 && p->paths[h] && hierarchy_below_root(&b->hierarchies->items[h], p->paths[h]));
                if (!inside)
                        origins_forget(b->origins, pid, start, h);
                else {
                        int e = place_set_add(c ? class_places(c) : &b->classes->left_behind, origin[h]);
                        if (e < 0)
                                return e;
                }
        }
        return 0;
}

int broker_restore(Broker *b) {
        const OriginRecord *record;
        int r = 0;

        for (size_t i = 0; r >= 0 && (record = origins_next(b->origins, &i));)
                r = restore_one(b, record);
        return r;
}
