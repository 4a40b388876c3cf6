/* The proc connector socket. */
#include "daemon/connector.h"

#include <libmnl/libmnl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include "common/eventfilter.h"
#include "common/fd.h"

/* The listen message with an event mask, Linux 6.6 and later (struct proc_input there; not in older headers). */
typedef struct ListenMasked {
        uint32_t operation;
        uint32_t events;
} ListenMasked;

#define EVENT_SIZE 512 /* a datagram has one event, of about 80 bytes */

struct Connector {
        struct mnl_socket *socket;
        uint32_t mask;
        bool want_mask, has_mask;
        uint64_t forged, garbled;
        uint64_t earlier_drops; /* of sockets before a reopen */
        int spares[CONNECTOR_SPARES];
        size_t n_spares;
        struct mmsghdr messages[CONNECTOR_BATCH];
        struct iovec parts[CONNECTOR_BATCH];
        struct sockaddr_nl from[CONNECTOR_BATCH];
        uint8_t (*buffers)[EVENT_SIZE];
};

static int connector_subscribe(struct mnl_socket *s, const void *message, uint16_t size) {
        char buf[MNL_NLMSG_HDRLEN + sizeof(struct cn_msg) + sizeof(ListenMasked)] __attribute__((aligned(4)));
        struct nlmsghdr *nl = mnl_nlmsg_put_header(buf);
        struct cn_msg *cn = mnl_nlmsg_put_extra_header(nl, sizeof(*cn));

        nl->nlmsg_type = NLMSG_DONE;
        cn->id = (struct cb_id) { CN_IDX_PROC, CN_VAL_PROC };
        cn->len = size;
        memcpy(mnl_nlmsg_put_extra_header(nl, size), message, size);
        if (mnl_socket_sendto(s, nl, nl->nlmsg_len) < 0)
                return -errno;
        return 0;
}

/* Linux 6.5 and older drop a masked subscription without a word, so the version has to tell. */
static bool kernel_takes_mask(void) {
        struct utsname u;
        unsigned major, minor;

        return uname(&u) >= 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2 && (major > 6 || (major == 6 && minor >= 6));
}

static int connector_listen(Connector *c) {
        ListenMasked message = { PROC_CN_MCAST_LISTEN, c->mask };
        int r;

        c->has_mask = false;
        if (!c->want_mask || !kernel_takes_mask())
                return 0;
        /* Where this is not understood or not allowed, the plain subscription made before goes on. */
        r = connector_subscribe(c->socket, &message, sizeof(message));
        if (r == -EPERM || r == -ECONNREFUSED)
                return 0;
        c->has_mask = r >= 0;
        return r;
}

int connector_new(int fd, uint32_t mask, bool event_mask, Connector **ret) {
        _cleanup_(connector_freep) Connector *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        c->mask = mask;
        c->want_mask = event_mask;
        c->buffers = malloc(CONNECTOR_BATCH * EVENT_SIZE);
        c->socket = mnl_socket_fdopen(fd);
        if (!c->buffers || !c->socket)
                return -errno;
        for (size_t i = 0; i < CONNECTOR_BATCH; i++) {
                c->parts[i] = (struct iovec) { c->buffers[i], EVENT_SIZE };
                c->messages[i].msg_hdr = (struct msghdr) { .msg_name = &c->from[i], .msg_iov = &c->parts[i], .msg_iovlen = 1 };
        }
        r = connector_listen(c);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

Connector *connector_free(Connector *c) {
        if (!c)
                return NULL;
        if (c->socket)
                mnl_socket_close(c->socket);
        while (c->n_spares > 0)
                fd_close(c->spares[--c->n_spares]);
        free(c->buffers);
        free(c);
        return NULL;
}

int connector_fd(const Connector *c) {
        return mnl_socket_get_fd(c->socket);
}

bool connector_has_mask(const Connector *c) {
        return c->has_mask;
}

uint64_t connector_forged(const Connector *c) {
        return c->forged;
}

uint64_t connector_garbled(const Connector *c) {
        return c->garbled;
}

static void connector_deliver(Connector *c, const uint8_t *p, size_t size, ConnectorSink sink, void *userdata) {
        while (size > 0) {
                ProcEvent event;
                size_t consumed;
                int r = proc_event_decode(p, size, &consumed, &event);

                if (r < 0) {
                        c->garbled++;
                        return;
                }
                if (r > 0 && (c->mask & proc_event_bit(event.kind)))
                        sink(&event, userdata);
                p += consumed;
                size -= consumed;
        }
}

static void connector_take(Connector *c, size_t i, ConnectorSink sink, void *userdata) {
        const struct msghdr *m = &c->messages[i].msg_hdr;

        /* Anybody may send to a netlink port; only the kernel's own port is 0, and that field the sender cannot choose. */
        if (m->msg_namelen != sizeof(c->from[i]) || c->from[i].nl_pid != 0)
                c->forged++;
        else if (m->msg_flags & MSG_TRUNC)
                c->garbled++;
        else
                connector_deliver(c, c->buffers[i], c->messages[i].msg_len, sink, userdata);
}

int connector_receive(Connector *c, ConnectorSink sink, void *userdata) {
        for (size_t i = 0; i < CONNECTOR_BATCH; i++)
                c->messages[i].msg_hdr.msg_namelen = sizeof(c->from[i]);
        int n = recvmmsg(connector_fd(c), c->messages, CONNECTOR_BATCH, MSG_DONTWAIT, NULL);

        if (n < 0)
                return errno == EAGAIN ? 0 : errno == EINTR ? CONNECTOR_BATCH : -errno;
        for (int i = 0; i < n; i++)
                connector_take(c, i, sink, userdata);
        return n;
}

static uint64_t socket_drops(int fd) {
        uint32_t info[SK_MEMINFO_VARS] = {};
        socklen_t size = sizeof(info);

        if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) < 0)
                return 0;
        return info[SK_MEMINFO_DROPS];
}

uint64_t connector_drops(const Connector *c) {
        return c->earlier_drops + socket_drops(connector_fd(c));
}

void connector_add_spare(Connector *c, int fd) {
        if (c->n_spares < CONNECTOR_SPARES)
                c->spares[c->n_spares++] = fd;
        else
                fd_close(fd);
}

static int spare_take(Connector *c, struct mnl_socket **ret) {
        int fd = c->spares[--c->n_spares], r = event_filter_threads(fd);
        struct mnl_socket *s = r < 0 ? NULL : mnl_socket_fdopen(fd);

        if (!s) {
                fd_close(fd);
                return r < 0 ? r : -errno;
        }
        *ret = s;
        return 0;
}

static int fresh_open(struct mnl_socket **ret) {
        const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        uint32_t plain = PROC_CN_MCAST_LISTEN;
        int size = 16 << 20, fd, r;
        struct mnl_socket *fresh = mnl_socket_open2(NETLINK_CONNECTOR, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (!fresh)
                return -errno;
        fd = mnl_socket_get_fd(fresh);
        /* Without privilege the buffer grows to net.core.rmem_max only; loss is counted and repaired all the same. */
        (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        r = event_filter_threads(fd);
        if (r >= 0 && (mnl_socket_bind(fresh, CN_IDX_PROC, MNL_SOCKET_AUTOPID) < 0 ||
                       connect(fd, (const struct sockaddr *) &kernel, sizeof(kernel)) < 0)) /* nobody else's unicast */
                r = -errno;
        if (r >= 0)
                r = connector_subscribe(fresh, &plain, sizeof(plain));
        if (r < 0) {
                mnl_socket_close(fresh);
                return r;
        }
        *ret = fresh;
        return 0;
}

int connector_reopen(Connector *c) {
        struct mnl_socket *fresh = NULL;
        int r = -EPERM;

        if (c->want_mask || c->n_spares == 0) /* without: an older kernel is played */
                r = fresh_open(&fresh);
        if (r < 0 && c->n_spares > 0)
                r = spare_take(c, &fresh);
        if (r < 0)
                return r;
        c->earlier_drops = connector_drops(c);
        mnl_socket_close(c->socket);
        c->socket = fresh;
        return connector_listen(c);
}

int connector_heartbeat(void) {
        return prctl(PR_SET_NAME, "pclassd") < 0 ? -errno : 0;
}
