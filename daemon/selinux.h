/* SELinux state through libselinux, or (selinux-none.c) the news that this build has none. */
#pragma once
#include <systemd/sd-event.h>
#include "common/macro.h"

/* NULL: contexts can be read and mean something. Else the reason why not: "SELinux is not enabled on this kernel", "built without libselinux". Static. */
const char *selinux_absent_reason(void);
/* Calls back from the loop after a policy reload or a change of enforcing mode (selinux_status netlink-free page, polled by a timer of
 * 1 s only while SELinux is enabled). 0 and no source when it is not enabled. */
int selinux_watch(sd_event *event, void (*reloaded)(void *userdata), void *userdata);
/* The policy or the mode changed, and the callback of selinux_watch() is still to come: what is seen now will be looked at again. */
bool selinux_news_pending(void);
/* 0: the policy knows this raw context; -EINVAL: it does not; -EOPNOTSUPP: cannot tell here. Literal contexts only. */
int selinux_check_context(const char *context);
