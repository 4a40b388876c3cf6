/* Reads a{sv} arguments by a table of known keys. */
#include "dbus/options.h"

static const Option *option_find(const Option *options, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (streq(options[i].name, name))
                        return options + i;
        return NULL;
}

static int option_read_value(sd_bus_message *m, const Option *o) {
        OptionNumbers numbers;
        const void *values;
        size_t size;
        int flag, r;

        switch (o->type[0]) {
        case 'b':
                r = sd_bus_message_read_basic(m, 'b', &flag);
                if (r > 0)
                        *(bool *) o->ret = flag;
                return r;
        case 'a':
                r = sd_bus_message_read_array(m, o->type[1], &values, &size);
                if (r < 0)
                        return r;
                numbers = (OptionNumbers) { .values = values, .n = size / sizeof(uint32_t) };
                *(OptionNumbers *) o->ret = numbers;
                return 1;
        default:
                return sd_bus_message_read_basic(m, o->type[0], o->ret);
        }
}

static int option_read(sd_bus_message *m, const Option *options, size_t n, sd_bus_error *e) {
        const char *key, *contents;
        const Option *o;
        int r;

        r = sd_bus_message_read_basic(m, 's', &key);
        if (r < 0)
                return r;
        o = option_find(options, n, key);
        if (!o)
                return sd_bus_error_setf(e, SD_BUS_ERROR_INVALID_ARGS, "Unknown option '%s'", key);
        r = sd_bus_message_peek_type(m, NULL, &contents);
        if (r < 0)
                return r;
        if (!streq_ptr(contents, o->type))
                return sd_bus_error_setf(e, SD_BUS_ERROR_INVALID_ARGS, "Option '%s' has type '%s', expected '%s'", key, strnull(contents), o->type);
        r = sd_bus_message_enter_container(m, 'v', contents);
        if (r < 0)
                return r;
        r = option_read_value(m, o);
        if (r < 0)
                return r;
        if (o->ret_given)
                *o->ret_given = true;
        return sd_bus_message_exit_container(m);
}

int options_read(sd_bus_message *m, const Option *options, size_t n, sd_bus_error *e) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = option_read(m, options, n, e);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}
