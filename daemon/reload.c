/* Reload: rule files at once; pclass.conf and classes.d, which the broker reads, by starting anew. */
#include <stdio.h>
#include "common/config.h"
#include "common/log.h"
#include "daemon/internal.h"
#include "daemon/lifecycle.h"
#include "daemon/timer.h"

#define RELOADS_MAX 16

typedef struct Reload {
        struct Reload *next;
        Manager *m;
        ManagerReloaded callback; /* NULL: nobody waits any more */
        void *userdata;
        bool restart;
} Reload;

static int on_restart(sd_event_source *s, uint64_t usec, void *userdata) {
        Manager *m = userdata;
        WireReady item = {};

        /* Whoever waits for an answer gets it first, and what cannot be asked for now is asked for later. */
        if (m->settle.n > 0 || brokerclient_submit(m->broker, WIRE_RESTART, &item, NULL, NULL) < 0)
                timer_within(m->restart, RELOAD_RESTART_USEC);
        return 0;
}

int restart_init(Manager *m) {
        return timer_new(m->event, CLOCK_MONOTONIC, 1000, on_restart, m, &m->restart);
}

void manager_restart_soon(Manager *m) {
        if (m->restarting)
                return;
        log_notice("Starting anew");
        m->restarting = true;
        manager_status_changed(m);
        timer_within(m->restart, RELOAD_RESTART_USEC);
}

static void reload_unlink(Reload *x) {
        for (Reload **p = &x->m->reload; *p; p = &(*p)->next)
                if (*p == x) {
                        *p = x->next;
                        return;
                }
}

static void reload_end(Reload *x, int r, const TextError *err) {
        reload_unlink(x);
        if (r >= 0)
                x->m->stats.reloads++;
        if (r >= 0 && x->restart)
                manager_restart_soon(x->m);
        if (x->callback)
                x->callback(r, r >= 0 && x->restart, err, x->userdata);
        free(x);
}

static void on_rules_loaded(int r, const TextError *err, void *userdata) {
        Reload *x = userdata;

        if (r == -ECANCELED)
                x->callback = NULL; /* the daemon ends */
        reload_end(x, r, err);
}

/* The service will start with files that another pclass.conf names: with an error in them it would not. They are not put in force before. */
static int check_new_files(Reload *x, TextError *err) {
        const char *path = x->m->options->config_file;
        Config *config = NULL;
        int r = path ? config_load(path, &config, err) : -EACCES;

        if (r == -EACCES) { /* root's alone: then the present ones are looked at */
                config_free(config);
                return ruleload_files(x->m->rules, on_rules_loaded, x);
        }
        if (r >= 0)
                r = ruleload_check(x->m->rules, config, on_rules_loaded, x);
        if (r < 0)
                config_free(config);
        return r;
}

static void on_config_checked(unsigned op, const void *reply, void *token, void *userdata) {
        const WireResult *result = reply;
        TextError err = {};
        Reload *x = token;
        int r = 0;

        if (!reply) {
                reload_unlink(x);
                free(x);
                return;
        }
        if (!wire_text_ok(result->text, sizeof(result->text)))
                r = -EPROTO;
        else if (result->code < 0)
                r = text_error(&err, NULL, 0, 0, "%s", result->text);
        x->restart = result->code > 0;
        if (r >= 0)
                r = x->restart ? check_new_files(x, &err) : ruleload_files(x->m->rules, on_rules_loaded, x);
        if (r < 0)
                reload_end(x, r, &err);
}

int manager_reload(Manager *m, ManagerReloaded callback, void *userdata) {
        WireReady item = {};
        size_t n = 0;
        Reload *x;
        int r;

        for (x = m->reload; x; x = x->next)
                n++;
        if (n >= RELOADS_MAX)
                return -ENOBUFS;
        x = malloc(sizeof(*x));
        if (!x)
                return -ENOMEM;
        *x = (Reload) { m->reload, m, callback, userdata };
        r = brokerclient_submit(m->broker, WIRE_CHECK_CONFIG, &item, on_config_checked, x);
        if (r < 0) {
                free(x);
                return r;
        }
        m->reload = x;
        names_refresh(m->names);
        return 0;
}

static void on_reloaded_by_signal(int error, bool restarts, const TextError *err, void *userdata) {
        char text[600];

        text_error_format(err, text, sizeof(text));
        if (error < 0)
                log_error("Nothing is reloaded: %s", text[0] ? text : strerror(-error));
        else
                log_notice("Reloaded%s", restarts ? "; classes or configuration have changed" : "");
}

void manager_reload_by_signal(Manager *m) {
        int r = m->ready ? manager_reload(m, on_reloaded_by_signal, NULL) : 0;

        if (r < 0)
                log_warning_errno(r, "Cannot reload now");
}

void manager_reload_cancel(Manager *m, void *userdata) {
        for (Reload *x = m->reload; x; x = x->next)
                if (x->userdata == userdata)
                        x->callback = NULL;
}
