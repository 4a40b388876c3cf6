/* Any bytes as the datagrams of a hostile pclassd, to a broker with fake cgroups: nothing may crash, every request has its answer, who is protected is never
 * moved, and nothing outside the hierarchies is touched.
 * Each datagram has a byte for its op, one for its number of items, two of size before it; a part of them is sent as it is. */
#include "tests/unit/test.h"
#include <assert.h>
#include <sys/socket.h>
#include "broker/broker.h"
#include "common/channel.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/str.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fakecgroup.h"

#define ROUNDS_MAX 512 /* inputs that one broker sees, so that what they make does not pile up */
#define DATAGRAMS_MAX 24
#define OWN_PID 900u

static const char classes[] = "[Class web]\nHierarchies=memory\nMemoryHigh=1G\nTunable=MemoryHigh:-2G CPUWeight\n[Class plain]\n"
                              "[Class users/%u]\nTunable=TasksMax\n[Class closed]\nAllowedUsers=77\n[Class g/x-%g]\n[Class runtime]\n";

static struct World {
        FakeCgroup *fake;
        ClassTable *table;
        Broker broker;
        int peer;
        unsigned rounds;
        uint64_t buffer[WIRE_SIZE_MAX / 8];
} world;

static int on_enter(bool needs_exe, int *ret_exe_fd, uint64_t *ret_capabilities, void *userdata) {
        *ret_capabilities = 0;
        return 0;
}

static void on_ping(const WirePing *ping, void *userdata) {
}

static int on_check(TextError *err, void *userdata) {
        return text_error(err, "f", 1, 2, "wrong");
}

static const BrokerOps ops = { on_enter, on_ping, on_check };

static void world_close(void) {
        Broker *b = &world.broker;

        if (!world.fake)
                return;
        origins_free(b->origins);
        place_table_free(b->places);
        class_set_free(b->classes);
        class_table_free(world.table);
        strv_free(b->protect);
        delegate_cache_done(&b->delegates);
        fd_close(b->channel);
        fd_close(world.peer);
        (void) fake_teardown((void **) &world.fake);
        world = (struct World) {};
}

static void drain(const WireHeader *request) {
        const WireHeader *h;
        const void *items;
        unsigned answers = 0;

        while (channel_receive(world.peer, world.buffer, &h, &items, NULL, NULL) > 0) { /* it checks: what the broker says is well-formed */
                if (!(h->op & WIRE_REPLY))
                        continue;
                assert(request && h->op == (request->op | WIRE_REPLY) && h->seq == request->seq && h->count == request->count);
                answers++;
                for (size_t i = 0; h->op == (WIRE_MOVE | WIRE_REPLY) && i < h->count; i++) {
                        const WireMoveReply *reply = (const WireMoveReply *) items + i;
                        uint32_t pid = ((const WireMove *) (request + 1))[i].pid;
                        assert((pid > 2 && pid != OWN_PID) || (reply->code != WIRE_OK && reply->moved == 0));
                }
        }
        assert(answers <= 1);
}

static void world_open(void) {
        static const char *const dirs[] = {
                "v2/pclass/web", "memory/pclass/web", "v2/pclass/plain", "v2/pclass/closed", "v2/pclass/users/old", "v2/pclass/users/+members",
                "v2/pclass/g/+members", "v2/home", "memory/home", "v2/pclass/runtime", "v2/pclass/runtime/+members",
        };
        static const WireHello hello = { WIRE_VERSION, 0 };
        Broker *b = &world.broker;
        TextError err = {};
        int pair[2];

        log_open("fuzz", LOG_EMERG);
        assert(fake_setup((void **) &world.fake) == 0);
        for (size_t i = 0; i < ELEMENTSOF(dirs); i++)
                fake_cgroup(world.fake, dirs[i]);
        for (int pid = 100; pid < 108; pid++)
                fake_process(world.fake, pid, 'S', 0, 1000, 500, pid % 2 ? "/home" : "/pclass/web", pid % 2 ? "/home" : "/pclass/web");
        fake_process(world.fake, OWN_PID, 'S', 0, 0, 500, "/home", "/home");
        fake_process(world.fake, 1, 'S', 0, 0, 1, "/home", "/home");
        assert(class_table_parse(classes, strlen(classes), "c", &world.table, &err) == 0);
        assert(channel_pair(128, pair) == 0);
        *b = (Broker) { .channel = pair[0], .proc_fd = world.fake->proc_fd, .runtime_fd = world.fake->dirfd, .hierarchies = world.fake->set, .ops = &ops };
        world.peer = pair[1];
        assert(class_set_new(world.table, b->hierarchies, &b->classes) == 0);
        b->classes->runtime_fd = -1;
        b->classes->runtime_max = 64;
        assert(class_set_realise(b->classes) == 0);
        assert(place_table_new(&b->places) == 0);
        assert(origins_open(world.fake->dirfd, b->proc_fd, b->hierarchies, b->places, "boot", &b->origins) == 0);
        assert(broker_protect_list(NULL, NULL, &b->protect) == 0);
        broker_add_own(b, OWN_PID);
        assert(channel_send(world.peer, WIRE_HELLO, 3, &hello, 1, NULL, 0) == 0 && broker_dispatch(b) == 0);
        drain(&(WireHeader) { .op = WIRE_HELLO, .count = 1, .seq = 3 });
        assert(b->state == BROKER_SERVING);
}

/* The next one into buf, 8-byte aligned; 0 at the end. */
static size_t next(const uint8_t **data, size_t *size, void *buf) {
        static const uint16_t known[] = {
                WIRE_PING, WIRE_MOVE, WIRE_RETURN, WIRE_INSTANCE, WIRE_DROP_INSTANCE, WIRE_RESTART, WIRE_CHECK_CONFIG, WIRE_CHECK_CLASS, WIRE_TUNE,
                WIRE_ADD_CLASS, WIRE_REMOVE_CLASS, WIRE_PLACE,
        };
        const uint8_t *p = *data;

        if (*size < 4)
                return 0;
        size_t n = MIN((size_t) (p[2] | p[3] << 8), *size - 4);
        n = MIN(n, (size_t) WIRE_SIZE_MAX - sizeof(WireHeader));
        WireHeader h = { .op = known[p[0] % ELEMENTSOF(known)], .count = 1 + p[1] % 4, .seq = p[1] };
        *data += 4 + n;
        *size -= 4 + n;
        if (p[0] & 0x80) { /* as it is */
                memcpy(buf, p + 4, n);
                return n;
        }
        size_t items = wire_item_size(h.op) * h.count;
        memset((uint8_t *) buf + sizeof(h), 0, items);
        memcpy(buf, &h, sizeof(h));
        memcpy((uint8_t *) buf + sizeof(h), p + 4, MIN(n, items));
        return sizeof(h) + items;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static _Alignas(8) uint8_t datagram[WIRE_SIZE_MAX];
        static bool ends_tidy;
        Broker *b = &world.broker;
        size_t n;

        if (!ends_tidy)
                ends_tidy = atexit(world_close) == 0;
        if (world.rounds++ % ROUNDS_MAX == 0) {
                world_close();
                world_open();
                world.rounds = 1;
        }
        for (unsigned i = 0; i < DATAGRAMS_MAX && (n = next(&data, &size, datagram)) > 0; i++) {
                b->rate = (Rate) {};
                b->offences = 0;
                assert(send(world.peer, datagram, n, 0) == (ssize_t) n);
                assert(broker_dispatch(b) == 0 && b->state != BROKER_CLOSED);
                drain(n >= sizeof(WireHeader) ? (const WireHeader *) (const void *) datagram : NULL);
                b->state = BROKER_SERVING; /* a restart was asked for: this one goes on */
        }
        return 0;
}
