/* User and group names, asked of NSS by a small process of its own (NSS may ask LDAP and block), cached here.
 * Every question answers at once from the cache; what is not there is asked for, and `changed` is called from the loop when
 * answers came. Entries are dropped and asked again when /etc/passwd or /etc/group change (inotify), which calls `changed` too. */
#pragma once
#include <systemd/sd-event.h>
#include "common/macro.h"

typedef struct Names Names;
typedef void (*NamesChanged)(void *userdata);

/* fd: our end of the socketpair with the names process (owned from now on). */
int names_new(sd_event *event, int fd, NamesChanged changed, void *userdata, Names **ret);
Names *names_free(Names *n);
DEFINE_CLEANUP(Names *, names_free)

/* 0, -ENOENT (NSS says there is none), -EAGAIN (asked; `changed` will follow). Strings and arrays live until `changed` is called or names_free(). */
int names_uid(Names *n, const char *user, uid_t *ret);
int names_gid(Names *n, const char *group, gid_t *ret);
int names_user(Names *n, uid_t uid, const char **ret);
int names_group(Names *n, gid_t gid, const char **ret);
/* gids of the user of this uid, by NSS, the primary one included (getgrouplist). */
int names_member(Names *n, uid_t uid, const gid_t **ret, size_t *ret_n);
/* Questions sent and not answered. */
size_t names_pending(const Names *n);
/* Closes nothing, ends nothing: true when the helper's socket is closed (then the daemon must exit). */
typedef void (*NamesGone)(void *userdata);
void names_on_gone(Names *n, NamesGone gone, void *userdata);
