/* Use of classes between two moments. */
#include "client/classrows.h"

static const char *const orders[] = {
        [ORDER_NAME] = "path",
        [ORDER_TASKS] = "tasks",
        [ORDER_CPU] = "cpu",
        [ORDER_MEMORY] = "memory",
        [ORDER_IO] = "io",
};

int use_order_from_string(const char *s, UseOrder *ret) {
        for (size_t i = 0; i < ELEMENTSOF(orders); i++)
                if (streq(orders[i], s)) {
                        *ret = (UseOrder) i;
                        return 0;
                }
        return -EINVAL;
}

const char *use_order_to_string(UseOrder o) {
        return orders[o];
}

uint64_t class_tasks(json_object *row) {
        return row_u64(row, row_has(row, "Tasks") ? "Tasks" : "Processes");
}

/* By name, so that thousands of classes are no matter. The rows are lent. */
static json_object *index_rows(json_object *rows) {
        json_object *by_name = json_object_new_object();

        for (size_t i = 0; by_name && i < rows_count(rows); i++) {
                json_object *row = rows_at(rows, i);

                if (json_object_object_add(by_name, row_text(row, "Name"), json_object_get(row)) < 0) {
                        json_object_put(by_name);
                        return NULL;
                }
        }
        return by_name;
}

/* A count that went down belongs to another class of the same name. */
static double rate(json_object *now, json_object *before, const char *key, uint64_t usec) {
        if (!before || usec == 0 || !row_has(now, key) || !row_has(before, key) || row_u64(now, key) < row_u64(before, key))
                return RATE_UNKNOWN;
        return (double) (row_u64(now, key) - row_u64(before, key)) * 1e6 / (double) usec;
}

static double io(const ClassUse *u) {
        return MAX(u->read_rate, 0.0) + MAX(u->write_rate, 0.0);
}

static int by_size(double a, double b) {
        return a < b ? 1 : a > b ? -1 : 0;
}

static int compare(const void *x, const void *y, void *userdata) {
        const ClassUse *a = x, *b = y;
        const UseOrder *order = userdata;
        int r = 0;

        switch (*order) {
        case ORDER_TASKS:
                r = by_size((double) class_tasks(a->row), (double) class_tasks(b->row));
                break;
        case ORDER_CPU:
                r = by_size(a->cpu_percent, b->cpu_percent);
                break;
        case ORDER_MEMORY:
                r = by_size((double) row_u64(a->row, "MemoryBytes"), (double) row_u64(b->row, "MemoryBytes"));
                break;
        case ORDER_IO:
                r = by_size(io(a), io(b));
                break;
        case ORDER_NAME:
                break;
        }
        return r ?: strcmp(row_text(a->row, "Name"), row_text(b->row, "Name"));
}

int class_uses(json_object *rows, json_object *earlier, uint64_t usec, UseOrder order, ClassUse **ret, size_t *ret_n) {
        _cleanup_json_ json_object *before = index_rows(earlier);
        ClassUse *uses = calloc(MAX(rows_count(rows), (size_t) 1), sizeof(*uses));
        size_t n = 0;

        if (!uses || !before) {
                free(uses);
                return -ENOMEM;
        }
        for (size_t i = 0; i < rows_count(rows); i++) {
                json_object *now = rows_at(rows, i), *then = row_get(before, row_text(now, "Name"));

                if (row_bool(now, "IsTemplate"))
                        continue;
                uses[n++] = (ClassUse) {
                        .row = now,
                        .cpu_percent = rate(now, then, "CPUUSec", usec),
                        .read_rate = rate(now, then, "IOReadBytes", usec),
                        .write_rate = rate(now, then, "IOWriteBytes", usec),
                };
                if (uses[n - 1].cpu_percent >= 0)
                        uses[n - 1].cpu_percent /= 1e4; /* microseconds a second */
        }
        qsort_r(uses, n, sizeof(*uses), compare, &order);
        *ret = uses;
        *ret_n = n;
        return 0;
}

static int add(json_object *o, const char *key, json_object *value) {
        return value ? json_object_object_add(o, key, value) : -ENOMEM;
}

static int add_count(json_object *o, const char *key, json_object *row) {
        return row_has(row, key) ? add(o, key, json_object_new_uint64(row_u64(row, key))) : 0;
}

static int add_rate(json_object *o, const char *key, double value) {
        return value >= 0 ? add(o, key, json_object_new_double(value)) : 0;
}

int class_uses_to_json(const ClassUse *uses, size_t n, json_object **ret) {
        _cleanup_json_ json_object *list = json_object_new_array();

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const ClassUse *u = uses + i;
                json_object *o = json_object_new_object();

                if (!o || json_object_array_add(list, o) < 0)
                        return -ENOMEM;
                if (add(o, "Name", json_object_new_string(row_text(u->row, "Name"))) < 0 || add_count(o, "Tasks", u->row) < 0 ||
                    add_rate(o, "CPUPercent", u->cpu_percent) < 0 || add_count(o, "MemoryBytes", u->row) < 0 ||
                    add_rate(o, "IOReadRate", u->read_rate) < 0 || add_rate(o, "IOWriteRate", u->write_rate) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(list);
        return 0;
}
