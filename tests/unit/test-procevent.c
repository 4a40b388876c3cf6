/* The decoder of connector datagrams, against datagrams built by the kernel's own structures. */
#include "tests/unit/test.h"

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include "daemon/procevent.h"

/* struct cn_msg without its flexible end. */
typedef struct Datagram {
        struct nlmsghdr nl;
        struct {
                struct cb_id id;
                uint32_t seq, ack;
                uint16_t len, flags;
        } cn;
        struct proc_event event;
} __attribute__((packed, aligned(4))) Datagram;
_Static_assert(offsetof(Datagram, event) == NLMSG_HDRLEN + sizeof(struct cn_msg), "as the kernel lays it out");

static Datagram datagram(uint32_t what) {
        Datagram d = {
                .nl = { .nlmsg_len = sizeof(Datagram), .nlmsg_type = NLMSG_DONE },
                .cn = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof(struct proc_event) },
        };

        d.event.what = what;
        d.event.timestamp_ns = 123456789;
        return d;
}

static void fork_of_a_process(void **state) {
        Datagram d = datagram(PROC_EVENT_FORK);
        ProcEvent e;
        size_t consumed = 0;

        d.event.event_data.fork.parent_pid = 11; /* a thread of 10 forks */
        d.event.event_data.fork.parent_tgid = 10;
        d.event.event_data.fork.child_pid = d.event.event_data.fork.child_tgid = 20;
        assert_int_equal(proc_event_decode(&d, sizeof(d), &consumed, &e), 1);
        assert_int_equal(consumed, sizeof(d));
        assert_int_equal(e.kind, EVENT_FORK);
        assert_int_equal(e.pid, 20);
        assert_int_equal(e.parent, 10);
        assert_int_equal(e.time_ns, 123456789);
}

static void threads_are_no_processes(void **state) {
        Datagram d = datagram(PROC_EVENT_FORK);
        ProcEvent e;
        size_t consumed;

        d.event.event_data.fork.parent_pid = d.event.event_data.fork.parent_tgid = 10;
        d.event.event_data.fork.child_pid = 21;
        d.event.event_data.fork.child_tgid = 10;
        assert_int_equal(proc_event_decode(&d, sizeof(d), &consumed, &e), 0);
        d = datagram(PROC_EVENT_EXIT);
        d.event.event_data.exit.process_pid = 21;
        d.event.event_data.exit.process_tgid = 10;
        assert_int_equal(proc_event_decode(&d, sizeof(d), &consumed, &e), 0);
}

/* A thread that changes its ids or execs concerns its process. */
static void change_by_a_thread(void **state) {
        static const struct {
                uint32_t what;
                EventKind kind;
        } cases[] = { { PROC_EVENT_UID, EVENT_UID }, { PROC_EVENT_GID, EVENT_GID }, { PROC_EVENT_EXEC, EVENT_EXEC } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Datagram d = datagram(cases[i].what);
                ProcEvent e;
                size_t consumed;
                d.event.event_data.id.process_pid = 31; /* exec has the same two fields first */
                d.event.event_data.id.process_tgid = 30;
                assert_int_equal(proc_event_decode(&d, sizeof(d), &consumed, &e), 1);
                assert_int_equal(e.kind, cases[i].kind);
                assert_int_equal(e.pid, 30);
                assert_int_equal(e.thread, 31);
        }
}

static void comm_is_terminated(void **state) {
        Datagram d = datagram(PROC_EVENT_COMM);
        ProcEvent e;
        size_t consumed;

        d.event.event_data.comm.process_pid = d.event.event_data.comm.process_tgid = 40;
        memset(d.event.event_data.comm.comm, 'x', sizeof(d.event.event_data.comm.comm));
        assert_int_equal(proc_event_decode(&d, sizeof(d), &consumed, &e), 1);
        assert_int_equal(strnlen(e.comm, sizeof(e.comm)), 15);
}

static void others_are_passed_over(void **state) {
        static const uint32_t kinds[] = { PROC_EVENT_NONE, PROC_EVENT_SID, PROC_EVENT_PTRACE, PROC_EVENT_COREDUMP, 0x00100000 };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                Datagram d = datagram(kinds[i]);
                ProcEvent e;
                size_t consumed = 0;
                assert_int_equal(proc_event_decode(&d, sizeof(d), &consumed, &e), 0);
                assert_int_equal(consumed, sizeof(d));
        }
}

static void bad_datagrams(void **state) {
        const Datagram good = datagram(PROC_EVENT_EXEC);
        ProcEvent e;
        size_t consumed;

        for (size_t size = 0; size < sizeof(good); size++) {
                Datagram d = good;
                d.event.event_data.exec.process_pid = d.event.event_data.exec.process_tgid = 5;
                assert_int_equal(proc_event_decode(&d, size, &consumed, &e), -EBADMSG);
        }
        Datagram d = good;
        assert_int_equal(proc_event_decode(&d, sizeof(d), &consumed, &e), -EBADMSG); /* pid 0 */
        d = good;
        d.cn.id.idx = CN_IDX_PROC + 1;
        assert_int_equal(proc_event_decode(&d, sizeof(d), &consumed, &e), -EBADMSG);
        d = good;
        d.cn.len = sizeof(struct proc_event) + 1;
        assert_int_equal(proc_event_decode(&d, sizeof(d), &consumed, &e), -EBADMSG);
        d = good;
        d.cn.len = 8;
        assert_int_equal(proc_event_decode(&d, sizeof(d), &consumed, &e), -EBADMSG);
        d = good;
        d.nl.nlmsg_len = 3;
        assert_int_equal(proc_event_decode(&d, sizeof(d), &consumed, &e), -EBADMSG);
        d = good;
        d.nl.nlmsg_type = NLMSG_MIN_TYPE;
        assert_int_equal(proc_event_decode(&d, sizeof(d), &consumed, &e), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fork_of_a_process),  cmocka_unit_test(threads_are_no_processes), cmocka_unit_test(change_by_a_thread),
                cmocka_unit_test(comm_is_terminated), cmocka_unit_test(others_are_passed_over),   cmocka_unit_test(bad_datagrams),
        };
        return cmocka_run_group_tests_name("procevent", tests, NULL, NULL);
}
