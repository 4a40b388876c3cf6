/* Datagrams over SOCK_SEQPACKET. */
#include "common/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include "common/fd.h"

/* The kernel charges a datagram's pages and its bookkeeping, about twice its bytes (socket(7), SO_SNDBUF). */
static void grow_buffer(int fd, int forced, int plain, int bytes) {
        if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof(bytes)) < 0)
                (void) setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof(bytes));
}

int channel_pair(unsigned datagrams, int ret[static 2]) {
        int fds[2], bytes = MIN(datagrams, 1024u) * WIRE_SIZE_MAX;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
                return -errno;
        for (size_t i = 0; i < 2; i++) {
                grow_buffer(fds[i], SO_SNDBUFFORCE, SO_SNDBUF, bytes);
                grow_buffer(fds[i], SO_RCVBUFFORCE, SO_RCVBUF, bytes);
                ret[i] = fds[i];
        }
        return 0;
}

typedef union FdControl {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
} FdControl;

static void attach_fds(struct msghdr *m, FdControl *control, const int *fds, size_t n_fds) {
        memset(control, 0, sizeof(*control));
        m->msg_control = control->bytes;
        m->msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
}

int channel_send(int fd, unsigned op, uint32_t seq, const void *items, size_t count, const int *fds, size_t n_fds) {
        WireHeader h = { .op = op, .count = count, .seq = seq };
        size_t item = wire_item_size(op);
        struct iovec iov[] = { { &h, sizeof(h) }, { (void *) items, count * item } };
        struct msghdr m = { .msg_iov = iov, .msg_iovlen = ELEMENTSOF(iov) };
        FdControl control;
        ssize_t n;

        if (item == 0 || count < 1 || count > WIRE_BATCH_MAX || n_fds > CHANNEL_FDS_MAX)
                return -EINVAL;
        if (sizeof(h) + count * item > WIRE_SIZE_MAX)
                return -EMSGSIZE;
        if (n_fds > 0)
                attach_fds(&m, &control, fds, n_fds);
        do
                n = sendmsg(fd, &m, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == ECONNRESET ? -EPIPE : -errno;
        return 0;
}

/* Every descriptor that came, up to CHANNEL_FDS_MAX (the kernel closes what finds no room). */
static size_t collect_fds(struct msghdr *m, int *fds) {
        size_t n = 0;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < here && n < CHANNEL_FDS_MAX; i++)
                        memcpy(&fds[n++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
        }
        return n;
}

ssize_t channel_receive(int fd, void *buf, const WireHeader **ret_header, const void **ret_items, int *fds, size_t *n_fds) {
        struct iovec iov = { buf, WIRE_SIZE_MAX };
        FdControl control;
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
        };
        size_t room = fds ? *n_fds : 0;
        int came[CHANNEL_FDS_MAX], r = 0;
        ssize_t n;

        do
                n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == ECONNRESET ? 0 : -errno;
        size_t n_came = collect_fds(&m, came);
        if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || n_came > room)
                r = -EPROTO;
        if (r >= 0 && n > 0)
                r = wire_check(buf, n, ret_header, ret_items);
        if (r < 0 || n == 0) {
                for (size_t i = 0; i < n_came; i++)
                        fd_close(came[i]);
                return r;
        }
        if (n_came > 0)
                memcpy(fds, came, n_came * sizeof(int));
        if (fds)
                *n_fds = n_came;
        return n;
}
