/* Strings. */
#include "common/str.h"

#include <ctype.h>
#include <stdio.h>

int str_to_u64(const char *s, uint64_t *ret) {
        uint64_t v = 0;

        if (!isdigit((unsigned char) *s))
                return -EINVAL;
        for (; *s; s++) {
                if (!isdigit((unsigned char) *s))
                        return -EINVAL;
                if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t) (*s - '0'), &v))
                        return -ERANGE;
        }
        *ret = v;
        return 0;
}

int str_to_u32(const char *s, uint32_t *ret) {
        uint64_t v;
        int r = str_to_u64(s, &v);

        if (r < 0)
                return r;
        if (v > UINT32_MAX)
                return -ERANGE;
        *ret = v;
        return 0;
}

size_t strv_length(char *const *l) {
        size_t n = 0;

        while (l && l[n])
                n++;
        return n;
}

char **strv_free(char **l) {
        for (char **p = l; p && *p; p++)
                free(*p);
        free(l);
        return NULL;
}

int strv_append_n(char ***l, const char *s, size_t n) {
        size_t have = strv_length(*l);
        char *copy = strndup(s, n);
        char **grown = copy ? reallocarray(*l, have + 2, sizeof(char *)) : NULL;

        if (!grown) {
                free(copy);
                return -ENOMEM;
        }
        grown[have] = copy;
        grown[have + 1] = NULL;
        *l = grown;
        return 0;
}

int strv_append(char ***l, const char *s) {
        return strv_append_n(l, s, strlen(s));
}

bool strv_contains(char *const *l, const char *s) {
        for (; l && *l; l++)
                if (streq(*l, s))
                        return true;
        return false;
}

int strv_split(const char *s, const char *separators, char ***ret) {
        _cleanup_strv_ char **l = NULL;

        while (*s) {
                size_t n = strcspn(s, separators);
                if (n > 0) {
                        int r = strv_append_n(&l, s, n);
                        if (r < 0)
                                return r;
                }
                s += n;
                s += strspn(s, separators);
        }
        *ret = TAKE_PTR(l);
        return 0;
}

char *strv_join(char *const *l, const char *separator) {
        size_t size = 1;

        for (char *const *p = l; p && *p; p++)
                size += strlen(*p) + strlen(separator);
        char *joined = malloc(size), *end = joined;
        if (!joined)
                return NULL;
        *end = '\0';
        for (char *const *p = l; p && *p; p++) {
                if (p != l)
                        end = stpcpy(end, separator);
                end = stpcpy(end, *p);
        }
        return joined;
}

/* Length in bytes of the printable UTF-8 character at p, 0 when there is none (RFC 3629, no surrogates). */
static size_t utf8_length(const unsigned char *p) {
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t n = *p < 0x80 ? 1 : (*p & 0xe0) == 0xc0 ? 2 : (*p & 0xf0) == 0xe0 ? 3 : (*p & 0xf8) == 0xf0 ? 4 : 0;
        uint32_t c;

        if (n == 1)
                return *p >= 0x20 && *p != 0x7f;
        if (n == 0)
                return 0;
        c = *p & (0xff >> (n + 1));
        for (size_t i = 1; i < n; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (p[i] & 0x3f);
        }
        if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || (c >= 0x80 && c < 0xa0))
                return 0;
        return n;
}

size_t str_name_span(const char *s, const char *more) {
        size_t n = 0;

        for (;; n++) {
                unsigned char c = (unsigned char) s[n], letter = c | 0x20;
                if ((letter < 'a' || letter > 'z') && (c < '0' || c > '9') && c != '_' && (!c || !strchr(more, c)))
                        return n;
        }
}

size_t str_printable_prefix(const char *s) {
        const unsigned char *p = (const unsigned char *) s;

        for (size_t n; *p; p += n) {
                n = utf8_length(p);
                if (n == 0)
                        break;
        }
        return (size_t) (p - (const unsigned char *) s);
}

size_t path_components(const char *path) {
        size_t n = 0;

        for (path += strspn(path, "/"); *path; path += strspn(path, "/"), n++)
                path += strcspn(path, "/");
        return n;
}

bool str_is_printable_utf8(const char *s) {
        return s[str_printable_prefix(s)] == '\0';
}

char *str_escape(const char *s) {
        char *escaped = malloc(strlen(s) * 4 + 1), *end = escaped;

        if (!escaped)
                return NULL;
        for (const unsigned char *p = (const unsigned char *) s; *p;) {
                size_t n = utf8_length(p);
                if (*p == '\\') {
                        end = stpcpy(end, "\\\\");
                        p++;
                } else if (n == 0) {
                        end += sprintf(end, "\\x%02x", *p);
                        p++;
                } else {
                        memcpy(end, p, n);
                        end += n;
                        p += n;
                }
        }
        *end = '\0';
        return escaped;
}

const char *str_errno_name(int r) {
        const char *name = strerrorname_np(r < 0 ? -r : r);

        return name ? name : "unknown error";
}
