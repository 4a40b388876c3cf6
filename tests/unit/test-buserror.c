/* dbus/error: which result becomes which D-Bus error, and what it says. */
#include "tests/unit/test.h"

#include "dbus/error.h"

typedef struct Case {
        int result;
        const char *name;
} Case;

static void test_rules(void **state) {
        static const Case cases[] = {
                { -EINVAL, "org.pclass.Error.InvalidRule" }, { -ENOENT, "org.pclass.Error.NoSuchRule" },
                { -EBUSY, "org.pclass.Error.GenerationChanged" }, { -EEXIST, "org.pclass.Error.InUse" },
                { -EPERM, "org.pclass.Error.NotSupported" }, { -E2BIG, SD_BUS_ERROR_LIMITS_EXCEEDED },
                { -EPIPE, "org.pclass.Error.BrokerUnavailable" }, { -ENOMEM, SD_BUS_ERROR_NO_MEMORY },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                sd_bus_error e = SD_BUS_ERROR_NULL;
                TextError err = {};

                assert_true(error_of_rules(cases[i].result, &err, &e) < 0);
                assert_string_equal(e.name, cases[i].name);
                assert_true(strlen(e.message) > 0);
                sd_bus_error_free(&e);
        }
}

static void test_place_is_told(void **state) {
        sd_bus_error e = SD_BUS_ERROR_NULL;
        TextError err;

        (void) text_error(&err, "/etc/pclass/rules.d/a.rules", 3, 14, "expected a number");
        assert_true(error_of_rules(-EINVAL, &err, &e) < 0);
        assert_string_equal(e.message, "/etc/pclass/rules.d/a.rules:3:14: expected a number");
        sd_bus_error_free(&e);
}

/* A disk that is full has no name of ours, yet who asked is told what was not done. */
static void test_what_was_not_done_is_told(void **state) {
        sd_bus_error e = SD_BUS_ERROR_NULL;
        TextError err;

        (void) text_error(&err, "/var/lib/pclass", 0, 0, "cannot store the change: %s", strerror(ENOSPC));
        assert_true(error_of_rules(-ENOSPC, &err, &e) < 0);
        assert_string_equal(e.name, "System.Error.ENOSPC");
        assert_string_equal(e.message, "/var/lib/pclass: cannot store the change: No space left on device");
        sd_bus_error_free(&e);
}

/* Who asked by a path of a class reads its name. */
static void test_class_is_named(void **state) {
        static const struct {
                const char *path, *message;
        } cases[] = {
                { "/Classes/users_2falice", "There is no class users/alice" },
                { "/Rules/_1", "There is no class at /Rules/_1" },
                { "/Classes/_1b_ff", "There is no class at /Classes/_1b_ff" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                sd_bus_error e = SD_BUS_ERROR_NULL;

                assert_true(error_no_class(cases[i].path, &e) < 0);
                assert_string_equal(e.name, ERROR_NO_SUCH_CLASS);
                assert_string_equal(e.message, cases[i].message);
                sd_bus_error_free(&e);
        }
}

/* sd-bus refuses to send what is not UTF-8, and the caller would wait for ever. */
static void test_text_is_made_printable(void **state) {
        sd_bus_error e = SD_BUS_ERROR_NULL;
        TextError err;

        (void) text_error(&err, "", 1, 2, "unknown key \"\xff\"");
        assert_true(error_of_rules(-EINVAL, &err, &e) < 0);
        assert_non_null(strstr(e.message, "\\xff"));
        sd_bus_error_free(&e);
}

static void test_processes(void **state) {
        static const Case cases[] = {
                { -ESRCH, "org.pclass.Error.NoSuchProcess" }, { -ESTALE, "org.pclass.Error.NoSuchProcess" },
                { -EINVAL, SD_BUS_ERROR_INVALID_ARGS }, { -EOPNOTSUPP, "org.pclass.Error.NotSupported" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                sd_bus_error e = SD_BUS_ERROR_NULL;

                assert_true(error_of_process(cases[i].result, 4711, &e) < 0);
                assert_string_equal(e.name, cases[i].name);
                if (cases[i].result == -ESRCH || cases[i].result == -ESTALE)
                        assert_non_null(strstr(e.message, "4711"));
                sd_bus_error_free(&e);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rules),
                cmocka_unit_test(test_place_is_told),
                cmocka_unit_test(test_what_was_not_done_is_told),
                cmocka_unit_test(test_class_is_named),
                cmocka_unit_test(test_text_is_made_printable),
                cmocka_unit_test(test_processes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
