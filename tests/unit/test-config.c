/* pclass.conf. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <unistd.h>

#include "common/config.h"
#include "common/str.h"

static int load(const char *text, Config **ret, TextError *err) {
        char path[] = "/tmp/pclass-config-XXXXXX";
        int fd = mkstemp(path), r;

        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
        r = config_load(path, ret, err);
        unlink(path);
        return r;
}

static void refuses(const char *text, unsigned line, unsigned column) {
        Config *c = NULL;
        TextError err = {};

        assert_int_equal(load(text, &c, &err), -EINVAL);
        assert_null(c);
        assert_int_equal(err.line, line);
        assert_int_equal(err.column, column);
}

static void test_defaults(void **state) {
        _cleanup_(config_freep) Config *c = NULL, *empty = NULL;
        TextError err = {};

        assert_int_equal(config_load("/nonexistent/pclass.conf", &c, &err), 0);
        assert_int_equal(c->mode, MODE_OBSERVE);
        assert_string_equal(c->class_root, "pclass");
        assert_int_equal(c->heartbeat_sec, 5);
        assert_int_equal(c->sweep_sec, 60);
        assert_int_equal(c->runtime_classes_max, 64);
        assert_int_equal(c->scan_sec, 5);
        assert_int_equal(strv_length(c->class_dirs), 3);
        assert_string_equal(c->class_dirs[0], "/etc/pclass/classes.d");
        assert_string_equal(c->rule_dirs[2], "/usr/lib/pclass/rules.d");
        assert_string_equal(c->state_dir, "/var/lib/pclass");
        assert_int_equal(load("", &empty, &err), 0);
        assert_true(config_equal(c, empty));
}

static void test_everything(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        TextError err = {};

        assert_int_equal(load("[pclass]\nMode=enforce\nClassRoot=/a/b\nProtect=/x* /y\nProtect=/z\nUnprotect=/docker/*\nProtectUsers=root 7\n"
                              "HeartbeatSec=1\nSweepSec=0\nScanSec=3600\nClassDirs=/c1\nClassDirs=/c2\nRuleDirs=/r1 /r2\nStateDir=/s\nRuntimeDir=/r\n"
                              "CgrulesFile=/c.conf\nCgrulesLeaveUnit=yes\nCgredSocket=yes\nAllowedRoots=/a /b/c/\nAllowedRoots=/ /a\n",
                              &c, &err), 0);
        assert_int_equal(c->mode, MODE_ENFORCE);
        assert_string_equal(c->class_root, "/a/b");
        assert_int_equal(strv_length(c->protect), 3);
        assert_string_equal(c->protect[2], "/z");
        assert_string_equal(c->unprotect[0], "/docker/*");
        assert_int_equal(strv_length(c->protect_users), 2);
        assert_int_equal(c->heartbeat_sec, 1);
        assert_int_equal(c->sweep_sec, 0);
        assert_int_equal(c->scan_sec, 3600);
        assert_int_equal(strv_length(c->class_dirs), 2); /* the defaults are gone, the lines add up */
        assert_string_equal(c->class_dirs[1], "/c2");
        assert_int_equal(strv_length(c->rule_dirs), 2);
        assert_string_equal(c->state_dir, "/s");
        assert_string_equal(c->runtime_dir, "/r");
        assert_string_equal(c->cgrules_file, "/c.conf");
        assert_true(c->cgrules_leave_unit);
        assert_string_equal(c->cgred_socket, "/run/cgred.socket");
        assert_int_equal(strv_length(c->allowed_roots), 3); /* one of them twice */
        assert_string_equal(c->allowed_roots[1], "/b/c");
        assert_string_equal(c->allowed_roots[2], "/");
}

static void test_errors(void **state) {
        refuses("Mode=enforce\n", 1, 1);
        refuses("[other]\n", 1, 2);
        refuses("[pclass]\nmode=enforce\n", 2, 1);
        refuses("[pclass]\nMode=Enforce\n", 2, 6);
        refuses("[pclass]\nMode=enforce\nMode=enforce\n", 3, 6);
        refuses("[pclass]\nClassRoot=/\n", 2, 11);
        refuses("[pclass]\nClassRoot=../x\n", 2, 11);
        refuses("[pclass]\nClassRoot=users/%u\n", 2, 11);
        refuses("[pclass]\nHeartbeatSec=0\n", 2, 14);
        refuses("[pclass]\nHeartbeatSec=3601\n", 2, 14);
        refuses("[pclass]\nSweepSec=x\n", 2, 10);
        refuses("[pclass]\nRuntimeClassesMax=1025\n", 2, 19);
        refuses("[pclass]\nSweep=often\n", 2, 7);
        refuses("[pclass]\nStateDir=var\n", 2, 10);
        refuses("[pclass]\nStateDir=/var/../x\n", 2, 10);
        refuses("[pclass]\nStateDir=/var/\n", 2, 10);
        refuses("[pclass]\nClassDirs=/a b\n", 2, 11);
        refuses("[pclass]\nProtect=\n", 2, 9);
        refuses("[pclass]\nCgrulesFile=x\n", 2, 13);
        refuses("[pclass]\nCgrulesLeaveUnit=maybe\n", 2, 18);
        refuses("[pclass]\nCgredSocket=socket\n", 2, 13);
        refuses("[pclass]\nAllowedRoots=students\n", 2, 14);
        refuses("[pclass]\nAllowedRoots=/a /b/../c\n", 2, 14);
}

/* The line of each entry is kept, for what can be judged only later; no more than there is room for. */
static void test_allowed_roots(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        char text[CONFIG_ROOTS_MAX * 24 + 64];
        TextError err = {};
        size_t n = strlen(strcpy(text, "[pclass]\n"));

        for (unsigned i = 0; i < CONFIG_ROOTS_MAX; i += 2)
                n += snprintf(text + n, sizeof(text) - n, "AllowedRoots=/r%u /r%u\n", i, i + 1);
        assert_int_equal(load(text, &c, &err), 0);
        assert_int_equal(strv_length(c->allowed_roots), CONFIG_ROOTS_MAX);
        assert_int_equal(c->allowed_root_lines[0], 2);
        assert_int_equal(c->allowed_root_lines[1], 2);
        assert_int_equal(c->allowed_root_lines[CONFIG_ROOTS_MAX - 1], 1 + CONFIG_ROOTS_MAX / 2);
        strcpy(text + n, "AllowedRoots=/r1 /one-more\n");
        refuses(text, 2 + CONFIG_ROOTS_MAX / 2, 14);
}

/* Every field counts: a change of any is a change. */
static void test_equal(void **state) {
        static const char *const lines[] = {
                "Mode=enforce", "ClassRoot=x", "Protect=/x", "Unprotect=/x", "ProtectUsers=x", "HeartbeatSec=9", "SweepSec=9", "ScanSec=9", "Sweep=adopt",
                "RuntimeClassesMax=9", "ClassDirs=/x", "RuleDirs=/x", "StateDir=/x", "RuntimeDir=/x",
                "ClassDirs=/x", "RuleDirs=/x", "StateDir=/x", "RuntimeDir=/x", "CgrulesFile=/x", "CgrulesLeaveUnit=yes", "CgredSocket=/x", "AllowedRoots=/x",
        };
        _cleanup_(config_freep) Config *plain = NULL;
        TextError err = {};

        assert_int_equal(config_new(&plain), 0);
        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                _cleanup_(config_freep) Config *a = NULL, *b = NULL;
                char text[64];
                snprintf(text, sizeof(text), "[pclass]\n%s\n", lines[i]);
                assert_int_equal(load(text, &a, &err), 0);
                assert_int_equal(load(text, &b, &err), 0);
                assert_true(config_equal(a, b));
                assert_false(config_equal(a, plain));
                assert_false(config_equal(plain, a));
        }
}

static void test_modes(void **state) {
        Mode m = MODE_ENFORCE;

        assert_int_equal(mode_from_string("x", &m), -EINVAL);
        assert_int_equal(m, MODE_ENFORCE);
        assert_int_equal(mode_from_string(mode_to_string(MODE_OBSERVE), &m), 0);
        assert_int_equal(m, MODE_OBSERVE);
        assert_int_equal(mode_from_string(mode_to_string(MODE_ENFORCE), &m), 0);
        assert_int_equal(m, MODE_ENFORCE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults), cmocka_unit_test(test_everything), cmocka_unit_test(test_errors),
                cmocka_unit_test(test_equal),    cmocka_unit_test(test_modes),    cmocka_unit_test(test_allowed_roots),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
