/* Rule files named on the command line. */
#include "client/rulefile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include "common/conf.h"
#include "common/fd.h"
#include "common/str.h"

int rule_file_read(const char *path, char **ret, size_t *ret_size, TextError *err) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = fd_read_file(AT_FDCWD, path, RULE_FILE_MAX, &text, &size);

        if (r == -ENOMEM)
                return r;
        if (r == -EFBIG)
                return text_error(err, path, 0, 0, "larger than %u MiB", RULE_FILE_MAX >> 20);
        if (r < 0)
                return text_error(err, path, 0, 0, "cannot be read: %s", strerror(-r));
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}

static int add_file(Ruleset *rs, const char *path, TextError *err) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r = rule_file_read(path, &text, &size, err);

        return r < 0 ? r : ruleset_add_text(rs, text, size, path, err);
}

static int add_directory(Ruleset *rs, const char *path, TextError *err) {
        _cleanup_strv_ char **files = NULL;
        char *dirs[] = { (char *) path, NULL };
        int r = conf_list_files(dirs, ".rules", &files, NULL);

        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return text_error(err, path, 0, 0, "cannot be read: %s", strerror(-r));
        for (char **f = files; f && *f; f++) {
                r = add_file(rs, *f, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

int rule_file_add(Ruleset *rs, const char *path, TextError *err) {
        struct stat st;

        if (stat(path, &st) >= 0 && S_ISDIR(st.st_mode))
                return add_directory(rs, path, err);
        return add_file(rs, path, err);
}
