/* Asking the broker to change properties of a class. */
#include "common/classdef.h"
#include "daemon/internal.h"
#include "daemon/latevalues.h"

#define TUNINGS_MAX 64 /* under way at once */

typedef struct Tuning {
        struct Tuning *next;
        Manager *m;
        uint32_t class_index;
        ManagerTuned callback; /* NULL: nobody waits any more */
        void *userdata;
} Tuning;

static void unlink_tuning(Tuning *x) {
        for (Tuning **p = &x->m->tunings; *p; p = &(*p)->next)
                if (*p == x) {
                        *p = x->next;
                        return;
                }
}

static void on_tuned(unsigned op, const void *reply, void *token, void *userdata) {
        _cleanup_free_ Tuning *x = token;
        const WireResult *result = reply;

        if (!reply)
                return;
        unlink_tuning(x);
        latevalues_of_all(x->m, x->class_index, true);
        bool failed = result->code != WIRE_OK;
        if (x->callback)
                x->callback(failed ? (result->error < 0 ? result->error : -EIO) : 0, wire_text_ok(result->text, sizeof(result->text)) ? result->text : "",
                            x->userdata);
}

static int fill(const ClassSetting *settings, size_t n, WireTune *item, TextError *err) {
        if (n < 1 || n > WIRE_SETTINGS_MAX)
                return text_error(err, NULL, 0, 0, "expected 1 to %d properties", WIRE_SETTINGS_MAX);
        item->count = n;
        for (size_t i = 0; i < n; i++) {
                WireSetting *s = &item->settings[i];
                ClassProperty p;
                if (class_property_from_name(settings[i].name, &p) < 0)
                        return text_error(err, NULL, 0, 0, "there is no property \"%.64s\"", settings[i].name);
                if (strlen(settings[i].value) >= sizeof(s->value))
                        return text_error(err, NULL, 0, 0, "the value of %s is too long", settings[i].name);
                s->property = p;
                strcpy(s->value, settings[i].value);
        }
        return 0;
}

int manager_class_set(Manager *m, size_t index, const ClassSetting *settings, size_t n, ManagerTuned callback, void *userdata, TextError *err) {
        _cleanup_free_ WireTune *item = calloc(1, sizeof(*item));
        size_t under_way = 0;
        int r;

        if (!item)
                return -ENOMEM;
        for (const Tuning *x = m->tunings; x; x = x->next)
                under_way++;
        if (under_way >= TUNINGS_MAX)
                return -ENOBUFS;
        r = manager_class_index(m, index, &item->class_index);
        if (r >= 0)
                r = fill(settings, n, item, err);
        if (r < 0)
                return r;
        Tuning *x = malloc(sizeof(*x));
        if (!x)
                return -ENOMEM;
        *x = (Tuning) { m->tunings, m, item->class_index, callback, userdata };
        r = brokerclient_submit(m->broker, WIRE_TUNE, item, on_tuned, x);
        if (r < 0) {
                free(x);
                return r;
        }
        m->tunings = x;
        latevalues_of_all(m, x->class_index, false);
        return 0;
}

void manager_class_set_cancel(Manager *m, void *userdata) {
        for (Tuning *x = m->tunings; x; x = x->next)
                if (x->userdata == userdata)
                        x->callback = NULL;
}
