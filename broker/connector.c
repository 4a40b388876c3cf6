/* Opening the proc connector. */
#include "broker/connector.h"

#include <arpa/inet.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/macro.h"

#define RECEIVE_BUFFER (16 * 1024 * 1024) /* about 40,000 events */

/* Where things lie in a datagram: netlink header, connector header, event. */
#define EVENT (NLMSG_HDRLEN + sizeof(struct cn_msg))
#define WHAT (EVENT + offsetof(struct proc_event, what))
#define FORK_PID (EVENT + offsetof(struct proc_event, event_data.fork.child_pid))
#define FORK_TGID (EVENT + offsetof(struct proc_event, event_data.fork.child_tgid))
#define EXIT_PID (EVENT + offsetof(struct proc_event, event_data.exit.process_pid))
#define EXIT_TGID (EVENT + offsetof(struct proc_event, event_data.exit.process_tgid))

/* Loads are in network order, so constants of the event are turned; equality does not mind. */
static int drop_threads(int fd) {
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, WHAT),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(0x00000001), 0, 4), /* fork */
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FORK_PID),
                BPF_STMT(BPF_MISC | BPF_TAX, 0),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FORK_TGID),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 5, 6),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(0x80000000), 0, 4), /* exit */
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, EXIT_PID),
                BPF_STMT(BPF_MISC | BPF_TAX, 0),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, EXIT_TGID),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                BPF_STMT(BPF_RET | BPF_K, 0),
        };
        const struct sock_fprog program = { .len = ELEMENTSOF(code), .filter = code };
        const int one = 1;

        if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
                return -errno;
        return setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)) < 0 ? -errno : 0;
}

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

int connector_open(void) {
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
        const struct sockaddr_nl group = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
        const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        const int size = RECEIVE_BUFFER;

        if (fd < 0)
                return -errno;
        int r = drop_threads(fd);
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
