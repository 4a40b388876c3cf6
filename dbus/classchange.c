/* Changing properties of a class within its Tunable=. Whether it may is the broker's word; here it is only read and passed on. */
#include "dbus/classchange.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/classdef.h"
#include "common/str.h"
#include "dbus/error.h"
#include "polkit/actions.h"

/* One value as text: "s" as it is, numbers and truth as a class file has them. */
static int read_value(Call *c, const char *type, char *number, size_t size, const char **ret) {
        uint64_t u = 0;
        int64_t i = 0;
        uint32_t u32 = 0;
        int32_t i32 = 0;
        int flag = 0, r;

        *ret = number;
        switch (type[0]) {
        case 's':
                return sd_bus_message_read_basic(c->message, 's', ret);
        case 'b':
                r = sd_bus_message_read_basic(c->message, 'b', &flag);
                snprintf(number, size, "%s", flag ? "yes" : "no");
                return r;
        case 't':
                r = sd_bus_message_read_basic(c->message, 't', &u);
                snprintf(number, size, "%" PRIu64, u);
                return r;
        case 'u':
                r = sd_bus_message_read_basic(c->message, 'u', &u32);
                snprintf(number, size, "%" PRIu32, u32);
                return r;
        case 'x':
                r = sd_bus_message_read_basic(c->message, 'x', &i);
                snprintf(number, size, "%" PRId64, i);
                return r;
        default:
                r = sd_bus_message_read_basic(c->message, 'i', &i32);
                snprintf(number, size, "%" PRId32, i32);
                return r;
        }
}

int setting_read(Call *c, const char *name, sd_bus_error *e) {
        const char *type;
        ClassProperty p;
        int r;

        if (class_property_from_name(name, &p) < 0)
                return sd_bus_error_setf(e, SD_BUS_ERROR_INVALID_ARGS, "Unknown property '%s'", name);
        if (c->n_settings >= CLASS_SETTINGS_MAX)
                return sd_bus_error_setf(e, SD_BUS_ERROR_INVALID_ARGS, "There are more than %d properties", CLASS_SETTINGS_MAX);
        r = sd_bus_message_peek_type(c->message, NULL, &type);
        if (r < 0)
                return r;
        if (strlen(type) != 1 || !strchr("sbtuxi", type[0]))
                return sd_bus_error_setf(e, SD_BUS_ERROR_INVALID_ARGS, "Property '%s' has type '%s', expected a text or a number", name, type);
        r = sd_bus_message_enter_container(c->message, 'v', type);
        if (r < 0)
                return r;
        ClassSetting *s = &c->settings[c->n_settings];
        s->name = name;
        r = read_value(c, type, c->setting_texts[c->n_settings], sizeof(c->setting_texts[0]), &s->value);
        c->n_settings++;
        return r < 0 ? r : sd_bus_message_exit_container(c->message);
}

int set_properties_check(Call *c, sd_bus_error *e) {
        const char *path = sd_bus_message_get_path(c->message);
        _cleanup_free_ char *name = NULL;
        int r;

        c->n_settings = 0;
        r = sd_bus_message_enter_container(c->message, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(c->message, 'e', "sv")) > 0) {
                const char *key;
                r = sd_bus_message_read_basic(c->message, 's', &key);
                if (r >= 0)
                        r = setting_read(c, key, e);
                if (r >= 0)
                        r = sd_bus_message_exit_container(c->message);
        }
        if (r < 0)
                return r;
        if (c->n_settings == 0)
                return sd_bus_error_set(e, SD_BUS_ERROR_INVALID_ARGS, "There is no property to set");
        if (sd_bus_path_decode(path, "/Classes", &name) <= 0 || manager_class_find(c->manager, name, &c->class_index) < 0)
                return error_no_class(path, e);
        free(c->class_name);
        c->class_name = TAKE_PTR(name);
        call_detail(c, "class", c->class_name);
        call_detail(c, "property", c->settings[0].name);
        return sd_bus_message_exit_container(c->message);
}

int setting_error(int r, const char *why, sd_bus_error *e) {
        const char *name = r == -EPERM ? ERROR_NOT_TUNABLE : r == -EOPNOTSUPP ? ERROR_NOT_SUPPORTED : r == -ENOENT ? ERROR_NO_SUCH_CLASS :
                           r == -EINVAL || r == -ERANGE ? SD_BUS_ERROR_INVALID_ARGS : SD_BUS_ERROR_FAILED;
        _cleanup_free_ char *printable = NULL;

        if (!*why)
                return error_of_daemon(r, e);
        if (!str_is_printable_utf8(why))
                printable = str_escape(why);
        return sd_bus_error_set(e, name, printable ?: why);
}

static void on_tuned(int error, const char *why, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        Call *c = userdata;

        if (error < 0)
                error = setting_error(error, why, &e);
        call_finish(c, error, &e);
}

int set_properties_begin(Call *c, sd_bus_error *e) {
        TextError err = {};
        int r = manager_class_set(c->manager, c->class_index, c->settings, c->n_settings, on_tuned, c, &err);

        if (r == -ENOENT)
                return sd_bus_error_set(e, ERROR_NO_SUCH_CLASS, "The class is gone");
        return r < 0 ? setting_error(r, err.message, e) : 0;
}
