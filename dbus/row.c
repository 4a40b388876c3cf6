/* Rows of answers. */
#include "dbus/row.h"

#include "common/str.h"

int row_append_text(sd_bus_message *m, const char *text) {
        _cleanup_free_ char *escaped = NULL;

        text = strnull(text);
        if (!str_is_printable_utf8(text)) {
                escaped = str_escape(text);
                if (!escaped)
                        return -ENOMEM;
                text = escaped;
        }
        return sd_bus_message_append_basic(m, 's', text);
}

int row_text(sd_bus_message *m, const char *key, const char *text) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(m, 's', key);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'v', "s");
        if (r < 0)
                return r;
        r = row_append_text(m, text);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int row_u32(sd_bus_message *m, const char *key, uint32_t value) {
        return sd_bus_message_append(m, "{sv}", key, "u", value);
}

int row_u64(sd_bus_message *m, const char *key, uint64_t value) {
        return sd_bus_message_append(m, "{sv}", key, "t", value);
}

int row_bool(sd_bus_message *m, const char *key, bool value) {
        return sd_bus_message_append(m, "{sv}", key, "b", (int) value);
}

int row_list_open(sd_bus_message *m, const char *key) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(m, 's', key);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'v', "aa{sv}");
        return r < 0 ? r : rows_open(m);
}

int row_list_close(sd_bus_message *m) {
        int r;

        r = rows_close(m);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}
