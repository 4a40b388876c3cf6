/* INI text: what is a line, where a value begins, what is refused; and the order of files from several directories. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/fd.h"
#include "common/str.h"

/* Every call as one line of text. */
static int note(const ConfLine *l, void *userdata, TextError *err) {
        char *log = userdata, line[8192];

        if (l->key && streq(l->key, "stop"))
                return text_error(err, l->file, l->line, l->column, "stopped");
        snprintf(line, sizeof(line), "%u:%u [%s] %s=%s;", l->line, l->column, l->section, strnull(l->key), strnull(l->value));
        strcat(log, line);
        return 0;
}

static void wants(const char *text, const char *expected) {
        char log[16384] = "";
        TextError err = {};

        assert_int_equal(conf_parse_text(text, strlen(text), "f", note, log, &err), 0);
        assert_string_equal(log, expected);
}

static void refuses(const char *text, size_t size, unsigned line, unsigned column) {
        char log[16384] = "";
        TextError err = {};

        assert_int_equal(conf_parse_text(text, size, "f", note, log, &err), -EINVAL);
        assert_string_equal(err.file, "f");
        assert_int_equal(err.line, line);
        assert_int_equal(err.column, column);
        assert_true(strlen(err.message) > 0);
}

static void test_lines(void **state) {
        wants("", "");
        wants("\n # a\n;b\n\n", "");
        wants("a=b", "1:3 [] a=b;");
        wants("[ S x ]\n  Key =  va # l=ue \t\r\nk=\n", "1:3 [S x] =;2:10 [S x] Key=va # l=ue;3:3 [S x] k=;");
        wants("[A]\n[B]\nx=[C]\n", "1:2 [A] =;2:2 [B] =;3:3 [B] x=[C];");
}

static void test_errors(void **state) {
        refuses("[A]\nnonsense\n", 13, 2, 1);
        refuses("\n  [A\n", 6, 2, 3);
        refuses("[A] x\n", 6, 1, 4);
        refuses("[ ]\n", 4, 1, 3);
        refuses("  =x\n", 5, 1, 3);
        refuses("a=b\nc=\0d\n", 9, 2, 3);
        refuses("[A]\nstop=1\nx=2\n", 15, 2, 6);
}

static void test_limits(void **state) {
        static char line[4200], big[1024 * 1024 + 1];
        char log[16384] = "";
        TextError err = {};

        memset(line, 'x', sizeof(line));
        line[1] = '=';
        assert_int_equal(conf_parse_text(line, 4096, "f", note, log, &err), 0);
        refuses(line, 4097, 1, 4097);
        memset(big, '\n', sizeof(big));
        assert_int_equal(conf_parse_text(big, sizeof(big) - 1, "f", note, log, &err), 0);
        refuses(big, sizeof(big), 0, 0);
}

static char dir[32];

static int setup(void **state) {
        strcpy(dir, "/tmp/pclass-conf-XXXXXX");
        return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static int teardown(void **state) {
        return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void make(const char *name, const char *text) {
        char path[256];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        if (!text)
                assert_int_equal(mkdir(path, 0755), 0);
        else {
                FILE *f = fopen(path, "we");
                assert_non_null(f);
                fputs(text, f);
                fclose(f);
        }
}

static void test_list_files(void **state) {
        char etc[64], run[64], lib[64], mask[96], astray[96], pipe[96], wanted[3][96], directory[96];
        char *const dirs[] = { etc, run, lib, NULL };
        _cleanup_strv_ char **files = NULL, **skipped = NULL;

        snprintf(etc, sizeof(etc), "%s/etc", dir);
        snprintf(run, sizeof(run), "%s/run", dir); /* is not there */
        snprintf(lib, sizeof(lib), "%s/lib", dir);
        make("etc", NULL);
        make("lib", NULL);
        make("lib/b.conf", "");
        make("lib/a.conf", "");
        make("lib/masked.conf", "x=1");
        make("lib/readme", "");
        make("lib/.hidden.conf", "");
        make("lib/dir.conf", NULL);
        make("etc/b.conf", "");
        snprintf(mask, sizeof(mask), "%s/masked.conf", etc);
        assert_int_equal(symlink("/dev/null", mask), 0);
        snprintf(astray, sizeof(astray), "%s/z.conf", etc);
        assert_int_equal(symlink("/nonexistent/z.conf", astray), 0);
        snprintf(directory, sizeof(directory), "%s/dir.conf", lib);
        snprintf(pipe, sizeof(pipe), "%s/pipe.conf", lib);
        assert_int_equal(mkfifo(pipe, 0644), 0);
        snprintf(wanted[0], sizeof(wanted[0]), "%s/a.conf", lib);
        snprintf(wanted[1], sizeof(wanted[1]), "%s/b.conf", etc);
        snprintf(wanted[2], sizeof(wanted[2]), "%s", mask);

        assert_int_equal(conf_list_files(dirs, ".conf", &files, &skipped), 0);
        assert_int_equal(strv_length(files), 3);
        for (size_t i = 0; i < 3; i++)
                assert_string_equal(files[i], wanted[i]);
        assert_int_equal(strv_length(skipped), 3);
        assert_string_equal(skipped[0], astray);
        assert_true(strv_contains(skipped, pipe));
        assert_true(strv_contains(skipped, directory));
}

static void test_list_of_nothing(void **state) {
        char *const dirs[] = { (char *) "/nonexistent", NULL };
        _cleanup_strv_ char **files = NULL;

        assert_int_equal(conf_list_files(dirs, ".conf", &files, NULL), 0);
        assert_int_equal(strv_length(files), 0);
}

static void test_files(void **state) {
        char path[64], log[16384] = "";
        TextError err = {};

        snprintf(path, sizeof(path), "%s/x", dir);
        assert_int_equal(conf_parse_file(path, note, log, &err), -ENOENT);
        assert_string_equal(err.file, path);
        make("x", "[A]\nk=v");
        assert_int_equal(conf_parse_file(path, note, log, &err), 0);
        assert_string_equal(log, "1:2 [A] =;2:3 [A] k=v;");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_limits),
                cmocka_unit_test_setup_teardown(test_list_files, setup, teardown),
                cmocka_unit_test(test_list_of_nothing),
                cmocka_unit_test_setup_teardown(test_files, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
