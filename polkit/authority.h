/* May the sender of this method call do that? Asked of the bus (who is it) and of polkit (may he), never waiting.
 *
 * Who the sender is comes from the bus alone. Root is allowed without polkit. Everybody else is decided by polkit, with his
 * bus name as the subject, and nobody when polkit cannot be asked. A caller that leaves the bus takes his question with him. */
#pragma once
#include <sys/types.h>
#include <systemd/sd-bus.h>
#include "common/macro.h"

#define AUTHORITY_UID_MAX 16    /* questions to polkit that one user may have open */
#define AUTHORITY_ASKED_MAX 64  /* questions to polkit that all of them may have open */
#define AUTHORITY_SENDER_MAX 16 /* calls of one connection that wait for an answer */
#define AUTHORITY_CHECKS_MAX 256 /* calls in all that wait for an answer (each costs the bus a match rule) */

typedef struct Authority Authority;

typedef struct AuthorityQuestion {
        const char *action;
        const char *const *details; /* name, value, name, value, NULL: for the dialog; NULL for none */
        uid_t owner;                /* this user need not ask; (uid_t) -1 for nobody */
        uid_t about;                /* polkit is told by the detail "own", "yes" or "no", whether he is this user; (uid_t) -1: it is not */
        uid_t *ret_caller;          /* set before an answer that allows; may be NULL; as long-lived as userdata */
} AuthorityQuestion;

/* result: 0 allowed, or
 * -EACCES       denied
 * -ENOKEY       a password would be asked for, but the caller did not allow that or has nobody who asks
 * -ECANCELED    the dialog was dismissed
 * -EHOSTDOWN    polkit cannot be asked
 * -EDQUOT       too many questions are open
 * -ETIMEDOUT    no answer: nobody typed a password in time, or polkit ended meanwhile
 * -ECONNRESET   the caller is gone: there is nobody to reply to */
typedef void (*AuthorityAnswer)(int result, void *userdata);

int authority_new(sd_bus *bus, Authority **ret);
/* Every open question is answered -ECONNRESET. */
Authority *authority_free(Authority *a);
DEFINE_CLEANUP(Authority *, authority_free)

/* Asks for the sender of `call`; `answer` is called once, later, from the loop. The question is copied. -errno when it could not be
 * asked (the codes above among them); then `answer` is not called. */
int authority_check(Authority *a, sd_bus_message *call, const AuthorityQuestion *question, AuthorityAnswer answer, void *userdata);

/* Questions that polkit has not answered yet. */
unsigned authority_pending(const Authority *a);

/* Fills the D-Bus error for a result; returns a negative errno for sd-bus. */
int authority_set_error(int result, const char *action, sd_bus_error *e);
