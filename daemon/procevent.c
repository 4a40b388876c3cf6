/* Decoder for proc connector datagrams: struct nlmsghdr, struct cn_msg, struct proc_event (linux/cn_proc.h). */
#include "daemon/procevent.h"

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>

uint32_t proc_event_bit(EventKind kind) {
        static const uint32_t bits[_EVENT_KIND_N] = {
                [EVENT_FORK] = PROC_EVENT_FORK, [EVENT_EXEC] = PROC_EVENT_EXEC, [EVENT_UID] = PROC_EVENT_UID,
                [EVENT_GID] = PROC_EVENT_GID,   [EVENT_COMM] = PROC_EVENT_COMM, [EVENT_EXIT] = PROC_EVENT_EXIT,
        };
        return bits[kind];
}

static int event_fill(const struct proc_event *ev, ProcEvent *ret) {
        ProcEvent e = { .time_ns = ev->timestamp_ns };

        switch ((uint32_t) ev->what) {
        case PROC_EVENT_FORK:
                e.kind = EVENT_FORK;
                e.pid = ev->event_data.fork.child_tgid;
                e.thread = ev->event_data.fork.child_pid;
                e.parent = ev->event_data.fork.parent_tgid;
                break;
        case PROC_EVENT_EXEC:
                e.kind = EVENT_EXEC;
                e.pid = ev->event_data.exec.process_tgid;
                e.thread = ev->event_data.exec.process_pid;
                break;
        case PROC_EVENT_UID:
        case PROC_EVENT_GID:
                e.kind = (uint32_t) ev->what == PROC_EVENT_UID ? EVENT_UID : EVENT_GID;
                e.pid = ev->event_data.id.process_tgid;
                e.thread = ev->event_data.id.process_pid;
                break;
        case PROC_EVENT_COMM:
                e.kind = EVENT_COMM;
                e.pid = ev->event_data.comm.process_tgid;
                e.thread = ev->event_data.comm.process_pid;
                memcpy(e.comm, ev->event_data.comm.comm, sizeof(e.comm) - 1);
                break;
        case PROC_EVENT_EXIT:
                e.kind = EVENT_EXIT;
                e.pid = ev->event_data.exit.process_tgid;
                e.thread = ev->event_data.exit.process_pid;
                break;
        default:
                return 0;
        }
        if (e.pid <= 0 || e.thread <= 0)
                return -EBADMSG;
        /* The life and death of a thread changes no process. */
        if ((e.kind == EVENT_FORK || e.kind == EVENT_EXIT) && e.thread != e.pid)
                return 0;
        *ret = e;
        return 1;
}

int proc_event_decode(const void *buf, size_t size, size_t *consumed, ProcEvent *ret) {
        struct nlmsghdr nl;
        struct cn_msg cn;
        struct proc_event ev = {};
        const uint8_t *p = buf;

        if (size < sizeof(nl))
                return -EBADMSG;
        memcpy(&nl, p, sizeof(nl));
        if (nl.nlmsg_len < sizeof(nl) || nl.nlmsg_len > size)
                return -EBADMSG;
        *consumed = MIN((size_t) NLMSG_ALIGN(nl.nlmsg_len), size);
        if (nl.nlmsg_type != NLMSG_DONE)
                return nl.nlmsg_type < NLMSG_MIN_TYPE ? 0 : -EBADMSG;
        if (nl.nlmsg_len < NLMSG_HDRLEN + sizeof(cn))
                return -EBADMSG;
        memcpy(&cn, p + NLMSG_HDRLEN, sizeof(cn));
        if (cn.id.idx != CN_IDX_PROC || cn.id.val != CN_VAL_PROC)
                return -EBADMSG;
        if (cn.len > nl.nlmsg_len - NLMSG_HDRLEN - sizeof(cn))
                return -EBADMSG;
        /* The union has grown over the years: take what is there, demand what every kernel has had. */
        if (cn.len < offsetof(struct proc_event, event_data) + sizeof(ev.event_data.ack))
                return -EBADMSG;
        memcpy(&ev, p + NLMSG_HDRLEN + sizeof(cn), MIN((size_t) cn.len, sizeof(ev)));
        return event_fill(&ev, ret);
}
