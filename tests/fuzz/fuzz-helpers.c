/* Any bytes as what the small helpers are asked (exe reader, member helper), and as what the member helper answers to the broker: nothing may crash, and
 * nobody is touched who was not asked about in a message of the right form. The first byte says which; the rest are datagrams with two bytes of size before each. */
#include <assert.h>
#include <fcntl.h>
#include <sys/socket.h>
#include "broker/exereader.h"
#include "broker/memberhelper.h"
#include "broker/members.h"
#include "common/channel.h"
#include "common/fd.h"
#include "common/log.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/place.h"

#define DATAGRAMS_MAX 16
#define SENT_MAX 4096u

static bool next(const uint8_t **data, size_t *size, const uint8_t **ret, size_t *ret_n) {
        if (*size < 2)
                return false;
        *ret_n = MIN((size_t) ((*data)[0] | (*data)[1] << 8), *size - 2);
        *ret_n = MIN(*ret_n, (size_t) SENT_MAX);
        *ret = *data + 2;
        *data += 2 + *ret_n;
        *size -= 2 + *ret_n;
        return true;
}

/* Every answer fits its request. */
static void drain(int fd, const uint8_t *sent, size_t n) {
        _Alignas(8) static char buf[WIRE_SIZE_MAX];
        const WireHeader *h;
        const void *items;
        WireHeader request;

        while (channel_receive(fd, buf, &h, &items, NULL, NULL) > 0) {
                assert(n >= sizeof(request));
                memcpy(&request, sent, sizeof(request));
                assert(h->op == (request.op | WIRE_REPLY) && h->count == request.count && h->seq == request.seq);
                for (size_t i = 0; request.op == WIRE_EXE && i < h->count; i++)
                        assert(wire_text_ok(((const WireExeReply *) items)[i].path, WIRE_EXE_PATH_MAX));
        }
}

/* The descriptors that come with the datagrams: of a process, and of none. */
static int send_with_fds(int fd, const uint8_t *data, size_t n, unsigned n_fds) {
        static int dirs[2];
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
        } control = {};
        struct iovec iov = { (void *) data, n };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (dirs[0] <= 0) {
                dirs[0] = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
                dirs[1] = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        }
        if (n_fds > 0) {
                m.msg_control = control.bytes;
                m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                struct cmsghdr *c = CMSG_FIRSTHDR(&m);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                for (unsigned i = 0; i < n_fds; i++)
                        memcpy(CMSG_DATA(c) + i * sizeof(int), &dirs[i % 2], sizeof(int));
        }
        return sendmsg(fd, &m, 0) == (ssize_t) n ? 0 : -errno;
}

static void check_exe(const uint8_t *data, size_t size, unsigned n_fds) {
        static ExeHost host;
        const uint8_t *d;
        int pair[2];
        size_t n;

        if (!host.own[0])
                assert(exereader_host(&host) == 0);
        assert(channel_pair(4, pair) == 0);
        for (unsigned i = 0; i < DATAGRAMS_MAX && next(&data, &size, &d, &n) && n > 0; i++) {
                assert(send_with_fds(pair[0], d, n, MIN(n_fds, (unsigned) CHANNEL_FDS_MAX)) == 0);
                bool goes_on = exereader_serve_one(&host, pair[1]);
                drain(pair[0], d, n);
                if (!goes_on)
                        break;
        }
        close(pair[0]);
        close(pair[1]);
}

/* Below an empty directory instead of /proc: nobody is there who could be touched. */
static void check_member(const uint8_t *data, size_t size) {
        _cleanup_close_ int proc_fd = open(fuzz_place(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        const uint8_t *d;
        int pair[2];
        size_t n;

        assert(proc_fd >= 0 && channel_pair(4, pair) == 0);
        for (unsigned i = 0; i < DATAGRAMS_MAX && next(&data, &size, &d, &n) && n > 0; i++) {
                assert(send(pair[0], d, n, 0) == (ssize_t) n);
                bool goes_on = memberhelper_serve_one(pair[1], proc_fd);
                drain(pair[0], d, n);
                if (!goes_on)
                        break;
        }
        close(pair[0]);
        close(pair[1]);
}

static void check_member_answer(const uint8_t *data, size_t size) {
        static const WireSetMember old = { .pid = 77, .what = WIRE_MEMBER_NICE };
        Broker b = {};
        const uint8_t *d;
        int pair[2];
        size_t n;

        assert(channel_pair(4, pair) == 0);
        b.members_fd = pair[1];
        for (unsigned i = 0; i < DATAGRAMS_MAX && b.members_fd > 0 && next(&data, &size, &d, &n) && n > 0; i++) {
                assert(send(pair[0], d, n, 0) == (ssize_t) n);
                members_restore(&b, &old);
        }
        fd_close(b.members_fd > 0 ? b.members_fd : -EBADF);
        close(pair[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size == 0)
                return 0;
        log_open("fuzz", LOG_EMERG);
        switch (data[0] % 3) {
        case 0: check_exe(data + 1, size - 1, data[0] / 3); break;
        case 1: check_member(data + 1, size - 1); break;
        default: check_member_answer(data + 1, size - 1); break;
        }
        return 0;
}
