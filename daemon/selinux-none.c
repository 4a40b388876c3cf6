/* SELinux in a build without libselinux: contexts mean nothing here, and rules that ask for one say so. */
#include "daemon/selinux.h"

const char *selinux_absent_reason(void) {
        return "built without libselinux";
}

int selinux_watch(sd_event *event, void (*reloaded)(void *userdata), void *userdata) {
        return 0;
}

bool selinux_news_pending(void) {
        return false;
}

int selinux_check_context(const char *context) {
        return -EOPNOTSUPP;
}
