/* Any bytes as a datagram: what passes the check is exactly as long as it says, and is what the table of messages knows. */
#include <assert.h>
#include "common/wire.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const WireHeader *h = NULL;
        const void *items = NULL;
        /* A buffer of exactly that size, aligned as the channel's is. */
        _cleanup_free_ void *copy = aligned_alloc(8, (size + 8) & ~(size_t) 7);

        assert(copy);
        memcpy(copy, data, size);
        int r = wire_check(copy, size, &h, &items);
        if (r < 0) {
                assert(r == -EPROTO && !h && !items);
                return 0;
        }
        assert(size <= WIRE_SIZE_MAX && h->count >= 1 && h->count <= WIRE_BATCH_MAX);
        assert((const uint8_t *) items + h->count * wire_item_size(h->op) == (const uint8_t *) copy + size);
        assert(*wire_code_name((int) h->seq));
        return 0;
}
