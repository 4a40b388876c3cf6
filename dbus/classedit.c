/* Add and Remove of org.pclass.Classes: the broker decides, within what root's files allow. */
#include "dbus/classedit.h"

#include "common/classdef.h"
#include "common/str.h"
#include "dbus/classchange.h"
#include "dbus/error.h"
#include "dbus/options.h"

static void on_done(int error, const char *text, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        Call *c = userdata;

        call_finish(c, error < 0 ? error_of_class(error, c->text, text, &e) : 0, &e);
}

/* ---- Add ---------------------------------------------------------------------------------------------------------------- */

static int read_hierarchies(Call *c, sd_bus_error *e) {
        const char *type;
        int r = sd_bus_message_peek_type(c->message, NULL, &type);

        if (r >= 0 && !streq_ptr(type, "s"))
                return sd_bus_error_setf(e, SD_BUS_ERROR_INVALID_ARGS, "Option 'Hierarchies' has type '%s', expected 's'", strnull(type));
        return r < 0 ? r : sd_bus_message_read(c->message, "v", "s", &c->hierarchies);
}

static int read_property(Call *c, sd_bus_error *e) {
        const char *key;
        int r = sd_bus_message_read_basic(c->message, 's', &key);

        if (r < 0)
                return r;
        return streq(key, "Hierarchies") ? read_hierarchies(c, e) : setting_read(c, key, e);
}

int class_check_add(Call *c, sd_bus_error *e) {
        int r = sd_bus_message_read(c->message, "s", &c->text);

        c->hierarchies = NULL;
        c->n_settings = 0;
        if (r >= 0)
                r = sd_bus_message_enter_container(c->message, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(c->message, 'e', "sv")) > 0) {
                r = read_property(c, e);
                if (r >= 0)
                        r = sd_bus_message_exit_container(c->message);
        }
        if (r < 0)
                return r;
        if (!startswith(c->text, "runtime/") || !class_name_valid(c->text, false))
                return sd_bus_error_set(e, SD_BUS_ERROR_INVALID_ARGS, "The name of a class that is made at run time is runtime/NAME, of letters, digits and _.@:,-");
        call_detail(c, "class", c->text);
        return sd_bus_message_exit_container(c->message);
}

/* All or nothing: with a property that cannot be set there is no class either. */
static void on_set(int error, const char *why, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        Call *c = userdata;

        if (error < 0) {
                (void) manager_class_remove(c->manager, c->text, CLASS_REMOVE_DRAIN, NULL, NULL);
                error = setting_error(error, why, &e);
        }
        call_finish(c, error, &e);
}

static void on_added(int error, const char *text, void *userdata) {
        Call *c = userdata;
        TextError err = {};
        size_t index;

        if (error < 0 || c->n_settings == 0) {
                on_done(error, text, c);
                return;
        }
        int r = manager_class_find(c->manager, c->text, &index);
        if (r >= 0)
                r = manager_class_set(c->manager, index, c->settings, c->n_settings, on_set, c, &err);
        if (r < 0)
                on_set(r, err.message, c);
}

int class_begin_add(Call *c, sd_bus_error *e) {
        int r = manager_class_add(c->manager, c->text, c->hierarchies, c->settings, c->n_settings, on_added, c);

        if (r == -ENOENT)
                return sd_bus_error_setf(e, SD_BUS_ERROR_INVALID_ARGS, "There is no hierarchy for all of: %s", c->hierarchies);
        return r < 0 ? error_of_class(r, c->text, "", e) : 0;
}

int class_answer_add(Call *c, sd_bus_message *reply, sd_bus_error *e) {
        _cleanup_free_ char *path = NULL;
        int r = sd_bus_path_encode("/Classes", c->text, &path);

        return r < 0 ? r : sd_bus_message_append(reply, "o", path);
}

/* ---- Remove ------------------------------------------------------------------------------------------------------------- */

static int read_mode(const char *mode, ClassRemoval *ret) {
        static const char *const names[] = {
                [CLASS_REMOVE_EMPTY] = "refuse", [CLASS_REMOVE_DRAIN] = "drain", [CLASS_REMOVE_KILL] = "kill",
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(mode, names[i])) {
                        *ret = i;
                        return 0;
                }
        return -EINVAL;
}

int class_check_remove(Call *c, sd_bus_error *e) {
        const char *path, *mode = "refuse";
        const Option options[] = { { "mode", "s", &mode, NULL } };
        int r = sd_bus_message_read(c->message, "o", &path);

        if (r < 0)
                return r;
        r = options_read(c->message, options, ELEMENTSOF(options), e);
        if (r < 0)
                return r;
        if (read_mode(mode, &c->removal) < 0)
                return sd_bus_error_set(e, SD_BUS_ERROR_INVALID_ARGS, "Option 'mode' is refuse, drain or kill");
        r = sd_bus_path_decode(path, "/Classes", &c->class_name);
        if (r == -ENOMEM)
                return r;
        if (r <= 0 || manager_class_find(c->manager, c->class_name, &c->class_index) < 0)
                return error_no_class(path, e);
        c->text = c->class_name;
        call_detail(c, "class", c->class_name);
        call_detail(c, "mode", mode);
        return 0;
}

int class_begin_remove(Call *c, sd_bus_error *e) {
        int r = manager_class_remove(c->manager, c->class_name, c->removal, on_done, c);

        return r < 0 ? error_of_class(r, c->text, "", e) : 0;
}
