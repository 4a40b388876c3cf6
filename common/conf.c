/* INI text. The parser knows sections, assignments and comments; what they mean is the handler's. */
#include "common/conf.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/fd.h"
#include "common/map.h"
#include "common/str.h"

#define CONF_FILE_MAX (1024 * 1024)
#define CONF_LINE_MAX 4096
#define BLANKS " \t\r"

typedef struct ConfParser {
        const char *file;
        ConfHandler handler;
        void *userdata;
        TextError *err;
        unsigned line;
        char text[CONF_LINE_MAX + 1];    /* the line at hand, cut up in place */
        char section[CONF_LINE_MAX + 1];
} ConfParser;

static unsigned column_of(const ConfParser *p, const char *at) {
        return at - p->text + 1;
}

static char *trim_end(const char *begin, char *end) {
        while (end > begin && strchr(BLANKS, end[-1]))
                end--;
        *end = '\0';
        return end;
}

static int parse_section(ConfParser *p, char *text) {
        char *close = strchr(text, ']');

        if (!close)
                return text_error(p->err, p->file, p->line, column_of(p, text), "a section needs a closing bracket");
        if (close[1])
                return text_error(p->err, p->file, p->line, column_of(p, close + 1), "nothing may follow the closing bracket");
        text += 1 + strspn(text + 1, BLANKS);
        trim_end(text, close);
        if (!*text)
                return text_error(p->err, p->file, p->line, column_of(p, text), "a section needs a name");
        strcpy(p->section, text);
        const ConfLine line = {
                .section = p->section, .file = p->file, .line = p->line, .column = column_of(p, text),
        };
        return p->handler(&line, p->userdata, p->err);
}

static int parse_assignment(ConfParser *p, char *key) {
        char *equals = strchr(key, '=');

        if (!equals)
                return text_error(p->err, p->file, p->line, column_of(p, key),
                                  "expected Key=value, [Section] or a comment that starts with #");
        if (trim_end(key, equals) == key)
                return text_error(p->err, p->file, p->line, column_of(p, key), "a key is missing before =");
        const char *value = equals + 1 + strspn(equals + 1, BLANKS);
        const ConfLine line = {
                .section = p->section, .key = key, .value = value,
                .file = p->file, .line = p->line, .column = column_of(p, value),
        };
        return p->handler(&line, p->userdata, p->err);
}

static int parse_line(ConfParser *p, const char *text, size_t size) {
        if (size > CONF_LINE_MAX)
                return text_error(p->err, p->file, p->line, CONF_LINE_MAX + 1, "the line is longer than %d bytes", CONF_LINE_MAX);
        const char *nul = memchr(text, '\0', size);
        if (nul)
                return text_error(p->err, p->file, p->line, nul - text + 1, "a NUL byte is not text");
        memcpy(p->text, text, size);
        trim_end(p->text, p->text + size);

        char *begin = p->text + strspn(p->text, BLANKS);
        if (*begin == '\0' || *begin == '#' || *begin == ';')
                return 0;
        return *begin == '[' ? parse_section(p, begin) : parse_assignment(p, begin);
}

int conf_parse_text(const char *text, size_t size, const char *file, ConfHandler handler, void *userdata, TextError *err) {
        _cleanup_free_ ConfParser *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        *p = (ConfParser) { .file = strnull(file), .handler = handler, .userdata = userdata, .err = err };
        if (size > CONF_FILE_MAX)
                return text_error(err, file, 0, 0, "the file is larger than %d bytes", CONF_FILE_MAX);
        while (size > 0) {
                const char *newline = memchr(text, '\n', size);
                size_t n = newline ? (size_t) (newline - text) : size;

                p->line++;
                int r = parse_line(p, text, n);
                if (r < 0)
                        return r;
                n += newline ? 1 : 0;
                text += n;
                size -= n;
        }
        return 0;
}

int conf_parse_file(const char *path, ConfHandler handler, void *userdata, TextError *err) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = fd_read_file(AT_FDCWD, path, CONF_FILE_MAX, &text, &size);

        if (r == -EFBIG)
                return text_error(err, path, 0, 0, "the file is larger than %d bytes", CONF_FILE_MAX);
        if (r < 0) {
                text_error(err, path, 0, 0, "cannot be read: %s", strerror(-r));
                return r;
        }
        return conf_parse_text(text, size, path, handler, userdata, err);
}

/* A link to /dev/null counts: it hides a file of the same name in a later directory, as systemd's masks do. */
static bool is_conf_file(const char *path) {
        struct stat st;

        return stat(path, &st) == 0 && (S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)));
}

static int list_directory(const char *dir, const char *suffix, Map *names, char ***skipped) {
        _cleanup_free_ char *path = NULL;
        struct dirent *entry;
        int r = 0;
        DIR *d = opendir(dir);

        if (!d)
                return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
        while (r >= 0 && (errno = 0, entry = readdir(d))) {
                free(TAKE_PTR(path));
                if (entry->d_name[0] == '.' || !endswith(entry->d_name, suffix) || map_get_string(names, entry->d_name))
                        continue;
                if (asprintf(&path, "%s/%s", dir, entry->d_name) < 0) {
                        path = NULL;
                        r = -ENOMEM;
                } else if (is_conf_file(path)) {
                        r = map_put_string(names, entry->d_name, path);
                        if (r >= 0)
                                path = NULL;
                } else if (skipped)
                        r = strv_append(skipped, path);
        }
        if (r >= 0 && !entry && errno != 0)
                r = -errno;
        closedir(d);
        return r;
}

static int compare_file_names(const void *a, const void *b) {
        const char *x = *(char *const *) a, *y = *(char *const *) b;

        return strcmp(strrchr(x, '/'), strrchr(y, '/'));
}

int conf_list_files(char *const *dirs, const char *suffix, char ***ret, char ***ret_skipped) {
        _cleanup_(map_freep) Map *names = NULL;
        _cleanup_strv_ char **skipped = NULL;
        char **list = NULL, *path;
        size_t n = 0, i = 0;
        int r = map_new_string(&names);

        for (; r >= 0 && dirs && *dirs; dirs++)
                r = list_directory(*dirs, suffix, names, ret_skipped ? &skipped : NULL);
        if (r >= 0) {
                list = calloc(map_size(names) + 1, sizeof(char *));
                if (!list)
                        r = -ENOMEM;
        }
        while (names && (path = map_next_string(names, &i, NULL)))
                if (r >= 0)
                        list[n++] = path;
                else
                        free(path);
        if (r < 0)
                return r;
        if (n > 0)
                qsort(list, n, sizeof(char *), compare_file_names);
        *ret = list;
        if (ret_skipped)
                *ret_skipped = TAKE_PTR(skipped);
        return 0;
}
