/* Reading cgrules.conf for the service. */
#include "daemon/cgrulesload.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include "common/conf.h"
#include "common/fd.h"
#include "common/str.h"

#define FILE_MAX (16u << 20) /* bytes */

typedef struct Report {
        TextError *first;
        bool any;
} Report;

static void keep_first(const TextError *where, void *userdata) {
        Report *r = userdata;

        if (!r->any && r->first)
                *r->first = *where;
        r->any = true;
}

static int load_file(CgRules *c, const char *path, TextError *err) {
        _cleanup_free_ char *text = NULL;
        Report report = { .first = err };
        size_t size;
        int r = fd_read_file(AT_FDCWD, path, FILE_MAX, &text, &size);

        if (r < 0) {
                (void) text_error(err, path, 0, 0, "cannot be read: %s", strerror(-r));
                return r;
        }
        r = cgrules_add_text(c, text, size, path, keep_first, &report);
        if (r == -E2BIG)
                return text_error(err, path, 0, 0, "there are more than %d rules", CGRULES_MAX);
        return r > 0 ? -EINVAL : r;
}

/* "/etc/cgrules.d" of "/etc/cgrules.conf", if it is there. */
static int load_directory(CgRules *c, const char *path, TextError *err) {
        const char *suffix = endswith(path, ".conf");
        _cleanup_strv_ char **files = NULL;
        char dir[1024], *dirs[] = { dir, NULL };
        struct stat st;
        int r;

        if (!suffix || (size_t) snprintf(dir, sizeof(dir), "%.*s.d", (int) (suffix - path), path) >= sizeof(dir) || stat(dir, &st) < 0)
                return 0;
        r = conf_list_files(dirs, "", &files, NULL);
        if (r < 0)
                (void) text_error(err, dir, 0, 0, "cannot be read: %s", strerror(-r));
        for (char **f = files; r >= 0 && f && *f; f++)
                if (!endswith(*f, "~"))
                        r = load_file(c, *f, err);
        return r;
}

int cgrules_load(const char *path, CgRules **ret, TextError *err) {
        _cleanup_(cgrules_freep) CgRules *c = NULL;
        int r = cgrules_new(&c);

        if (r >= 0)
                r = load_file(c, path, err);
        if (r >= 0)
                r = load_directory(c, path, err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}
