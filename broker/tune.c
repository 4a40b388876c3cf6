/* Changing properties of a class that is in use. */
#include "broker/tune.h"

#include <stdarg.h>
#include <stdio.h>

#include "broker/classlimits.h"
#include "broker/members.h"
#include "common/classvalue.h"
#include "common/kept.h"
#include "common/log.h"
#include "common/str.h"
#include "common/textstream.h"

typedef struct Tuning {
        Class *class;
        bool changes[_CLASS_PROPERTY_N];
        char *values[_CLASS_PROPERTY_N]; /* new ones; after they were taken into the class: the old ones. NULL = as in the file */
} Tuning;

static void tuning_done(Tuning *t) {
        for (size_t p = 0; p < _CLASS_PROPERTY_N; p++)
                free(t->values[p]);
}

_printf_(3, 4) static int refuse(WireResult *ret, int error, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        vsnprintf(ret->text, sizeof(ret->text), format, ap);
        va_end(ap);
        ret->code = error == -EPERM || error == -ERANGE || error == -EINVAL || error == -ENOENT ? WIRE_NOT_ALLOWED : WIRE_FAILED;
        ret->error = error;
        return error;
}

/* ---- checking ----------------------------------------------------------------------------------------------------------- */

/* Lines of devices, each of which the class's own file must name: paths are resolved at start only. */
static int canonical_devices(const Class *owner, ClassProperty p, const char *text, char **ret, const char **ret_expected) {
        char path[CLASS_DEVICE_PATH_MAX + 1], number[24];
        _cleanup_strv_ char **lines = NULL;
        _cleanup_free_ char *all = NULL;
        int r = strv_split(text, "\n", &lines);

        *ret_expected = "at least one device";
        if (r >= 0 && !lines)
                r = -EINVAL;
        for (char **line = lines; r >= 0 && line && *line; line++) {
                _cleanup_free_ char *one = NULL;
                r = class_value_canonical(p, *line, &one, ret_expected);
                const char *s = one;
                if (r >= 0 && class_value_next_device(&s, path, number) > 0 && !limit_device_find(owner->devices, owner->n_devices, path)) {
                        *ret_expected = "a device that the file of the class names";
                        r = -EINVAL;
                }
                if (r >= 0 && all)
                        r = class_value_add_device(&all, one);
                else if (r >= 0)
                        all = TAKE_PTR(one);
        }
        if (r < 0)
                return r == -ENOMEM ? r : -EINVAL;
        *ret = TAKE_PTR(all);
        return 0;
}

static int check_setting(Broker *b, Tuning *t, const WireSetting *m, WireResult *ret) {
        const Class *c = t->class, *owner = c->template_index == WIRE_NONE ? c : b->classes->items[c->template_index];
        _cleanup_free_ char *value = NULL;
        const char *expected;
        char bounds[200];

        if (m->property >= _CLASS_PROPERTY_N || m->reserved || !wire_text_ok(m->value, sizeof(m->value)))
                return refuse(ret, -EINVAL, "there is no such property");
        const ClassProperty p = m->property;
        const ClassBound *bound = &c->def->tunable[p];
        if (t->changes[p])
                return refuse(ret, -EINVAL, "%s is named twice", class_property_name(p));
        t->changes[p] = true;
        if (!bound->allowed)
                return refuse(ret, -EPERM, "%s is not among the Tunable= of class %.100s", class_property_name(p), c->name);
        if (!m->value[0])
                return 0; /* back to what the file says */
        int r = class_property_is_io_limit(p) ? canonical_devices(owner, p, m->value, &value, &expected)
                                              : class_value_canonical(p, m->value, &value, &expected);
        if (r < 0)
                return r == -EINVAL ? refuse(ret, r, "%s: expected %s", class_property_name(p), expected) : refuse(ret, r, "%s", strerror(-r));
        r = class_bound_check(p, bound, value, &b->classes->scale);
        class_bound_text(bound, bounds, sizeof(bounds));
        if (r < 0)
                return refuse(ret, r, "%s may be set to %s, not to %.40s", class_property_name(p), bounds, value);
        if (!class_property_is_io_limit(p))
                t->values[p] = TAKE_PTR(value);
        else if ((r = class_value_merge_devices(class_value(c, p), value, &t->values[p])) < 0)
                return refuse(ret, r, "%s: too many devices", class_property_name(p));
        return 0;
}

static int check_request(Broker *b, Tuning *t, const WireTune *m, WireResult *ret) {
        Class *c = class_by_index(b->classes, m->class_index);
        int r = 0;

        if (!c || (c->def->is_template && c->template_index == WIRE_NONE))
                return refuse(ret, -ENOENT, "there is no such class");
        if (m->count < 1 || m->count > WIRE_SETTINGS_MAX)
                return refuse(ret, -EINVAL, "a request has 1 to %d properties", WIRE_SETTINGS_MAX);
        t->class = c;
        for (uint32_t i = 0; r >= 0 && i < m->count; i++)
                r = check_setting(b, t, &m->settings[i], ret);
        return r;
}

/* ---- changing ----------------------------------------------------------------------------------------------------------- */

static void exchange(Tuning *t) {
        for (size_t p = 0; p < _CLASS_PROPERTY_N; p++)
                if (t->changes[p]) {
                        char *old = t->class->tuned[p];
                        t->class->tuned[p] = t->values[p];
                        t->values[p] = old;
                }
}

static int write_property(Broker *b, Class *c, ClassProperty p, WireResult *ret) {
        char why[200];

        if (class_property_is_member(p)) {
                members_note(b->classes, c);
                if (c->notes[p].set && !c->notes[p].supported)
                        return refuse(ret, -EOPNOTSUPP, "%s: %.200s", class_property_name(p), c->notes[p].text);
                return 0;
        }
        if (class_refuses_limit(b->classes, c, p, why, sizeof(why)))
                return refuse(ret, -EOPNOTSUPP, "%s: %s", class_property_name(p), why);
        int r = class_write_limit(b->classes, c, p, why, sizeof(why));
        return r < 0 ? refuse(ret, r == -ENOENT ? -EOPNOTSUPP : r, "%s: %s", class_property_name(p), why) : 0;
}

/* Undoes what was written, the one that failed included: it may be several files. */
static void roll_back(Broker *b, Tuning *t, int last) {
        char why[200];

        exchange(t);
        for (int p = last; p >= 0; p--)
                if (t->changes[p] && !class_property_is_member(p) && !class_refuses_limit(b->classes, t->class, p, why, sizeof(why)) &&
                    class_write_limit(b->classes, t->class, p, why, sizeof(why)) < 0)
                        log_warning("class %s: %s cannot be set back: %s", t->class->name, class_property_name(p), why);
        members_note(b->classes, t->class);
}

static void finish(Broker *b, Tuning *t) {
        static const uint32_t bits[] = { WIRE_MEMBER_NICE, WIRE_MEMBER_OOM, WIRE_MEMBER_FILES };
        uint32_t what = 0;

        for (ClassProperty p = 0; p < _CLASS_PROPERTY_N; p++) {
                if (class_property_is_member(p))
                        what |= t->changes[p] ? bits[p - CLASS_NICE] : 0;
                else if (t->changes[p] || t->class->notes[p].supported)
                        class_note_limit(b->classes, t->class, p); /* also what shares a file with one that was changed */
        }
        t->class->members_told &= ~what;
        members_note(b->classes, t->class);
        members_apply(b, t->class, what);
        int r = tune_save(b->runtime_fd, b->classes);
        if (r < 0)
                log_warning_errno(r, "class %s: what was changed is in force, but will be forgotten at a restart", t->class->name);
}

void tune_class(Broker *b, const WireTune *m, WireResult *ret) {
        _cleanup_(tuning_done) Tuning t = {};
        int r;

        *ret = (WireResult) {};
        if (check_request(b, &t, m, ret) < 0)
                return;
        exchange(&t);
        for (int p = 0; p < _CLASS_PROPERTY_N; p++) {
                r = t.changes[p] ? write_property(b, t.class, p, ret) : 0;
                if (r < 0) {
                        roll_back(b, &t, p);
                        return;
                }
        }
        finish(b, &t);
}

/* ---- across restarts -------------------------------------------------------------------------------------------------- */

int tune_load(int runtime_fd, ClassTable **ret) {
        _cleanup_free_ char *text = NULL;
        TextError err = {};
        char message[600];
        int r = kept_load(runtime_fd, TUNE_FILE, &text);

        if (r == -ENOENT)
                return 0;
        if (r > 0)
                log_warning("the file of what was changed in classes is %s; the copy that was saved before it is taken", r == KEPT_GONE ? "gone" : "damaged");
        if (r == -EBADMSG) {
                log_warning("the file of what was changed in classes is damaged, and there is no copy of it: what root's files say is in force again");
                return KEPT_LOST;
        }
        if (r < 0)
                return log_error_errno(r, "what was changed in classes cannot be read");
        int q = class_table_parse(text, strlen(text), TUNE_FILE, ret, &err);
        if (q == -ENOMEM)
                return q;
        if (q >= 0)
                return r;
        text_error_format(&err, message, sizeof(message));
        log_warning("what was changed in classes is forgotten, what root's files say is in force again: %s", message);
        return KEPT_LOST;
}

void tune_dropped(Broker *b, const Class *c) {
        bool any = false;

        for (size_t p = 0; p < _CLASS_PROPERTY_N; p++)
                any = any || c->tuned[p];
        int r = any ? tune_save(b->runtime_fd, b->classes) : 0;
        if (r < 0)
                log_warning_errno(r, "class %s: what was changed of it is still written down", c->name);
}

int tune_save(int runtime_fd, const ClassSet *s) {
        _cleanup_free_ char *text = NULL;
        TextStream stream;
        FILE *f = text_stream_open(&stream);

        if (!f)
                return -ENOMEM;
        for (size_t i = 0; i < s->n; i++) {
                const Class *c = s->items[i];
                bool named = false;
                for (ClassProperty p = 0; c->live && p < _CLASS_PROPERTY_N; p++) {
                        if (!c->tuned[p])
                                continue;
                        if (!named)
                                fprintf(f, "[Class %s]\n", c->name);
                        named = true;
                        class_property_format(p, c->tuned[p], f);
                }
        }
        int r = text_stream_close(&stream, &text, NULL);
        return r < 0 ? r : kept_save(runtime_fd, TUNE_FILE, text, 0644);
}
