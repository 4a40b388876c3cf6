/* The way of a method call. Nothing here waits: polkit's answer and the settling of moves come back through the loop. */
#include "dbus/call.h"

#include <stdio.h>
#include <time.h>

#include "common/log.h"
#include "common/str.h"
#include "dbus/error.h"
#include "dbus/object.h"

static Call *call_free(Call *c) {
        if (!c)
                return NULL;
        explanation_free(c->explanation);
        free(c->class_name);
        sd_bus_message_unref(c->message);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(Call *, call_free)

void call_detail(Call *c, const char *name, const char *value) {
        if (c->n_details + 2 >= ELEMENTSOF(c->details))
                return;
        c->details[c->n_details++] = name;
        c->details[c->n_details++] = value;
}

void call_describe(Call *c, const char *what, const char *text) {
        size_t n = str_printable_prefix(text), room = CALL_CHANGE_MAX - 16 - strlen(what);
        bool cut = text[n] != '\0' || n > room;

        if (n > room)
                for (n = room; n > 0 && ((unsigned char) text[n] & 0xc0) == 0x80; )
                        n--; /* not in the middle of a character */
        snprintf(c->change, sizeof(c->change), "%s “%.*s%s”", what, (int) n, text, cut ? " …" : "");
        call_detail(c, "change", c->change);
}

unsigned calls_waiting(const Service *s) {
        unsigned n = 0;

        for (const Call *c = s->calls; c; c = c->next)
                n++;
        return n;
}

/* Nobody may pile up calls that wait; root may more than others. */
static int call_quota(const Call *c, sd_bus_error *e) {
        unsigned all = 0, own = 0;

        for (const Call *o = c->service->calls; o; o = o->next) {
                all++;
                own += o->caller == c->caller;
        }
        if (all >= CALLS_MAX || (c->caller != 0 && c->caller != (uid_t) -1 && own >= CALLS_UID_MAX)) {
                c->service->counters.refused++;
                return sd_bus_error_setf(e, SD_BUS_ERROR_LIMITS_EXCEEDED, "%u calls of yours wait already, of which %d may be open; try again later", own,
                                         c->caller == 0 ? CALLS_MAX : CALLS_UID_MAX);
        }
        return 0;
}

static int call_new(Service *s, const Method *method, sd_bus_message *m, Call **ret) {
        Call *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->service = s;
        c->manager = s->manager;
        c->method = method;
        c->caller = (uid_t) -1;
        c->message = sd_bus_message_ref(m);
        *ret = c;
        return 0;
}

static uint64_t clock_usec(clockid_t clock) {
        struct timespec ts;

        clock_gettime(clock, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

/* How much of our time has gone. */
static uint64_t used_usec(void) {
        return clock_usec(CLOCK_THREAD_CPUTIME_ID);
}

/* How long nothing was done. */
static uint64_t waited_usec(void) {
        return clock_usec(CLOCK_MONOTONIC) - used_usec();
}

static void call_owe(Service *s, sd_bus_message *m, uint64_t usec) {
        if (sd_bus_message_get_sender(m))
                limit_owe(s->limit, m, usec);
}

static int call_check(Call *c, sd_bus_error *e) {
        uint64_t began = waited_usec();
        int r;

        r = sd_bus_message_rewind(c->message, true);
        if (r < 0)
                return r;
        c->explanation = explanation_free(c->explanation);
        free(c->class_name);
        c->class_name = NULL;
        memset(c->details, 0, sizeof(c->details));
        c->n_details = 0;
        c->owner = c->about = (uid_t) -1;
        c->unnamed = false;
        r = c->method->check ? c->method->check(c, e) : 0;
        if (c->method->waits)
                call_owe(c->service, c->message, waited_usec() - began);
        return r;
}

static int call_reply(Call *c, sd_bus_error *e) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(c->message, &reply);
        if (r < 0)
                return r;
        if (c->method->answer) {
                r = c->method->answer(c, reply, e);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_send(reply);
}

static void call_reply_error(Call *c, int r, const sd_bus_error *e) {
        int k = sd_bus_error_is_set(e) ? sd_bus_reply_method_error(c->message, e) : sd_bus_reply_method_errno(c->message, r, NULL);

        if (k < 0)
                log_warning_errno(k, "Cannot answer %s of %s", c->method->member, sd_bus_message_get_sender(c->message));
}

static void call_unlink(Call *c) {
        if (c->previous)
                c->previous->next = c->next;
        else
                c->service->calls = c->next;
        if (c->next)
                c->next->previous = c->previous;
}

static void call_settle(Call *c);

static void on_settled(void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_(call_freep) Call *c = userdata;
        int r;

        call_unlink(c);
        r = call_reply(c, &e);
        if (r == -EINPROGRESS && !c->waited) {
                c->waited = true;
                call_settle(TAKE_PTR(c));
        } else if (r < 0)
                call_reply_error(c, r, &e);
}

static void call_link(Call *c) {
        c->next = c->service->calls;
        if (c->next)
                c->next->previous = c;
        c->service->calls = c;
}

/* Takes the call over, whatever comes. */
static void call_settle(Call *c) {
        int r;

        call_link(c);
        r = manager_when_settled(c->manager, on_settled, c);
        if (r < 0) /* the change is made; only the waiting failed */
                on_settled(c);
}

void call_finish(Call *c, int error, sd_bus_error *e) {
        call_unlink(c);
        c->next = c->previous = NULL;
        if (error >= 0 && (c->method->settle || c->settle)) {
                call_settle(c);
                return;
        }
        if (error >= 0)
                error = call_reply(c, e);
        if (error < 0)
                call_reply_error(c, error, e);
        call_free(c);
}

/* On failure the call is still the caller's, and nothing was replied. */
static int call_perform(Call **c, sd_bus_error *e) {
        int r = (*c)->method->begin || (*c)->method->settle ? call_quota(*c, e) : 0;

        if (r < 0)
                return r;
        if ((*c)->method->begin) {
                call_link(*c);
                r = (*c)->method->begin(*c, e);
                if (r < 0) {
                        call_unlink(*c);
                        return r;
                }
                TAKE_PTR(*c);
                return 0;
        }
        if ((*c)->method->act) {
                r = (*c)->method->act(*c, e);
                if (r < 0)
                        return r;
        }
        if ((*c)->method->settle) {
                call_settle(TAKE_PTR(*c));
                return 0;
        }
        return call_reply(*c, e);
}

static void on_authorised(int result, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_(call_freep) Call *c = userdata;
        int r;

        if (result == -ECONNRESET)
                return;
        if (result < 0) {
                *(result == -EDQUOT ? &c->service->counters.refused : &c->service->counters.denied) += 1;
                r = authority_set_error(result, c->method->action, &e);
        } else {
                r = call_check(c, &e); /* the world has moved on while somebody typed a password */
                if (r >= 0)
                        r = call_perform(&c, &e);
        }
        if (r < 0)
                call_reply_error(c, r, &e);
}

/* On failure the call is still the caller's. */
static int call_authorise(Call **c, sd_bus_error *e) {
        const AuthorityQuestion question = {
                .action = (*c)->method->action, .details = (*c)->details, .owner = (*c)->owner, .about = (*c)->about, .ret_caller = &(*c)->caller,
        };
        int r = authority_check((*c)->service->authority, (*c)->message, &question, on_authorised, *c);

        if (r < 0) {
                (*c)->service->counters.refused += r == -EDQUOT;
                return authority_set_error(r, question.action, e);
        }
        TAKE_PTR(*c);
        return 0;
}

static void on_named(void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_(call_freep) Call *c = userdata;
        int r;

        call_unlink(c);
        c->next = c->previous = NULL;
        r = call_check(c, &e);
        if (r >= 0)
                r = call_authorise(&c, &e);
        if (r < 0)
                call_reply_error(c, r, &e);
}

static const Method *method_find(const Method *methods, size_t n, const char *member) {
        for (size_t i = 0; i < n; i++)
                if (streq(methods[i].member, member))
                        return methods + i;
        return NULL;
}

/* On failure the call is still the caller's, and nothing was replied. */
static int call_go(Call **c, sd_bus_error *e) {
        int r = call_check(*c, e);

        if (r < 0)
                return r;
        if (!(*c)->method->action)
                return call_perform(c, e);
        if ((*c)->unnamed && manager_when_named((*c)->manager, on_named, *c) >= 0) {
                call_link(TAKE_PTR(*c));
                return 0;
        }
        return call_authorise(c, e);
}

static int call_go_measured(Call **c, sd_bus_error *e) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = sd_bus_message_ref((*c)->message);
        Service *s = (*c)->service;
        uint64_t began = used_usec();
        int r = call_go(c, e);

        call_owe(s, m, used_usec() - began);
        return r;
}

int call_limit(Service *s, sd_bus_message *m, uint64_t cost, bool waits, sd_bus_error *e) {
        unsigned msec = 0;
        int r = sd_bus_message_get_sender(m) ? limit_take(s->limit, m, cost, &msec) : 0; /* no bus, no user: nothing will be allowed */

        if (!waits && (r == -EAGAIN || r == -EBUSY))
                r = limit_take_stranger(s->limit, cost, &msec);
        if (r != -EDQUOT && r != -EBUSY)
                return r;
        s->counters.limited++;
        if (r == -EBUSY)
                return sd_bus_error_set(e, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many are asked about who they are, try again later");
        return sd_bus_error_setf(e, SD_BUS_ERROR_LIMITS_EXCEEDED, "You make too many calls, or they take too long: %u a second are served for each user; try again in %u ms",
                                 LIMIT_PER_SEC, msec);
}

/* The sender is known now. */
static void on_known(int result, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_(call_freep) Call *c = userdata;

        call_unlink(c);
        c->next = c->previous = NULL;
        if (result < 0)
                return;
        int r = call_limit(c->service, c->message, LIMIT_CALL, true, &e);
        if (r >= 0)
                r = call_go_measured(&c, &e);
        if (r < 0)
                call_reply_error(c, r, &e);
}

/* Takes the call over if it returns 1. */
static int call_wait_for_sender(Call *c, sd_bus_error *e) {
        Service *s = c->service;
        int r = limit_wait(s->limit, c->message, on_known, c);

        if (r == -EBUSY) {
                s->counters.limited++;
                return sd_bus_error_set(e, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many calls wait until the bus has said who you are, try again later");
        }
        if (r < 0)
                return r;
        call_link(c);
        return 1;
}

int call_start(Service *s, const Method *methods, size_t n, sd_bus_message *m, sd_bus_error *e) {
        const Method *method = method_find(methods, n, sd_bus_message_get_member(m));
        _cleanup_(call_freep) Call *c = NULL;
        int r;

        if (!method)
                return -ENOSYS;
        s->counters.calls++;
        r = call_new(s, method, m, &c);
        if (r < 0)
                return r;
        if (sd_bus_message_get_sender(m) && !limit_knows(s->limit, m)) {
                r = call_wait_for_sender(c, e);
                if (r > 0)
                        TAKE_PTR(c);
                return r;
        }
        r = call_go_measured(&c, e);
        return r < 0 ? r : 1;
}

void calls_drop(Service *s) {
        while (s->calls) {
                Call *c = s->calls;

                manager_settle_cancel(c->manager, c);
                manager_reload_cancel(c->manager, c);
                manager_assign_cancel(c->manager, c);
                manager_class_set_cancel(c->manager, c);
                manager_class_cancel(c->manager, c);
                call_unlink(c);
                call_free(c);
        }
}
