/* The check of datagrams. */
#include "tests/unit/test.h"

#include "common/wire.h"

static _Alignas(8) char buf[WIRE_SIZE_MAX + 64];

static int check(unsigned op, unsigned count, size_t size) {
        const WireHeader h = { .op = op, .count = count, .seq = 9 }, *header = NULL;
        const void *items = NULL;

        memcpy(buf, &h, sizeof(h));
        int r = wire_check(buf, size, &header, &items);
        if (r == 0) {
                assert_ptr_equal(header, buf);
                assert_ptr_equal(items, buf + sizeof(h));
        } else {
                assert_null(header);
                assert_null(items);
        }
        return r;
}

static void test_exact_size(void **state) {
        const size_t whole = sizeof(WireHeader) + 3 * sizeof(WireMove);

        assert_int_equal(check(WIRE_MOVE, 3, whole), 0);
        assert_int_equal(check(WIRE_MOVE, 3, whole - 1), -EPROTO);
        assert_int_equal(check(WIRE_MOVE, 3, whole + 1), -EPROTO);
        assert_int_equal(check(WIRE_MOVE, 2, whole), -EPROTO);
        assert_int_equal(check(WIRE_MOVE, 0, sizeof(WireHeader)), -EPROTO);
        assert_int_equal(check(WIRE_MOVE, 1, 7), -EPROTO);
        assert_int_equal(check(WIRE_MOVE, WIRE_BATCH_MAX, sizeof(WireHeader) + WIRE_BATCH_MAX * sizeof(WireMove)), 0);
        assert_int_equal(check(WIRE_MOVE, WIRE_BATCH_MAX + 1, sizeof(WireHeader) + (WIRE_BATCH_MAX + 1) * sizeof(WireMove)), -EPROTO);
}

static void test_size_limit(void **state) {
        unsigned most = (WIRE_SIZE_MAX - sizeof(WireHeader)) / sizeof(WireOrigin);

        assert_int_equal(check(WIRE_ORIGIN, most, sizeof(WireHeader) + most * sizeof(WireOrigin)), 0);
        assert_int_equal(check(WIRE_ORIGIN, most + 1, sizeof(WireHeader) + (most + 1) * sizeof(WireOrigin)), -EPROTO);
}

static void test_ops(void **state) {
        assert_int_equal(wire_item_size(0), 0);
        assert_int_equal(wire_item_size(31), 0);
        assert_int_equal(wire_item_size(0xffff), 0);
        assert_int_equal(wire_item_size(WIRE_READY | WIRE_REPLY), 0); /* is not answered */
        assert_int_equal(wire_item_size(WIRE_MOVE), sizeof(WireMove));
        assert_int_equal(wire_item_size(WIRE_MOVE | WIRE_REPLY), sizeof(WireMoveReply));
        assert_int_equal(wire_item_size(WIRE_INSTANCE | WIRE_REPLY), sizeof(WireClass));
        assert_int_equal(wire_item_size(WIRE_HELLO | WIRE_REPLY), sizeof(WireHelloReply));
        assert_int_equal(wire_item_size(WIRE_EXE | WIRE_REPLY), sizeof(WireExeReply));
        assert_int_equal(wire_item_size(WIRE_TUNE), sizeof(WireTune));
        assert_int_equal(wire_item_size(WIRE_TUNE | WIRE_REPLY), sizeof(WireResult));
        assert_int_equal(wire_item_size(WIRE_SET_MEMBER), sizeof(WireSetMember));
        assert_int_equal(wire_item_size(WIRE_SET_MEMBER | WIRE_REPLY), sizeof(WireSetMemberReply));
        for (unsigned op = WIRE_HELLO; op <= WIRE_REMOVE_CLASS; op++) {
                assert_true(wire_item_size(op) > 0);
                assert_true(wire_item_size(op | WIRE_REPLY) > 0);
        }
        for (unsigned op = WIRE_HIERARCHY; op <= WIRE_READY; op++)
                assert_true(wire_item_size(op) > 0);
        assert_int_equal(check(31, 1, sizeof(WireHeader)), -EPROTO);
        assert_int_equal(wire_item_size(WIRE_PLACE | WIRE_REPLY), sizeof(WireClass));
        assert_true(wire_item_size(WIRE_PLACE) && wire_item_size(WIRE_ROOT) && wire_item_size(WIRE_SIGNAL));
        assert_int_equal(wire_item_size(WIRE_ROOT | WIRE_REPLY), 0);
        assert_int_equal(check(WIRE_PLACE, 2, sizeof(WireHeader) + 2 * sizeof(WirePlace)), 0);
        assert_int_equal(check(WIRE_PLACE, 2, sizeof(WireHeader) + 2 * sizeof(WirePlace) - 4), -EPROTO);
        assert_int_equal(check(9, 1, sizeof(WireHeader)), -EPROTO);
}

static void test_text(void **state) {
        assert_true(wire_text_ok("abc", 4));
        assert_false(wire_text_ok("abc", 3));
        assert_false(wire_text_ok("", 0));
}

static void test_codes(void **state) {
        assert_string_equal(wire_code_name(WIRE_OK), "ok");
        assert_string_equal(wire_code_name(WIRE_GONE), "gone");
        assert_string_equal(wire_code_name(WIRE_PROTECTED), "protected");
        assert_string_equal(wire_code_name(WIRE_LIMIT), "limit");
        assert_string_equal(wire_code_name(WIRE_PARENT), "parent");
        assert_string_equal(wire_code_name(WIRE_PROTECTED_USER), "protected-user");
        assert_string_equal(wire_code_name(WIRE_PROTECTED_USER - 1), "unknown");
        assert_string_equal(wire_code_name(1), "unknown");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_exact_size), cmocka_unit_test(test_size_limit), cmocka_unit_test(test_ops),
                cmocka_unit_test(test_text),       cmocka_unit_test(test_codes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
