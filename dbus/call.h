/* One method call on its way: read, validate, authorise, act, settle, reply. Every interface is a table of Methods. */
#pragma once
#include <systemd/sd-bus.h>
#include "daemon/manager.h"

typedef struct Service Service;
typedef struct Call Call;

#define CALLS_MAX 1024    /* calls that have been allowed and wait, for moves or the broker */
#define CALLS_UID_MAX 32  /* those of one user who is not root */
#define CALL_CHANGE_MAX 320

typedef struct Method {
        const char *member;
        const char *action; /* polkit action (polkit/actions.h); NULL: everybody may */
        /* Reads and validates the arguments into the call. Runs once more after polkit's answer, which may take minutes. */
        int (*check)(Call *c, sd_bus_error *e);
        int (*act)(Call *c, sd_bus_error *e);                              /* makes the change; NULL: a mere question */
        int (*answer)(Call *c, sd_bus_message *reply, sd_bus_error *e);    /* fills the reply; NULL: it is empty */
        /* With settle answer() may return -EINPROGRESS once: it is called again, with a new reply, when what it began has settled. */
        /* Instead of act(): begins something that ends later with call_finish(). On failure nothing has begun. */
        int (*begin)(Call *c, sd_bus_error *e);
        bool settle; /* the reply waits until the moves that follow have been answered */
        bool waits;  /* check() may wait for something, and nobody is served meanwhile: that time counts too (limit.h) */
} Method;

struct Call {
        Service *service;
        Manager *manager;
        sd_bus_message *message;
        const Method *method;
        Call *next, *previous;

        /* What check() read. Texts belong to the message. */
        const char *text;
        const char *cookie;
        RuleAddOptions add;
        bool alone, enable, paged;
        uint64_t rule_id, generation;
        size_t class_index;
        const char *hierarchies;
        ClassRemoval removal;
        uint32_t pid, after, limit;
        Mode mode;
        Explanation *explanation; /* owned */
        char *class_name;         /* owned */
        AssignRequest assign;
        ClassSetting settings[CLASS_SETTINGS_MAX];
        size_t n_settings;
        char setting_texts[CLASS_SETTINGS_MAX][24]; /* of values that are numbers */
        ProcessOwner bound;       /* of the process that the first check found: the second one must find the same */
        bool unnamed;             /* check() found a user whose name is not known yet, and polkit should hear it */
        bool settle;              /* as in the method, when only this call needs it */
        bool waited;              /* answer() said -EINPROGRESS before */

        /* For polkit: who need not ask, and what the dialog may show (name, value, ..., NULL). */
        uid_t owner;
        uid_t about;  /* polkit hears whether he asks about a process of his own ("own"); (uid_t) -1: it does not */
        uid_t caller; /* who asks; known once he is authorised */
        const char *details[12];
        size_t n_details;
        char number[12];
        char change[CALL_CHANGE_MAX];
};

/* The handler of all methods in the table: returns as sd-bus wants it. */
int call_start(Service *s, const Method *methods, size_t n, sd_bus_message *m, sd_bus_error *e);
#define LIMIT_CALL 1000 /* thousandths of a token that any call costs */
/* Takes `cost` from the sender of a message. -EAGAIN when he is not known yet and the call can wait for that; else the error is in e. */
int call_limit(Service *s, sd_bus_message *m, uint64_t cost, bool waits, sd_bus_error *e);

/* What begin() began has ended: the call goes on to settle and reply, or is answered with e. Takes the call. */
void call_finish(Call *c, int error, sd_bus_error *e);
/* Before the bus connection goes: calls that wait for moves are forgotten, without a reply. */
void calls_drop(Service *s);

/* What was asked of this service, for GetCounters. */
typedef struct CallCounters {
        uint64_t calls;    /* of methods, properties apart */
        uint64_t denied;   /* by polkit, or because it could not be asked */
        uint64_t refused;  /* too many of one user, one connection or all of them wait */
        uint64_t limited;  /* one user made too many in too short a time (limit.h) */
} CallCounters;
unsigned calls_waiting(const Service *s);

/* For check(): one line of at most CALL_CHANGE_MAX bytes for the dialog ("change"): `what`, and `text` in quotes, cut where it is too long
 * or goes on in another line. */
void call_describe(Call *c, const char *what, const char *text);
/* For check(): something the dialog may show. Kept by pointer; at most five. */
void call_detail(Call *c, const char *name, const char *value);
