/* Classic BPF on datagrams of the proc connector. */
#include "common/eventfilter.h"

#include <arpa/inet.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <sys/socket.h>

/* Where things lie in a datagram: netlink header, connector header, event. */
#define EVENT (NLMSG_HDRLEN + sizeof(struct cn_msg))
#define WHAT (EVENT + offsetof(struct proc_event, what))
#define FORK_PID (EVENT + offsetof(struct proc_event, event_data.fork.child_pid))
#define FORK_TGID (EVENT + offsetof(struct proc_event, event_data.fork.child_tgid))
#define EXIT_PID (EVENT + offsetof(struct proc_event, event_data.exit.process_pid))
#define EXIT_TGID (EVENT + offsetof(struct proc_event, event_data.exit.process_tgid))

static int attach(int fd, struct sock_filter *code, size_t n) {
        const struct sock_fprog program = { .len = n, .filter = code };

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

/* Loads are in network order, so constants of the event are turned; equality does not mind. */
int event_filter_threads(int fd) {
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
        const int one = 1;
        int r = attach(fd, code, ELEMENTSOF(code));

        if (r < 0)
                return r;
        return setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)) < 0 ? -errno : 0;
}

int event_filter_all(int fd) {
        struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 0) };

        return attach(fd, code, ELEMENTSOF(code));
}
