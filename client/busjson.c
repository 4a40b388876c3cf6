/* D-Bus answers as JSON values. */
#include "client/busjson.h"

#include <inttypes.h>
#include <stdio.h>

#define DEPTH_MAX 32 /* our own interface nests five deep; D-Bus allows 64 */

static int convert(sd_bus_message *m, unsigned depth, json_object **ret);

static inline void json_dropp(json_object **o) {
        json_object_put(*o);
}
#define _cleanup_json_value_ _cleanup_(json_dropp)

static int json_made(json_object *o, json_object **ret) {
        if (!o)
                return -ENOMEM;
        *ret = o;
        return 1;
}

/* One value of a basic type. */
static int convert_basic(sd_bus_message *m, char type, json_object **ret) {
        union {
                uint8_t y;
                int b;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
                const char *s;
        } v;
        int r = type == 'h' ? -EOPNOTSUPP : sd_bus_message_read_basic(m, type, &v);

        if (r < 0)
                return r;
        switch (type) {
        case 'y':
                return json_made(json_object_new_int(v.y), ret);
        case 'b':
                return json_made(json_object_new_boolean(v.b), ret);
        case 'n':
                return json_made(json_object_new_int(v.n), ret);
        case 'q':
                return json_made(json_object_new_int(v.q), ret);
        case 'i':
                return json_made(json_object_new_int(v.i), ret);
        case 'u':
                return json_made(json_object_new_int64(v.u), ret);
        case 'x':
                return json_made(json_object_new_int64(v.x), ret);
        case 't':
                return json_made(json_object_new_uint64(v.t), ret);
        case 'd':
                return json_made(json_object_new_double(v.d), ret);
        default: /* s, o, g */
                return json_made(json_object_new_string(v.s), ret);
        }
}

static int enter(sd_bus_message *m, char type, const char *contents, unsigned depth) {
        return depth >= DEPTH_MAX ? -ELOOP : sd_bus_message_enter_container(m, type, contents);
}

/* One dict entry into `object`; 0 at the end of the array. */
static int convert_entry(sd_bus_message *m, const char *contents, unsigned depth, json_object *object) {
        _cleanup_json_value_ json_object *key = NULL, *value = NULL;
        int r = enter(m, 'e', contents, depth);

        if (r <= 0)
                return r;
        r = convert(m, depth + 1, &key);
        if (r > 0)
                r = convert(m, depth + 1, &value);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        if (json_object_object_add(object, json_object_get_string(key), value) < 0)
                return -ENOMEM;
        value = NULL;
        return 1;
}

static int convert_dict(sd_bus_message *m, const char *contents, unsigned depth, json_object **ret) {
        _cleanup_json_value_ json_object *object = json_object_new_object();
        char entry[256];
        size_t n = strlen(contents);
        int r;

        if (!object)
                return -ENOMEM;
        /* contents is "{sv}": the entry's own contents are what the braces hold. */
        if (n < 2 || n - 2 >= sizeof(entry))
                return -EBADMSG;
        memcpy(entry, contents + 1, n - 2);
        entry[n - 2] = '\0';
        while ((r = convert_entry(m, entry, depth, object)) > 0)
                ;
        if (r < 0)
                return r;
        return json_made(TAKE_PTR(object), ret);
}

/* Every value until the container (or the message) ends. */
static int convert_list(sd_bus_message *m, unsigned depth, json_object **ret) {
        _cleanup_json_value_ json_object *list = json_object_new_array();
        json_object *value;
        int r;

        if (!list)
                return -ENOMEM;
        while ((r = convert(m, depth, &value)) > 0)
                if (json_object_array_add(list, value) < 0) {
                        json_object_put(value);
                        return -ENOMEM;
                }
        if (r < 0)
                return r;
        return json_made(TAKE_PTR(list), ret);
}

static int convert_container(sd_bus_message *m, char type, const char *contents, unsigned depth, json_object **ret) {
        _cleanup_json_value_ json_object *value = NULL;
        int r = enter(m, type, contents, depth);

        if (r < 0)
                return r;
        if (type == 'a' && contents[0] == '{')
                r = convert_dict(m, contents, depth + 1, &value);
        else if (type == 'v')
                r = convert(m, depth + 1, &value);
        else
                r = convert_list(m, depth + 1, &value);
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        return json_made(TAKE_PTR(value), ret);
}

/* 1 and a value, or 0 at the end of the container. */
static int convert(sd_bus_message *m, unsigned depth, json_object **ret) {
        const char *contents;
        char type;
        int r = sd_bus_message_peek_type(m, &type, &contents);

        if (r <= 0)
                return r;
        if (strchr("avr", type))
                return convert_container(m, type, contents, depth, ret);
        return convert_basic(m, type, ret);
}

int busjson_from_message(sd_bus_message *m, json_object **ret) {
        _cleanup_json_value_ json_object *list = NULL;
        int r = convert_list(m, 0, &list);

        if (r < 0)
                return r;
        switch (json_object_array_length(list)) {
        case 0:
                *ret = NULL;
                break;
        case 1:
                *ret = json_object_get(json_object_array_get_idx(list, 0));
                break;
        default:
                *ret = TAKE_PTR(list);
        }
        return 0;
}

json_object *row_get(json_object *row, const char *key) {
        json_object *value = NULL;

        if (!json_object_is_type(row, json_type_object))
                return NULL;
        json_object_object_get_ex(row, key, &value);
        return value;
}

const char *row_text(json_object *row, const char *key) {
        json_object *value = row_get(row, key);

        return value ? json_object_get_string(value) : "";
}

uint64_t row_u64(json_object *row, const char *key) {
        return json_object_get_uint64(row_get(row, key));
}

bool row_bool(json_object *row, const char *key) {
        return json_object_get_boolean(row_get(row, key));
}

bool row_has(json_object *row, const char *key) {
        return row_get(row, key);
}

size_t rows_count(json_object *rows) {
        return json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;
}

json_object *rows_at(json_object *rows, size_t i) {
        return json_object_array_get_idx(rows, i);
}
