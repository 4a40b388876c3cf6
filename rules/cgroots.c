/* Where destinations of cgrules.conf lie: what AllowedRoots= has to say for them. */
#include "rules/cgrules.h"

#include "common/str.h"

#define ROOT_MAX 200 /* bytes; pclass.conf takes no longer one */

int cg_destination_fixed(const char *destination, char **ret) {
        static const Subject nobody = {};
        const char *d = destination, *cut;
        Fact missing;

        for (; *d && *d != '%'; d++)
                d += *d == '\\' && d[1];
        for (cut = d; *d && cut > destination && cut[-1] != '/';)
                cut--;
        _cleanup_free_ char *text = strndup(destination, cut - destination);
        return text ? cg_destination_expand(text, &nobody, ret, &missing) : -ENOMEM;
}

/* By components: what lies below a path stands directly behind it. */
static int compare_paths(const void *a, const void *b) {
        const char *x = *(char *const *) a, *y = *(char *const *) b;

        while (*x && *x == *y) {
                x++;
                y++;
        }
        if (*x == *y)
                return 0;
        if (!*x || !*y)
                return *x ? 1 : -1;
        return *x == '/' ? -1 : *y == '/' ? 1 : (unsigned char) *x - (unsigned char) *y;
}

static bool lies_below(const char *path, const char *root) {
        const char *rest = startswith(path, root);

        return rest && (streq(root, "/") || *rest == '/' || !*rest);
}

static int collect(const CgRules *c, char **paths, size_t *ret_n) {
        for (size_t i = 0; i < cgrules_size(c); i++) {
                const CgRule *r = cgrules_get(c, i);
                int q = r->options ? -EINVAL : cg_destination_fixed(r->destination, &paths[*ret_n]);
                if (q == -ENOMEM)
                        return q;
                *ret_n += q >= 0;
        }
        return 0;
}

static void write_paths(FILE *f, char **paths, size_t n) {
        const char *last = NULL;

        if (n > 0)
                fputs("# To use the file as it is instead, put these lines beside CgrulesFile= into pclass.conf:\n", f);
        for (size_t i = 0; i < n; i++) {
                if (last && lies_below(paths[i], last))
                        continue;
                last = paths[i];
                if (strpbrk(last, " \t") || strlen(last) > ROOT_MAX)
                        fprintf(f, "#   (\"%s\" cannot be said there: it has a blank in it, or is too long)\n", last);
                else
                        fprintf(f, "#   AllowedRoots=%s\n", last);
        }
}

int cgrules_format_roots(const CgRules *c, FILE *f) {
        char **paths = calloc(cgrules_size(c) + 1, sizeof(char *)); /* one may be empty */
        size_t n = 0;

        if (!paths)
                return -ENOMEM;
        int r = collect(c, paths, &n);
        if (r >= 0) {
                qsort(paths, n, sizeof(char *), compare_paths);
                write_paths(f, paths, n);
        }
        strv_free(paths);
        return r < 0 ? r : ferror(f) ? -EIO : 0;
}
