/* Opening the proc connector. */
#include "broker/connector.h"

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/eventfilter.h"
#include "common/fd.h"
#include "common/str.h"

#define RECEIVE_BUFFER (16 * 1024 * 1024) /* about 40,000 events */

#define EVENT (NLMSG_HDRLEN + sizeof(struct cn_msg)) /* where the event lies in a datagram */

/* The plain form that every kernel knows; pclassd may ask again for fewer events on 6.6 and later. */
static int listen_to_events(int fd) {
        const struct nlmsghdr header = { .nlmsg_len = EVENT + sizeof(enum proc_cn_mcast_op), .nlmsg_type = NLMSG_DONE, .nlmsg_pid = getpid() };
        const struct cn_msg message = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof(enum proc_cn_mcast_op) };
        const enum proc_cn_mcast_op op = PROC_CN_MCAST_LISTEN;
        _Alignas(NLMSG_ALIGNTO) char request[EVENT + sizeof(op)];

        memcpy(request, &header, sizeof(header));
        memcpy(request + NLMSG_HDRLEN, &message, sizeof(message));
        memcpy(request + EVENT, &op, sizeof(op));
        ssize_t n = send(fd, request, sizeof(request), 0);

        return n < 0 ? -errno : n == sizeof(request) ? 0 : -EIO;
}

static int open_filtered(int (*filter)(int fd)) {
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
        const struct sockaddr_nl group = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
        const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        const int size = RECEIVE_BUFFER;

        if (fd < 0)
                return -errno;
        int r = filter(fd);
        if (r < 0)
                return r;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        if (bind(fd, (const struct sockaddr *) &group, sizeof(group)) < 0)
                return -errno;
        /* From now on unicast datagrams of anybody but the kernel are refused. */
        if (connect(fd, (const struct sockaddr *) &kernel, sizeof(kernel)) < 0)
                return -errno;
        r = listen_to_events(fd);
        return r < 0 ? r : TAKE_FD(fd);
}

/* Events tell numbers of the machine's own pid namespace, wherever they are heard. In another one nobody can subscribe, but what somebody else on the
 * machine subscribed to comes all the same, and its numbers would be taken for processes of ours. */
static bool numbers_are_ours(void) {
        char target[64];
        ssize_t n = readlink("/proc/self/ns/pid", target, sizeof(target) - 1);

        if (n < 0)
                return true; /* a kernel without namespaces has one */
        target[n] = '\0';
        return streq(target, "pid:[4026531836]"); /* PID_NS_INIT_INO of linux/nsfs.h */
}

int connector_open(void) {
        return numbers_are_ours() ? open_filtered(event_filter_threads) : -EXDEV;
}

int connector_open_spare(void) {
        return open_filtered(event_filter_all);
}
