/* Authorisation of method calls, in two steps that never wait: the bus says who the sender is, polkit says whether he may.
 *
 * Before the first step a match on the sender's name is installed, so that his leaving is seen however early it comes: either the
 * bus answers that there is no such name, or the match fires. Messages on one connection keep their order, so no gap is left. */
#include "polkit/authority.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/str.h"

#define DIALOG_USEC (10 * 60 * UINT64_C(1000000)) /* how long somebody may look for his password */
#define QUICK_USEC (25 * UINT64_C(1000000))
#define LEFT_USEC UINT64_C(1000000)
#define LEFT_ACCURACY_USEC UINT64_C(250000)

enum { FLAG_ALLOW_INTERACTION = 1 }; /* CheckAuthorizationFlags of polkit's D-Bus interface */

typedef struct Check Check;
struct Check {
        Authority *authority;
        Check *next, *previous;
        sd_bus_message *call;
        char *action;
        char **details;
        uid_t owner, uid, about, *ret_caller;
        bool asked; /* polkit has the question */
        uint64_t id;
        sd_bus_slot *match, *pending;
        sd_event_source *left; /* the caller is gone and was answered; polkit may still be at it */
        AuthorityAnswer answer;
        void *userdata;
};

struct Authority {
        sd_bus *bus;
        Check *checks;
        uint64_t last_id;
};

static void check_unlink(Check *c) {
        if (c->previous)
                c->previous->next = c->next;
        else if (c->authority->checks == c)
                c->authority->checks = c->next;
        if (c->next)
                c->next->previous = c->previous;
}

static Check *check_free(Check *c) {
        if (!c)
                return NULL;
        check_unlink(c);
        sd_bus_slot_unref(c->match);
        sd_bus_slot_unref(c->pending);
        sd_event_source_disable_unref(c->left);
        sd_bus_message_unref(c->call);
        strv_free(c->details);
        free(c->action);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(Check *, check_free)

static void check_finish(Check *c, int result) {
        AuthorityAnswer answer = c->answer;
        void *userdata = c->userdata;
        bool answered = c->left;

        if (result >= 0 && c->ret_caller && !answered)
                *c->ret_caller = c->uid;
        check_free(c);
        if (!answered)
                answer(result, userdata);
}

static void check_cancellation_id(const Check *c, char *buf, size_t size) {
        snprintf(buf, size, "pclass-%" PRIu64, c->id);
}

/* Ends the dialog that somebody may be looking at. Nothing is done with polkit's reply. */
static void check_withdraw(Check *c) {
        char id[32];

        if (!c->asked)
                return;
        check_cancellation_id(c, id, sizeof(id));
        (void) sd_bus_call_method_async(c->authority->bus, NULL, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
                                        "org.freedesktop.PolicyKit1.Authority", "CancelCheckAuthorization", NULL, NULL, "s", id);
}

static int on_still_asked(sd_event_source *source, uint64_t usec, void *userdata) {
        Check *c = userdata;

        check_withdraw(c);
        check_free(c);
        return 0;
}

/* A caller mostly leaves together with his agent, and then polkit ends the dialog by itself. It must not be told to in that very moment:
 * polkitd (122, GLib 2.74) cancels its call to the agent on one thread while the other takes the agent's end for the reply to it, and the
 * two wait for each other for ever. Until polkit is done with the question, it counts as the caller's. */
static int on_sender_gone(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        Check *c = userdata;
        const char *name, *old, *new;

        if (sd_bus_message_read(m, "sss", &name, &old, &new) < 0 || *new || c->left)
                return 0;
        if (c->asked && sd_event_add_time_relative(sd_bus_get_event(c->authority->bus), &c->left, CLOCK_MONOTONIC, LEFT_USEC, LEFT_ACCURACY_USEC,
                                                   on_still_asked, c) >= 0) {
                c->answer(-ECONNRESET, c->userdata);
                return 0;
        }
        check_withdraw(c);
        check_finish(c, -ECONNRESET);
        return 0;
}

static int on_match_installed(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        Check *c = userdata;

        if (sd_bus_message_is_method_error(m, NULL)) { /* we would not notice that the caller leaves */
                check_withdraw(c);
                check_finish(c, -EDQUOT);
        }
        return 0;
}

static int error_to_result(const sd_bus_error *e) {
        if (sd_bus_error_has_names(e, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT))
                return -ETIMEDOUT;
        if (sd_bus_error_has_name(e, "org.freedesktop.PolicyKit1.Error.Cancelled"))
                return -ECANCELED;
        if (sd_bus_error_has_names(e, "org.freedesktop.PolicyKit1.Error.NotAuthorized", SD_BUS_ERROR_ACCESS_DENIED))
                return -EACCES;
        return -EHOSTDOWN;
}

static int read_polkit_answer(sd_bus_message *m) {
        int authorized, challenge, r;
        bool dismissed = false;
        const char *key, *value;

        r = sd_bus_message_enter_container(m, 'r', "bba{ss}");
        if (r < 0)
                return -EACCES;
        r = sd_bus_message_read(m, "bb", &authorized, &challenge);
        if (r < 0)
                return -EACCES;
        if (authorized)
                return 0;
        if (sd_bus_message_enter_container(m, 'a', "{ss}") > 0)
                while (sd_bus_message_read(m, "{ss}", &key, &value) > 0)
                        dismissed |= streq(key, "polkit.dismissed");
        return dismissed ? -ECANCELED : challenge ? -ENOKEY : -EACCES;
}

static int on_polkit_answer(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        Check *c = userdata;
        int result;

        if (sd_bus_message_is_method_error(m, NULL)) {
                result = error_to_result(sd_bus_message_get_error(m));
                if (result == -ETIMEDOUT)
                        check_withdraw(c);
        } else
                result = read_polkit_answer(m);
        check_finish(c, result);
        return 0;
}

static int append_question(const Check *c, sd_bus_message *m) {
        char id[32];
        int r;

        r = sd_bus_message_append(m, "(sa{sv})s", "system-bus-name", 1, "name", "s", sd_bus_message_get_sender(c->call), c->action);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'a', "{ss}");
        if (r < 0)
                return r;
        for (char **d = c->details; d && d[0] && d[1]; d += 2) {
                r = sd_bus_message_append(m, "{ss}", d[0], d[1]);
                if (r < 0)
                        return r;
        }
        if (c->about != (uid_t) -1)
                r = sd_bus_message_append(m, "{ss}", "own", c->uid == c->about ? "yes" : "no");
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r < 0)
                return r;
        check_cancellation_id(c, id, sizeof(id));
        return sd_bus_message_append(m, "us", sd_bus_message_get_allow_interactive_authorization(c->call) > 0 ? FLAG_ALLOW_INTERACTION : 0, id);
}

static int check_quota(const Check *c) {
        unsigned of_user = 0, of_all = 0;

        for (const Check *o = c->authority->checks; o; o = o->next)
                if (o->asked) {
                        of_all++;
                        of_user += o->uid == c->uid;
                }
        return of_user >= AUTHORITY_UID_MAX || of_all >= AUTHORITY_ASKED_MAX ? -EDQUOT : 0;
}

static int check_ask_polkit(Check *c) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        bool dialog = sd_bus_message_get_allow_interactive_authorization(c->call) > 0;
        int r;

        r = check_quota(c);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_call(c->authority->bus, &m, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
                                           "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
        if (r < 0)
                return r;
        r = append_question(c, m);
        if (r < 0)
                return r;
        c->pending = sd_bus_slot_unref(c->pending);
        r = sd_bus_call_async(c->authority->bus, &c->pending, m, on_polkit_answer, c, dialog ? DIALOG_USEC : QUICK_USEC);
        if (r < 0)
                return r;
        c->asked = true;
        return 0;
}

static int on_sender_known(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        Check *c = userdata;
        uint32_t uid;
        int r;

        if (sd_bus_message_is_method_error(m, NULL)) {
                check_finish(c, -ECONNRESET);
                return 0;
        }
        r = sd_bus_message_read(m, "u", &uid);
        if (r >= 0) {
                c->uid = uid;
                if (uid == 0 || (c->owner != (uid_t) -1 && uid == c->owner)) {
                        check_finish(c, 0);
                        return 0;
                }
                r = check_ask_polkit(c);
        }
        if (r < 0)
                check_finish(c, r);
        return 0;
}

static int check_new(Authority *a, sd_bus_message *call, const AuthorityQuestion *question, Check **ret) {
        _cleanup_(check_freep) Check *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->authority = a;
        c->owner = question->owner;
        c->about = question->about;
        c->ret_caller = question->ret_caller;
        c->uid = (uid_t) -1;
        c->id = ++a->last_id;
        c->call = sd_bus_message_ref(call);
        c->action = strdup(question->action);
        if (!c->action)
                return -ENOMEM;
        for (const char *const *d = question->details; d && *d; d++)
                if (strv_append(&c->details, *d) < 0)
                        return -ENOMEM;
        *ret = TAKE_PTR(c);
        return 0;
}

/* Before the caller is known: neither he nor all together may pile up calls. */
static int sender_quota(const Authority *a, const char *sender) {
        unsigned of_sender = 0, of_all = 0;

        for (const Check *o = a->checks; o; o = o->next) {
                of_all++;
                of_sender += streq(sd_bus_message_get_sender(o->call), sender);
        }
        return of_sender >= AUTHORITY_SENDER_MAX || of_all >= AUTHORITY_CHECKS_MAX ? -EDQUOT : 0;
}

static int check_start(Check *c, const char *sender) {
        _cleanup_free_ char *match = NULL;
        int r;

        if (asprintf(&match, "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                             "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'", sender) < 0)
                return -ENOMEM;
        r = sd_bus_add_match_async(c->authority->bus, &c->match, match, on_sender_gone, on_match_installed, c);
        if (r < 0)
                return r;
        return sd_bus_call_method_async(c->authority->bus, &c->pending, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                        "org.freedesktop.DBus", "GetConnectionUnixUser", on_sender_known, c, "s", sender);
}

int authority_check(Authority *a, sd_bus_message *call, const AuthorityQuestion *question, AuthorityAnswer answer, void *userdata) {
        _cleanup_(check_freep) Check *c = NULL;
        const char *sender = sd_bus_message_get_sender(call);
        int r;

        if (!sender)
                return -EACCES; /* not from a bus: nobody vouches for him */
        r = sender_quota(a, sender);
        if (r < 0)
                return r;
        r = check_new(a, call, question, &c);
        if (r < 0)
                return r;
        c->answer = answer;
        c->userdata = userdata;
        r = check_start(c, sender);
        if (r < 0)
                return r;
        c->next = a->checks;
        if (c->next)
                c->next->previous = c;
        a->checks = TAKE_PTR(c);
        return 0;
}

int authority_new(sd_bus *bus, Authority **ret) {
        Authority *a = calloc(1, sizeof(*a));

        if (!a)
                return -ENOMEM;
        a->bus = sd_bus_ref(bus);
        *ret = a;
        return 0;
}

Authority *authority_free(Authority *a) {
        if (!a)
                return NULL;
        while (a->checks)
                check_finish(a->checks, -ECONNRESET);
        sd_bus_unref(a->bus);
        free(a);
        return NULL;
}

unsigned authority_pending(const Authority *a) {
        unsigned n = 0;

        for (const Check *c = a->checks; c; c = c->next)
                n += c->asked;
        return n;
}

int authority_set_error(int result, const char *action, sd_bus_error *e) {
        switch (result) {
        case -EACCES:
                return sd_bus_error_setf(e, SD_BUS_ERROR_ACCESS_DENIED, "You are not allowed to do this (polkit action %s)", action);
        case -ENOKEY:
                return sd_bus_error_setf(e, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                                         "An administrator's password is needed (polkit action %s), and nobody can ask you for it", action);
        case -ECANCELED:
                return sd_bus_error_setf(e, SD_BUS_ERROR_ACCESS_DENIED, "The password dialog was dismissed (polkit action %s)", action);
        case -EHOSTDOWN:
                return sd_bus_error_setf(e, SD_BUS_ERROR_ACCESS_DENIED, "polkit cannot be asked, so only root may do this (%s)", action);
        case -ETIMEDOUT:
                return sd_bus_error_setf(e, SD_BUS_ERROR_ACCESS_DENIED, "polkit gave no answer: nobody typed a password in time, or it ended (action %s)", action);
        case -EDQUOT:
                return sd_bus_error_set(e, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many requests wait for an authorisation, try again later");
        default:
                return sd_bus_error_set_errno(e, result);
        }
}
