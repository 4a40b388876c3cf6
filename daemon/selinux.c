/* SELinux through libselinux: is it there, did the policy change, is this a context. Contexts of processes are read by procinfo.c. */
#include "daemon/selinux.h"

#include <selinux/avc.h>
#include <selinux/selinux.h>
#include <stdarg.h>
#include <stdio.h>
#include "common/log.h"

#define POLL_USEC (UINT64_C(1000) * 1000)

typedef struct Watch {
        void (*reloaded)(void *userdata);
        void *userdata;
} Watch;

const char *selinux_absent_reason(void) {
        return is_selinux_enabled() > 0 ? NULL : "SELinux is not enabled on this kernel";
}

/* libselinux would write to stderr, without a newline. We say in own words what matters to us. */
static int _printf_(2, 3) on_message(int type, const char *format, ...) {
        char text[512];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        text[strcspn(text, "\n")] = '\0';
        if (type == SELINUX_ERROR)
                log_warning("libselinux: %s", text);
        else
                log_debug("libselinux: %s", text);
        return 0;
}

/* The library tells of a change once. */
static bool news_pending;

bool selinux_news_pending(void) {
        if (selinux_status_updated() > 0)
                news_pending = true;
        return news_pending;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Watch *w = userdata;
        int r = sd_event_source_set_time_relative(source, POLL_USEC);

        if (r >= 0)
                r = sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        if (r >= 0 && selinux_news_pending()) {
                news_pending = false;
                w->reloaded(w->userdata);
        }
        return r;
}

int selinux_watch(sd_event *event, void (*reloaded)(void *userdata), void *userdata) {
        _cleanup_free_ Watch *w = NULL;
        sd_event_source *source;
        int r;

        if (selinux_absent_reason())
                return 0;
        selinux_set_callback(SELINUX_CB_LOG, (union selinux_callback) { .func_log = on_message });
        if (selinux_status_open(0) < 0) /* 0: the kernel's status page or nothing; its other way is a socket that would have to be served */
                return -errno;
        w = malloc(sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (Watch) { reloaded, userdata };
        r = sd_event_add_time_relative(event, &source, CLOCK_MONOTONIC, POLL_USEC, 0, on_timer, w);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(source, "selinux-status");
        (void) sd_event_source_set_destroy_callback(source, free);
        TAKE_PTR(w);
        r = sd_event_source_set_floating(source, true); /* lives and ends with the loop */
        sd_event_source_unref(source);
        return r < 0 ? r : 0;
}

int selinux_check_context(const char *context) {
        if (selinux_absent_reason())
                return -EOPNOTSUPP;
        if (security_check_context_raw(context) >= 0)
                return 0;
        return errno == EINVAL ? -EINVAL : -EOPNOTSUPP; /* any other error is about us, not about the context */
}
