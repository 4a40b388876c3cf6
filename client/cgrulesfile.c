/* Files of cgrules.conf(5) named on the command line. */
#include "client/cgrulesfile.h"

#include <sys/stat.h>
#include "client/rulefile.h"
#include "common/conf.h"
#include "common/str.h"

static int fail(CgReport report, void *userdata, const TextError *err) {
        report(err, userdata);
        return 1;
}

static int add_file(CgRules *c, const char *path, CgReport report, void *userdata) {
        _cleanup_free_ char *text = NULL;
        TextError err = {};
        size_t size = 0;
        int r = rule_file_read(path, &text, &size, &err);

        if (r == -EINVAL)
                return fail(report, userdata, &err);
        if (r >= 0)
                r = cgrules_add_text(c, text, size, path, report, userdata);
        if (r != -E2BIG)
                return r;
        text_error(&err, path, 0, 0, "there are more than %d rules", CGRULES_MAX);
        return fail(report, userdata, &err);
}

int cgrules_file_add(CgRules *c, const char *path, CgReport report, void *userdata) {
        _cleanup_strv_ char **files = NULL;
        char *dirs[] = { (char *) path, NULL };
        struct stat st;
        int errors = 0, r;

        if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
                return add_file(c, path, report, userdata);
        r = conf_list_files(dirs, "", &files, NULL);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                TextError err = {};
                text_error(&err, path, 0, 0, "cannot be read: %s", strerror(-r));
                return fail(report, userdata, &err);
        }
        for (char **f = files; f && *f; f++) {
                r = endswith(*f, "~") ? 0 : add_file(c, *f, report, userdata);
                if (r < 0)
                        return r;
                errors += r;
        }
        return errors;
}
