/* Time to decode one event of the proc connector. usage: bench-decode [ROUNDS]. Prints one JSON line. */
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include "daemon/procevent.h"
#include "measure.h"

#define REPEATS 2000
#define DATAGRAMS 64

typedef struct Datagram {
        uint8_t bytes[NLMSG_SPACE(sizeof(struct cn_msg) + sizeof(struct proc_event))];
} Datagram;

static Datagram datagrams[DATAGRAMS];

/* What a process's life sends: fork, exec, ids, name, exit. */
static void make_datagram(Datagram *d, unsigned i) {
        static const unsigned kinds[] = { PROC_EVENT_FORK, PROC_EVENT_EXEC, PROC_EVENT_UID, PROC_EVENT_GID, PROC_EVENT_COMM, PROC_EVENT_EXIT };
        struct proc_event event = { .cpu = i % 2, .timestamp_ns = 1000 + i };
        struct cn_msg message = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .seq = i, .len = sizeof(event) };
        struct nlmsghdr header = { .nlmsg_len = NLMSG_LENGTH(sizeof(message) + sizeof(event)), .nlmsg_type = NLMSG_DONE };
        pid_t pid = 2000 + (pid_t) i;

        event.what = kinds[i % ELEMENTSOF(kinds)];
        event.event_data.fork.parent_pid = event.event_data.fork.parent_tgid = pid;
        event.event_data.fork.child_pid = event.event_data.fork.child_tgid = pid;
        memcpy(d->bytes, &header, sizeof(header));
        memcpy(d->bytes + NLMSG_HDRLEN, &message, sizeof(message));
        memcpy(d->bytes + NLMSG_HDRLEN + sizeof(message), &event, sizeof(event));
}

size_t measured(size_t repeats);

MEASURED size_t measured(size_t repeats) {
        size_t decoded = 0;

        for (size_t k = 0; k < repeats; k++)
                for (size_t i = 0; i < DATAGRAMS; i++) {
                        ProcEvent event;
                        size_t consumed;
                        decoded += proc_event_decode(datagrams[i].bytes, sizeof(datagrams[i].bytes), &consumed, &event) > 0;
                }
        return decoded;
}

int main(int argc, char **argv) {
        unsigned rounds = argc > 1 ? (unsigned) strtoul(argv[1], NULL, 10) : 9;
        double least = 1e18;
        size_t decoded = 0;

        for (unsigned i = 0; i < DATAGRAMS; i++)
                make_datagram(&datagrams[i], i);
        for (unsigned i = 0; i < rounds; i++) {
                uint64_t began = measure_cpu();
                decoded = measured(REPEATS);
                double ns = (double) (measure_cpu() - began) / (REPEATS * DATAGRAMS);
                least = ns < least ? ns : least;
        }
        printf("{\"bench\": \"decode\", \"ns\": %.1f, \"decoded\": %zu, \"of\": %d}\n", least, decoded, REPEATS * DATAGRAMS);
        return decoded == REPEATS * DATAGRAMS ? 0 : 1;
}
