/* Options of a call: a{sv} with a fixed set of keys. An unknown key is refused by name, so that a misspelt one never passes for granted. */
#pragma once
#include <sys/types.h>
#include <systemd/sd-bus.h>
#include "common/macro.h"

typedef struct OptionNumbers { /* for "au"; memory of the message */
        const uint32_t *values;
        size_t n;
} OptionNumbers;

typedef struct Option {
        const char *name;
        const char *type; /* "s" (const char **), "b" (bool *), "u" (uint32_t *), "t" (uint64_t *), "au" (OptionNumbers *) */
        void *ret;        /* left alone when the key is absent */
        bool *ret_given;  /* may be NULL */
} Option;

/* Reads the a{sv} that comes next. -EINVAL with e = org.freedesktop.DBus.Error.InvalidArgs for an unknown key or a wrong type. Texts live
 * as long as the message. */
int options_read(sd_bus_message *m, const Option *options, size_t n, sd_bus_error *e);
