/* Classes made and removed as D-Bus asks for it: the broker does it, or says why not. */
#include <stdio.h>
#include "common/log.h"
#include "daemon/internal.h"

#define EDITS_MAX 64
#define AGAIN_USEC 20000 /* while those that were killed or drained are not all gone */
#define AGAIN_MAX 250

typedef struct ClassEdit {
        struct ClassEdit *next;
        Manager *m;
        ManagerClassDone callback; /* NULL: nobody waits any more */
        void *userdata;
        ClassRemoval how;
        unsigned tries;
        bool was_there; /* when the broker was asked last */
        sd_event_source *again;
        char name[WIRE_TEXT_MAX];
} ClassEdit;

static void edit_free(ClassEdit *x) {
        sd_event_source_disable_unref(x->again);
        free(x);
}

static int edit_new(Manager *m, const char *name, ManagerClassDone callback, void *userdata, ClassEdit **ret) {
        size_t n = 0;

        for (const ClassEdit *x = m->class_edits; x; x = x->next)
                n++;
        if (n >= EDITS_MAX)
                return -ENOBUFS;
        if (strlen(name) >= WIRE_TEXT_MAX)
                return -EINVAL;
        ClassEdit *x = calloc(1, sizeof(*x));
        if (!x)
                return -ENOMEM;
        x->m = m;
        x->callback = callback;
        x->userdata = userdata;
        strcpy(x->name, name);
        x->next = m->class_edits;
        m->class_edits = x;
        *ret = x;
        return 0;
}

static void edit_unlink(ClassEdit *x) {
        for (ClassEdit **p = &x->m->class_edits; *p; p = &(*p)->next)
                if (*p == x) {
                        *p = x->next;
                        return;
                }
}

static void edit_end(ClassEdit *x, int error, const char *text) {
        edit_unlink(x);
        /* Rules that wait for a class of this name hold now, and others no more. */
        if (error >= 0 && manager_recompile(x->m) < 0)
                log_warning("The rules could not be compiled anew for class %s; they will be at the next change", x->name);
        if (x->callback)
                x->callback(error, text, x->userdata);
        edit_free(x);
}

void manager_class_cancel(Manager *m, void *userdata) {
        for (ClassEdit *x = m->class_edits; x; x = x->next)
                if (x->userdata == userdata)
                        x->callback = NULL;
}

static int edit_submit(ClassEdit *x, unsigned op, const void *item, BrokerReply reply) {
        int r = brokerclient_submit(x->m->broker, op, item, reply, x);

        if (r < 0) {
                edit_unlink(x);
                edit_free(x);
        }
        return r;
}

/* ---- adding -------------------------------------------------------------------------------------------------------------- */

static int take_class(Manager *m, const WireClass *item) {
        Class *c;
        int r = classes_add_class(&m->classes, item, &c);

        if (r < 0)
                return r;
        log_notice("Class %s was made", c->name);
        return manager_class_appeared(m, c);
}

static void on_added(unsigned op, const void *reply, void *token, void *userdata) {
        const WireClass *item = reply;
        ClassEdit *x = token;

        if (!reply)
                return; /* freed by the one who ends */
        if (item->code == WIRE_OK)
                edit_end(x, take_class(x->m, item), "");
        else
                edit_end(x, item->error ? item->error : -EIO, wire_code_name(item->code));
}

static int find_hierarchies(const Manager *m, const char *list, uint32_t *ret) {
        _cleanup_strv_ char **words = NULL;
        uint32_t mask = 0;
        int r = list ? strv_split(list, " ,", &words) : 0;

        for (char **w = words; r >= 0 && w && *w; w++) {
                uint32_t h = streq(*w, "*") ? 0 : classes_controller(&m->classes, *w);
                mask |= h;
                r = h ? 0 : -ENOENT;
        }
        if (r >= 0)
                *ret = mask;
        return r;
}

/* Where the property is written; properties of members are written nowhere. */
static uint32_t setting_hierarchies(const Manager *m, const char *property) {
        static const struct {
                const char *prefix, *controllers[2];
        } table[] = {
                { "CPU", { "cpu" } }, { "Allowed", { "cpuset" } }, { "Memory", { "memory" } }, { "Tasks", { "pids" } }, { "IO", { "io", "blkio" } },
        };
        uint32_t mask = 0;

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                for (size_t k = 0; startswith(property, table[i].prefix) && k < 2 && table[i].controllers[k]; k++)
                        mask |= classes_controller(&m->classes, table[i].controllers[k]);
        return mask;
}

int manager_class_add(Manager *m, const char *name, const char *hierarchies, const ClassSetting *settings, size_t n_settings,
                      ManagerClassDone callback, void *userdata) {
        WireAddClass item = {};
        ClassEdit *x;
        int r = find_hierarchies(m, hierarchies, &item.hierarchies);

        for (size_t i = 0; !hierarchies && i < n_settings; i++)
                item.hierarchies |= setting_hierarchies(m, settings[i].name);
        if (r >= 0)
                r = edit_new(m, name, callback, userdata, &x);
        if (r < 0)
                return r;
        strcpy(item.name, name);
        return edit_submit(x, WIRE_ADD_CLASS, &item, on_added);
}

/* ---- removing ------------------------------------------------------------------------------------------------------------- */

static int submit_removal(ClassEdit *x);

/* Whoever waits is told when it cannot even be asked for. */
static void resubmit_removal(ClassEdit *x) {
        ManagerClassDone callback = x->callback;
        void *waiting = x->userdata;
        int r = submit_removal(x); /* lets go of x if it fails */

        if (r < 0 && callback)
                callback(r, "", waiting);
}

static int on_again(sd_event_source *s, uint64_t usec, void *userdata) {
        ClassEdit *x = userdata;

        x->again = sd_event_source_disable_unref(x->again);
        if (!classes_find(&x->m->classes, x->name))
                edit_end(x, 0, ""); /* an instance that was removed for being empty */
        else
                resubmit_removal(x);
        return 0;
}

static bool try_again(ClassEdit *x) {
        return x->how != CLASS_REMOVE_EMPTY && ++x->tries < AGAIN_MAX &&
               sd_event_add_time_relative(x->m->event, &x->again, CLOCK_MONOTONIC, AGAIN_USEC, 0, on_again, x) >= 0;
}

/* The class runtime, unless root wrote it, was made for the first one below it and goes with the last. */
static void remove_parent(Manager *m, const Class *parent) {
        if (!parent || !(parent->flags & WIRE_CLASS_RUNTIME) || strchr(parent->name, '/'))
                return;
        for (size_t i = 0; i < m->classes.n; i++)
                if (m->classes.classes[i] && classes_parent(&m->classes, m->classes.classes[i]) == parent)
                        return;
        (void) manager_class_remove(m, parent->name, CLASS_REMOVE_EMPTY, NULL, NULL);
}

static void on_removed(unsigned op, const void *reply, void *token, void *userdata) {
        const WireResult *result = reply;
        ClassEdit *x = token;

        if (!reply)
                return;
        Class *c = classes_find(&x->m->classes, x->name);
        const char *text = wire_text_ok(result->text, sizeof(result->text)) ? result->text : "";
        if (result->code == WIRE_OK && c) {
                log_notice("Class %s was removed", x->name);
                const Class *parent = classes_parent(&x->m->classes, c);
                manager_class_vanished(x->m, c);
                remove_parent(x->m, parent);
                edit_end(x, 0, "");
        } else if (result->code == WIRE_STALE && c) {
                c->dropping = false;
                if (!try_again(x))
                        edit_end(x, -EBUSY, text);
        } else if (!c && x->was_there) {
                edit_end(x, 0, ""); /* an instance that was removed for being empty while we were asking */
        } else {
                if (c)
                        c->dropping = false;
                edit_end(x, result->error < 0 ? result->error : result->code == WIRE_NOT_ALLOWED ? -EPERM : -EIO, text);
        }
}

/* A process that is judged meanwhile is not sent there. */
static int submit_removal(ClassEdit *x) {
        Class *c = classes_find(&x->m->classes, x->name);
        WireRemoveClass item = { .class_index = c ? c->index : WIRE_NONE, .how = x->how };
        x->was_there = c;
        int r = edit_submit(x, WIRE_REMOVE_CLASS, &item, on_removed);

        if (r >= 0 && c)
                c->dropping = true;
        return r;
}

int manager_class_remove(Manager *m, const char *name, ClassRemoval how, ManagerClassDone callback, void *userdata) {
        ClassEdit *x;
        int r = edit_new(m, name, callback, userdata, &x);

        if (r < 0)
                return r;
        x->how = how;
        return submit_removal(x);
}

void class_edits_done(Manager *m) {
        while (m->class_edits) {
                ClassEdit *x = m->class_edits;
                m->class_edits = x->next;
                edit_free(x);
        }
}
