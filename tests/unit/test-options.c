/* dbus/options and dbus/row: messages are built and read back on a connection that nobody answers. */
#include "tests/unit/test.h"

#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "common/fd.h"
#include "common/str.h"
#include "dbus/options.h"
#include "dbus/row.h"

typedef struct Fixture {
        sd_bus *bus;
        int peer;
        sd_bus_message *message;
        sd_bus_error error;
} Fixture;

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(*f));
        int pair[2];

        assert_non_null(f);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        f->peer = pair[1];
        assert_true(sd_bus_new(&f->bus) >= 0);
        assert_true(sd_bus_set_fd(f->bus, pair[0], pair[0]) >= 0);
        assert_true(sd_bus_start(f->bus) >= 0);
        assert_true(sd_bus_message_new_signal(f->bus, &f->message, "/", "a.b", "C") >= 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        sd_bus_error_free(&f->error);
        sd_bus_message_unref(f->message);
        sd_bus_close_unref(f->bus);
        fd_close(f->peer);
        free(f);
        return 0;
}

static void seal(Fixture *f) {
        assert_true(sd_bus_message_seal(f->message, 1, 0) >= 0);
        assert_true(sd_bus_message_rewind(f->message, true) >= 0);
}

typedef struct Values {
        const char *text;
        bool flag;
        uint32_t number;
        OptionNumbers list;
        bool text_given, list_given;
} Values;

static int read_values(Fixture *f, Values *v) {
        const Option options[] = {
                { "text", "s", &v->text, &v->text_given },
                { "flag", "b", &v->flag },
                { "number", "u", &v->number },
                { "list", "au", &v->list, &v->list_given },
        };

        return options_read(f->message, options, ELEMENTSOF(options), &f->error);
}

static void test_all_types(void **state) {
        Fixture *f = *state;
        Values v = {};

        assert_true(sd_bus_message_append(f->message, "a{sv}s", 4, "text", "s", "x y", "flag", "b", 1, "number", "u", 4294967295u, "list",
                                          "au", 3, 7, 8, 9, "after") >= 0);
        seal(f);
        assert_true(read_values(f, &v) >= 0);
        assert_string_equal(v.text, "x y");
        assert_true(v.flag);
        assert_int_equal(v.number, UINT32_MAX);
        assert_int_equal(v.list.n, 3);
        assert_int_equal(v.list.values[2], 9);
        assert_true(v.text_given && v.list_given);

        const char *after; /* the next argument is next */
        assert_true(sd_bus_message_read(f->message, "s", &after) > 0);
        assert_string_equal(after, "after");
}

static void test_absent_is_left_alone(void **state) {
        Fixture *f = *state;
        Values v = { .text = "default", .flag = true, .number = 5 };

        assert_true(sd_bus_message_append(f->message, "a{sv}", 0) >= 0);
        seal(f);
        assert_true(read_values(f, &v) >= 0);
        assert_string_equal(v.text, "default");
        assert_true(v.flag);
        assert_int_equal(v.number, 5);
        assert_false(v.text_given || v.list_given);
}

static void test_false_and_empty_list(void **state) {
        Fixture *f = *state;
        Values v = { .flag = true, .list = { .n = 9 } };

        assert_true(sd_bus_message_append(f->message, "a{sv}", 2, "flag", "b", 0, "list", "au", 0) >= 0);
        seal(f);
        assert_true(read_values(f, &v) >= 0);
        assert_false(v.flag);
        assert_int_equal(v.list.n, 0);
        assert_true(v.list_given);
}

static void refused(Fixture *f, const char *word) {
        Values v = {};

        seal(f);
        assert_int_equal(read_values(f, &v), -EINVAL);
        assert_true(sd_bus_error_has_name(&f->error, SD_BUS_ERROR_INVALID_ARGS));
        assert_non_null(strstr(f->error.message, word));
}

static void test_unknown_key(void **state) {
        Fixture *f = *state;

        assert_true(sd_bus_message_append(f->message, "a{sv}", 2, "number", "u", 1, "colour", "s", "red") >= 0);
        refused(f, "'colour'");
}

static void test_wrong_type(void **state) {
        Fixture *f = *state;

        assert_true(sd_bus_message_append(f->message, "a{sv}", 1, "number", "t", UINT64_C(1)) >= 0);
        refused(f, "'number' has type 't', expected 'u'");
}

static void test_list_of_wrong_type(void **state) {
        Fixture *f = *state;

        assert_true(sd_bus_message_append(f->message, "a{sv}", 1, "list", "as", 1, "7") >= 0);
        refused(f, "'list' has type 'as'");
}

static void test_no_options_at_all(void **state) {
        Fixture *f = *state;

        assert_true(sd_bus_message_append(f->message, "a{sv}", 1, "any", "s", "x") >= 0);
        seal(f);
        assert_int_equal(options_read(f->message, NULL, 0, &f->error), -EINVAL);
}

static void test_rows(void **state) {
        Fixture *f = *state;
        const char *name, *text, *inner;
        uint32_t number;
        uint64_t big;
        int flag;

        assert_true(rows_open(f->message) >= 0);
        assert_true(row_open(f->message) >= 0);
        assert_true(row_text(f->message, "Text", "a\xff" "b\n") >= 0);
        assert_true(row_u32(f->message, "Number", 7) >= 0);
        assert_true(row_u64(f->message, "Big", UINT64_MAX) >= 0);
        assert_true(row_bool(f->message, "Flag", true) >= 0);
        assert_true(row_list_open(f->message, "List") >= 0);
        assert_true(row_open(f->message) >= 0);
        assert_true(row_text(f->message, "Inner", NULL) >= 0);
        assert_true(row_close(f->message) >= 0);
        assert_true(row_list_close(f->message) >= 0);
        assert_true(row_close(f->message) >= 0);
        assert_true(rows_close(f->message) >= 0);
        seal(f);
        assert_string_equal(sd_bus_message_get_signature(f->message, true), "aa{sv}");
        assert_true(sd_bus_message_enter_container(f->message, 'a', "a{sv}") > 0);
        assert_true(sd_bus_message_enter_container(f->message, 'a', "{sv}") > 0);
        assert_true(sd_bus_message_read(f->message, "{sv}", &name, "s", &text) > 0);
        assert_string_equal(text, "a\\xffb\\x0a");
        assert_true(sd_bus_message_read(f->message, "{sv}", &name, "u", &number) > 0);
        assert_int_equal(number, 7);
        assert_true(sd_bus_message_read(f->message, "{sv}", &name, "t", &big) > 0);
        assert_true(big == UINT64_MAX);
        assert_true(sd_bus_message_read(f->message, "{sv}", &name, "b", &flag) > 0);
        assert_true(flag);
        assert_true(sd_bus_message_read(f->message, "{sv}", &name, "aa{sv}", 1, 1, &inner, "s", &text) > 0);
        assert_string_equal(name, "List");
        assert_string_equal(inner, "Inner");
        assert_string_equal(text, "");
}

static void test_printable_text_is_left_as_it_is(void **state) {
        Fixture *f = *state;
        const char *text;

        assert_true(row_append_text(f->message, "exe~\"a\\.b\" ü") >= 0);
        seal(f);
        assert_true(sd_bus_message_read(f->message, "s", &text) > 0);
        assert_string_equal(text, "exe~\"a\\.b\" ü");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_all_types),          TEST(test_absent_is_left_alone), TEST(test_false_and_empty_list),
                TEST(test_unknown_key),        TEST(test_wrong_type),           TEST(test_list_of_wrong_type),
                TEST(test_no_options_at_all),  TEST(test_rows),                 TEST(test_printable_text_is_left_as_it_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
