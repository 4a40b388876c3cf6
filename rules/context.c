/* SELinux contexts and MLS levels: text only, no policy is asked. */
#include "rules/context.h"

int context_split(const char *text, ContextFields *ret) {
        const char *field[4] = { text };
        size_t n = 1, length[4];

        for (const char *p = text; *p && n < 4; p++)
                if (*p == ':')
                        field[n++] = p + 1;
        if (n < 3)
                return -EINVAL;
        for (size_t i = 0; i < n; i++) {
                length[i] = i + 1 < n ? (size_t) (field[i + 1] - 1 - field[i]) : strlen(field[i]);
                if (length[i] == 0)
                        return -EINVAL;
        }
        *ret = (ContextFields) {
                .user = field[0], .n_user = length[0],
                .role = field[1], .n_role = length[1],
                .type = field[2], .n_type = length[2],
                .range = n == 4 ? field[3] : NULL, .n_range = n == 4 ? length[3] : 0,
        };
        return 0;
}

/* Reads one letter and a decimal number of at most four digits: "s12", "c1023". */
static int parse_numbered(const char **p, const char *end, char letter, unsigned *ret) {
        const char *q = *p;
        unsigned v = 0, digits = 0;

        if (q == end || *q++ != letter)
                return -EINVAL;
        for (; q < end && *q >= '0' && *q <= '9'; q++, digits++)
                if (digits < 5)
                        v = v * 10 + (unsigned) (*q - '0');
        if (digits == 0 || digits > 4)
                return -EINVAL;
        *p = q;
        *ret = v;
        return 0;
}

/* One item of a category list: "c4" or "c0.c5". */
static int parse_categories(const char **p, const char *end, Level *l) {
        unsigned from, to;

        if (parse_numbered(p, end, 'c', &from) < 0)
                return -EINVAL;
        to = from;
        if (*p < end && **p == '.') {
                ++*p;
                if (parse_numbered(p, end, 'c', &to) < 0)
                        return -EINVAL;
        }
        if (from > to || to >= LEVEL_CATEGORIES)
                return -EINVAL;
        for (unsigned c = from; c <= to; c++)
                l->categories[c / 64] |= UINT64_C(1) << c % 64;
        return 0;
}

int level_parse(const char *text, size_t size, Level *ret) {
        const char *p = text, *end = text + size;
        Level l = {};

        if (parse_numbered(&p, end, 's', &l.sensitivity) < 0)
                return -EINVAL;
        if (p < end && *p != ':')
                return -EINVAL;
        while (p < end) {
                p++; /* the colon, then commas */
                if (parse_categories(&p, end, &l) < 0 || (p < end && *p != ','))
                        return -EINVAL;
        }
        *ret = l;
        return 0;
}

int range_high_level(const char *text, size_t size, Level *ret) {
        const char *dash = memchr(text, '-', size);
        Level low;

        if (!dash)
                return level_parse(text, size, ret);
        if (level_parse(text, (size_t) (dash - text), &low) < 0)
                return -EINVAL;
        return level_parse(dash + 1, (size_t) (text + size - dash - 1), ret);
}

bool level_dominates(const Level *a, const Level *b) {
        for (size_t i = 0; i < ELEMENTSOF(a->categories); i++)
                if (b->categories[i] & ~a->categories[i])
                        return false;
        return a->sensitivity >= b->sensitivity;
}
