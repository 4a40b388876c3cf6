/* User and group names, asked of NSS by a small process of its own (NSS may ask LDAP and block), cached here.
 * Every question answers at once from the cache; what is not there is asked for, and `changed` is called from the loop when
 * answers came that say something new. When passwd, group or nsswitch.conf change (inotify on /etc), everything is asked again; the old answers
 * stand until then, so that no rule goes dead in between, and `changed` is called if one is different now. */
#pragma once
#include <systemd/sd-event.h>
#include "common/macro.h"

#define NAMES_CACHE_MAX 65536 /* answers of each kind; when full they are dropped and asked for when needed */

typedef struct Names Names;
typedef void (*NamesChanged)(void *userdata);

/* fd: our end of the socketpair with the names process (owned from now on). directory: where passwd and group are watched. */
int names_new_at(sd_event *event, int fd, const char *directory, NamesChanged changed, void *userdata, Names **ret);
static inline int names_new(sd_event *event, int fd, NamesChanged changed, void *userdata, Names **ret) {
        return names_new_at(event, fd, "/etc", changed, userdata, ret);
}
Names *names_free(Names *n);
DEFINE_CLEANUP(Names *, names_free)

/* 0, -ENOENT (NSS says there is none), -EAGAIN (asked; `changed` will follow). Strings and arrays live until `changed` returns or names_free().
 * While NSS cannot tell (its server is away) the answer stays -EAGAIN, or the old one, and is asked for again every 10 s. */
int names_uid(Names *n, const char *user, uid_t *ret);
int names_gid(Names *n, const char *group, gid_t *ret);
int names_user(Names *n, uid_t uid, const char **ret);
int names_group(Names *n, gid_t gid, const char **ret);
/* gids of the user of this uid, by NSS, the primary one included (getgrouplist). -E2BIG: more than 1,024, so the fact is unknown. */
int names_member(Names *n, uid_t uid, const gid_t **ret, size_t *ret_n);
/* For `changed`: did an answer come for a name that was spelt out, or one that differs from what was known? False when only numbers not seen
 * before got their names: then rules mean what they meant. Asked once for each call of `changed`. */
bool names_meaning_changed(Names *n);
/* Asks everything again, as when /etc/passwd had changed (for a reload: what comes from a server raises no event). */
void names_refresh(Names *n);
/* Questions asked and not answered, those in line included. */
size_t names_pending(const Names *n);
/* Called once from the loop when the helper's socket is closed (then the daemon must exit). */
typedef void (*NamesGone)(void *userdata);
void names_on_gone(Names *n, NamesGone gone, void *userdata);
