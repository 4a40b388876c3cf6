/* Any bytes as questions to pclass-names, which asks NSS of this machine: nothing may crash, a question of another form ends the talk, and each of the right form has one
 * answer of its own number whose text ends. Datagrams with two bytes of size before each; the highest bit of the size fills up to a question. */
#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>
#include "daemon/namesserve.h"
#include "tests/fuzz/fuzz.h"

#define QUESTIONS_MAX 8

static void check_answer(int fd, const NamesRequest *q) {
        static NamesReply a;

        assert(recv(fd, &a, sizeof(a), MSG_DONTWAIT) == sizeof(a));
        assert(a.seq == q->seq && (a.code == 0 || a.code == -ENOENT || a.code == -EAGAIN));
        assert(memchr(a.name, '\0', sizeof(a.name)) && (a.n_gids <= NAMES_GIDS_MAX || a.n_gids == NAMES_GIDS_TOO_MANY));
        assert(a.code < 0 || q->kind < _NAMES_KIND_N);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        int pair[2], r = 1;

        assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
        for (unsigned i = 0; i < QUESTIONS_MAX && size > 2 && r > 0; i++) {
                NamesRequest q = {};
                bool whole = data[1] & 0x80;
                size_t n = MIN((size_t) (data[0] | (data[1] & 0x7f) << 8), size - 2);
                n = MIN(n, sizeof(q));
                memcpy(&q, data + 2, n);
                data += 2 + n;
                size -= 2 + n;
                n = whole ? sizeof(q) : n;
                if (n == 0)
                        break;
                assert(send(pair[0], &q, n, 0) == (ssize_t) n);
                r = names_serve_one(pair[1]);
                bool is_question = n == sizeof(q) && memchr(q.name, '\0', sizeof(q.name));
                assert(r == (is_question ? 1 : -EPROTO));
                if (is_question)
                        check_answer(pair[0], &q);
        }
        close(pair[0]);
        close(pair[1]);
        names_serve_done();
        return 0;
}
