/* Rows of answers: a{sv} written key by key. All return >= 0 or a negative errno. */
#pragma once
#include <systemd/sd-bus.h>
#include "common/macro.h"

static inline int row_open(sd_bus_message *m) {
        return sd_bus_message_open_container(m, 'a', "{sv}");
}
static inline int row_close(sd_bus_message *m) {
        return sd_bus_message_close_container(m);
}
static inline int rows_open(sd_bus_message *m) {
        return sd_bus_message_open_container(m, 'a', "a{sv}");
}
static inline int rows_close(sd_bus_message *m) {
        return sd_bus_message_close_container(m);
}

/* Text of any origin: what D-Bus would refuse is escaped as \xNN. NULL is the empty text. */
int row_text(sd_bus_message *m, const char *key, const char *text);
int row_append_text(sd_bus_message *m, const char *text); /* the bare string */
int row_u32(sd_bus_message *m, const char *key, uint32_t value);
int row_u64(sd_bus_message *m, const char *key, uint64_t value);
int row_bool(sd_bus_message *m, const char *key, bool value);

/* "Key" => variant of aa{sv}; rows are written between open and close. */
int row_list_open(sd_bus_message *m, const char *key);
int row_list_close(sd_bus_message *m);
