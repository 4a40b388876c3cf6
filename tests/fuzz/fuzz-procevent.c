/* Any bytes as a datagram of the proc connector: decoding goes forward, stays inside, and gives only events that make sense. */
#include <assert.h>
#include "daemon/procevent.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        /* Each message in a buffer of exactly what is left, so that reading past it is seen. */
        while (size > 0) {
                _cleanup_free_ void *copy = malloc(size);
                ProcEvent e = { .pid = -1 };
                size_t consumed = 0;

                assert(copy);
                memcpy(copy, data, size);
                int r = proc_event_decode(copy, size, &consumed, &e);
                if (r < 0) {
                        assert(r == -EBADMSG && e.pid == -1);
                        return 0;
                }
                assert(consumed >= 16 && consumed <= size); /* at least a header: the loop ends */
                assert(r == 0 ? e.pid == -1 : e.pid > 0 && e.thread > 0 && e.kind < _EVENT_KIND_N);
                assert(r == 0 || memchr(e.comm, '\0', sizeof(e.comm)));
                data += consumed;
                size -= consumed;
        }
        return 0;
}
