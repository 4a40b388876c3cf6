/* Values that are lists: numbers with ranges, and lines of devices. */
#include "common/classlist.h"

#include <ctype.h>
#include <stdio.h>

#include "common/classvalue.h"
#include "common/str.h"
#include "common/textstream.h"

/* ---- numbers -------------------------------------------------------------------------------------------------------- */

static int parse_number(const char **s, unsigned most, unsigned *ret) {
        unsigned v = 0;

        if (!isdigit((unsigned char) **s))
                return -EINVAL;
        for (; isdigit((unsigned char) **s); (*s)++) {
                v = v * 10 + (**s - '0');
                if (v >= most)
                        return -EINVAL;
        }
        *ret = v;
        return 0;
}

static int parse_list(const char *s, unsigned most, bool *in) {
        s += strspn(s, ", \t");
        if (!*s)
                return -EINVAL;
        while (*s) {
                unsigned first, last;
                if (parse_number(&s, most, &first) < 0)
                        return -EINVAL;
                last = first;
                if (*s == '-') {
                        s++;
                        if (parse_number(&s, most, &last) < 0 || last < first)
                                return -EINVAL;
                }
                if (*s && !strchr(", \t", *s))
                        return -EINVAL;
                s += strspn(s, ", \t");
                memset(in + first, true, last - first + 1);
        }
        return 0;
}

static void print_list(FILE *f, const bool *in, unsigned most) {
        const char *comma = "";

        for (unsigned i = 0; i < most; i++) {
                unsigned first = i;
                if (!in[i])
                        continue;
                while (in[i + 1])
                        i++;
                fprintf(f, "%s%u", comma, first);
                comma = ",";
                if (i > first)
                        fprintf(f, "-%u", i);
        }
}

int class_list_canonical(const char *text, unsigned most, char **ret) {
        bool in[CLASS_LIST_NUMBERS_MAX + 1] = {};
        _cleanup_free_ char *list = NULL;
        TextStream t;
        size_t size;

        if (parse_list(text, most, in) < 0)
                return -EINVAL;
        FILE *f = text_stream_open(&t);
        if (!f)
                return -ENOMEM;
        print_list(f, in, most);
        int r = text_stream_close(&t, &list, &size);
        if (r < 0)
                return r;
        if (size > CLASS_VALUE_MAX)
                return -EINVAL;
        *ret = TAKE_PTR(list);
        return 0;
}

bool class_value_list_within(const char *part, const char *whole) {
        bool a[CLASS_LIST_NUMBERS_MAX + 1] = {}, b[CLASS_LIST_NUMBERS_MAX + 1] = {};

        if (parse_list(part, CLASS_LIST_NUMBERS_MAX, a) < 0 || parse_list(whole, CLASS_LIST_NUMBERS_MAX, b) < 0)
                return false;
        for (unsigned i = 0; i < CLASS_LIST_NUMBERS_MAX; i++)
                if (a[i] && !b[i])
                        return false;
        return true;
}

/* ---- lines of devices ------------------------------------------------------------------------------------------------ */

int class_value_next_device(const char **s, char *path, char *number) {
        size_t n = strcspn(*s, " "), m = (*s)[n] ? strcspn(*s + n + 1, "\n") : 0;

        if (!**s || n > CLASS_DEVICE_PATH_MAX || m == 0 || m >= 24)
                return 0;
        memcpy(path, *s, n);
        path[n] = '\0';
        memcpy(number, *s + n + 1, m);
        number[m] = '\0';
        *s += n + 1 + m;
        *s += **s == '\n';
        return 1;
}

int class_value_of_device(const char *value, const char *path, char buf[static 24]) {
        char p[CLASS_DEVICE_PATH_MAX + 1], number[24];

        for (const char *s = value; s && class_value_next_device(&s, p, number) > 0;)
                if (streq(p, path)) {
                        strcpy(buf, number);
                        return 0;
                }
        return -ENOENT;
}

static size_t count_lines(const char *value) {
        size_t n = 0;

        for (; value && *value; value += strcspn(value, "\n"), value += *value == '\n')
                n++;
        return n;
}

int class_value_add_device(char **value, const char *line) {
        char path[CLASS_DEVICE_PATH_MAX + 1], number[24], *joined;
        const char *s = line;

        if (class_value_next_device(&s, path, number) <= 0)
                return -EINVAL;
        if (class_value_of_device(*value, path, number) >= 0)
                return -EEXIST;
        if (count_lines(*value) >= CLASS_DEVICES_MAX || strlen(*value) + strlen(line) + 1 > CLASS_VALUE_MAX)
                return -E2BIG;
        if (asprintf(&joined, "%s\n%s", *value, line) < 0)
                return -ENOMEM;
        free(*value);
        *value = joined;
        return 0;
}

static int append_line(char **list, const char *path, const char *number) {
        char line[CLASS_DEVICE_PATH_MAX + 32];

        snprintf(line, sizeof(line), "%s %s", path, number);
        if (*list)
                return class_value_add_device(list, line);
        *list = strdup(line);
        return *list ? 0 : -ENOMEM;
}

int class_value_merge_devices(const char *value, const char *change, char **ret) {
        char path[CLASS_DEVICE_PATH_MAX + 1], number[24], changed[24];
        _cleanup_free_ char *list = NULL;
        int r = 0;

        for (const char *s = value; r >= 0 && s && class_value_next_device(&s, path, number) > 0;)
                r = append_line(&list, path, class_value_of_device(change, path, changed) >= 0 ? changed : number);
        for (const char *s = change; r >= 0 && class_value_next_device(&s, path, number) > 0;)
                if (class_value_of_device(strnull(value), path, changed) < 0)
                        r = append_line(&list, path, number);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return *ret ? 0 : -EINVAL;
}
