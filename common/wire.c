/* The table of messages and the one check that every datagram passes. */
#include "common/wire.h"

#define REQUEST_MAX 66 /* one above the largest op */

/* 0 = no such message. RESTART and CHECK_CONFIG carry one item without content, as READY does. */
static const size_t request_sizes[REQUEST_MAX] = {
        [WIRE_HELLO] = sizeof(WireHello),
        [WIRE_PING] = sizeof(WirePing),
        [WIRE_MOVE] = sizeof(WireMove),
        [WIRE_RETURN] = sizeof(WireReturn),
        [WIRE_INSTANCE] = sizeof(WireInstance),
        [WIRE_DROP_INSTANCE] = sizeof(WireDropInstance),
        [WIRE_RESTART] = sizeof(WireReady),
        [WIRE_CHECK_CONFIG] = sizeof(WireReady),
        [WIRE_CHECK_CLASS] = sizeof(WireCheckClass),
        [WIRE_TUNE] = sizeof(WireTune),
        [WIRE_ADD_CLASS] = sizeof(WireAddClass),
        [WIRE_REMOVE_CLASS] = sizeof(WireRemoveClass),
        [WIRE_PLACE] = sizeof(WirePlace),
        [WIRE_ROOT] = sizeof(WireRoot),
        [WIRE_SIGNAL] = sizeof(WireSignal),
        [WIRE_HIERARCHY] = sizeof(WireHierarchy),
        [WIRE_CLASS] = sizeof(WireClass),
        [WIRE_CLASS_NOTE] = sizeof(WireClassNote),
        [WIRE_ORIGIN] = sizeof(WireOrigin),
        [WIRE_MEMBER] = sizeof(WireMember),
        [WIRE_READY] = sizeof(WireReady),
        [WIRE_EXE] = sizeof(WireExe),
        [WIRE_SET_MEMBER] = sizeof(WireSetMember),
};

static const size_t reply_sizes[REQUEST_MAX] = {
        [WIRE_HELLO] = sizeof(WireHelloReply),
        [WIRE_PING] = sizeof(WireResult),
        [WIRE_MOVE] = sizeof(WireMoveReply),
        [WIRE_RETURN] = sizeof(WireResult),
        [WIRE_INSTANCE] = sizeof(WireClass),
        [WIRE_DROP_INSTANCE] = sizeof(WireResult),
        [WIRE_PLACE] = sizeof(WireClass),
        [WIRE_RESTART] = sizeof(WireResult),
        [WIRE_CHECK_CONFIG] = sizeof(WireResult),
        [WIRE_CHECK_CLASS] = sizeof(WireResult),
        [WIRE_TUNE] = sizeof(WireResult),
        [WIRE_ADD_CLASS] = sizeof(WireClass),
        [WIRE_REMOVE_CLASS] = sizeof(WireResult),
        [WIRE_EXE] = sizeof(WireExeReply),
        [WIRE_SET_MEMBER] = sizeof(WireSetMemberReply),
};

/* Free of padding, as the header promises: a hole would carry bytes of our stack to the other side. */
_Static_assert(sizeof(WireHeader) == 8, "header");
_Static_assert(sizeof(WireHelloReply) == 4 * 4 + 2 * 8, "hello");
_Static_assert(sizeof(WirePing) == 8 + WIRE_TEXT_MAX, "ping");
_Static_assert(sizeof(WireMove) == 4 * 4 + 8, "move");
_Static_assert(sizeof(WireMoveReply) == 5 * 4 + 2 * 4 * WIRE_HIERARCHIES_MAX, "move reply");
_Static_assert(sizeof(WireReturn) == 4 * 4 + 8, "return");
_Static_assert(sizeof(WireInstance) == 8 + WIRE_COMPONENT_MAX + 7, "instance");
_Static_assert(sizeof(WireTune) == 8 + WIRE_SETTINGS_MAX * (8 + WIRE_TEXT_MAX), "tune");
_Static_assert(sizeof(WireAddClass) == WIRE_TEXT_MAX + 8, "add class");
_Static_assert(sizeof(WirePlace) == 4 * 4 + WIRE_TEXT_MAX, "place");
_Static_assert(sizeof(WireRoot) == 8 + WIRE_PATH_MAX, "root");
_Static_assert(sizeof(WireSignal) == 8, "signal");
_Static_assert(sizeof(WireResult) == 8 + WIRE_TEXT_MAX, "result");
_Static_assert(sizeof(WireHierarchy) == 16 + WIRE_TEXT_MAX + 2 * WIRE_PATH_MAX, "hierarchy");
_Static_assert(sizeof(WireClass) == 24 + 8 * WIRE_HIERARCHIES_MAX + 2 * WIRE_TEXT_MAX + WIRE_COMPONENT_MAX + 7, "class");
_Static_assert(sizeof(WireClassNote) == 8 + WIRE_COMPONENT_MAX + 7 + WIRE_TEXT_MAX, "class note");
_Static_assert(sizeof(WireOrigin) == 8 + WIRE_PATH_MAX, "origin");
_Static_assert(sizeof(WireMember) == 16 + 4 * WIRE_HIERARCHIES_MAX, "member");
_Static_assert(sizeof(WireSetMember) == 40, "set member");
_Static_assert(sizeof(WireSetMemberReply) == 40, "set member reply");
_Static_assert(sizeof(WireExeReply) == 8 + WIRE_EXE_PATH_MAX, "exe reply");

size_t wire_item_size(unsigned op) {
        const size_t *sizes = op & WIRE_REPLY ? reply_sizes : request_sizes;

        op &= ~(unsigned) WIRE_REPLY;
        return op < REQUEST_MAX ? sizes[op] : 0;
}

int wire_check(const void *buf, size_t size, const WireHeader **ret_header, const void **ret_items) {
        const WireHeader *h = buf;

        if (size < sizeof(*h) || size > WIRE_SIZE_MAX)
                return -EPROTO;
        size_t item = wire_item_size(h->op);
        if (item == 0 || h->count < 1 || h->count > WIRE_BATCH_MAX || size != sizeof(*h) + h->count * item)
                return -EPROTO;
        *ret_header = h;
        *ret_items = h + 1;
        return 0;
}

bool wire_text_ok(const char *text, size_t size) {
        return memchr(text, '\0', size) != NULL;
}

const char *wire_code_name(int code) {
        static const char *const names[] = {
                "ok", "gone", "stale", "protected", "not-allowed", "class-gone", "rt-conflict", "empty-cpuset", "kernel-thread",
                "limit", "failed", "parent", "protected-user",
        };

        return code <= 0 && code >= WIRE_PROTECTED_USER ? names[-code] : "unknown";
}
