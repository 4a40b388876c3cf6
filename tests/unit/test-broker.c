/* The request table and its checks, with pclassd's end of the channel in the test's hand and fake cgroups and /proc. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/broker.h"
#include "broker/classmake.h"
#include "broker/members.h"
#include "broker/move.h"
#include "common/channel.h"
#include "common/fd.h"
#include "common/str.h"
#include "tests/unit/fakecgroup.h"

#define KTHREAD 0x00200000u
#define V2 2u
#define MEMORY 0u

typedef struct World {
        FakeCgroup *fake;
        ClassTable *table;
        Broker broker;
        int peer;
        unsigned entered, pings, checks;
        bool needs_exe;
        uint64_t buffer[WIRE_SIZE_MAX / 8];
} World;

static int on_enter(bool needs_exe, int *ret_exe_fd, uint64_t *ret_capabilities, void *userdata) {
        World *w = userdata;

        w->entered++;
        w->needs_exe = needs_exe;
        *ret_capabilities = 0x123;
        return 0;
}

static void on_ping(const WirePing *ping, void *userdata) {
        ((World *) userdata)->pings++;
}

static int on_check(TextError *err, void *userdata) {
        ((World *) userdata)->checks++;
        return text_error(err, "f", 1, 2, "wrong");
}

static const BrokerOps ops = { on_enter, on_ping, on_check };

static const char classes[] = "[Class web]\nHierarchies=memory\n[Class plain]\n[Class users/%u]\n[Class closed]\nAllowedUsers=77\n"
                              "[Class g/x-%g]\n[Class staff]\nAllowedUsers=77\n[Class staff/%u]\nHierarchies=memory\n";

static int setup(void **state) {
        static uid_t protected_uids[] = { 55 };
        World *w = calloc(1, sizeof(*w));
        Broker *b = &w->broker;
        TextError err = {};
        int pair[2];

        assert_int_equal(fake_setup((void **) &w->fake), 0);
        for (size_t i = 0; i < 4; i++) { /* a fake file system makes no cgroup.procs by itself */
                static const char *const dirs[] = { "v2/pclass/web", "memory/pclass/web", "v2/pclass/plain", "v2/pclass/closed" };
                fake_cgroup(w->fake, dirs[i]);
        }
        fake_cgroup(w->fake, "v2/pclass/users/old"); /* an instance of an earlier start */
        fake_cgroup(w->fake, "v2/pclass/users/+members");
        fake_cgroup(w->fake, "v2/pclass/g/+members");
        fake_cgroup(w->fake, "v2/pclass/g/x-new");
        fake_cgroup(w->fake, "v2/pclass/g/y"); /* no template would make that; it cannot be removed either, being full of files */
        fake_cgroup(w->fake, "v2/pclass/staff/+members");
        fake_cgroup(w->fake, "v2/pclass/staff/x");
        fake_cgroup(w->fake, "memory/pclass/staff/x");
        fake_cgroup(w->fake, "v2/home");
        fake_cgroup(w->fake, "memory/home");
        assert_int_equal(class_table_parse(classes, strlen(classes), "c", &w->table, &err), 0);
        assert_int_equal(channel_pair(8, pair), 0);
        *b = (Broker) {
                .channel = pair[0], .proc_fd = w->fake->proc_fd, .hierarchies = w->fake->set, .ops = &ops, .userdata = w,
                .protect_uids = protected_uids, .n_protect_uids = 1,
        };
        w->peer = pair[1];
        for (size_t i = 0; i < w->fake->set->n; i++) /* what is in it is what an earlier start made */
                w->fake->set->items[i].has_default_root = true;
        assert_int_equal(class_set_new(w->table, b->hierarchies, &b->classes), 0);
        b->classes->proc_fd = b->proc_fd;
        assert_int_equal(class_set_realise(b->classes), 0);
        assert_int_equal(place_table_new(&b->places), 0);
        assert_int_equal(origins_open(w->fake->dirfd, b->proc_fd, b->hierarchies, b->places, "boot", &b->origins), 0);
        assert_int_equal(broker_protect_list(NULL, NULL, &b->protect), 0);
        broker_add_own(b, 900);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        World *w = *state;

        origins_free(w->broker.origins);
        place_table_free(w->broker.places);
        class_set_free(w->broker.classes);
        class_table_free(w->table);
        strv_free(w->broker.protect);
        delegate_cache_done(&w->broker.delegates);
        fd_close(w->broker.channel);
        fd_close(w->peer);
        int r = fake_teardown((void **) &w->fake);
        free(w);
        return r;
}

/* ---- talking ---------------------------------------------------------------------------------------------------------------------------- */

static const WireHeader *receive(World *w, const void **ret_items) {
        const WireHeader *h;
        ssize_t n = channel_receive(w->peer, w->buffer, &h, ret_items, NULL, NULL);

        return n > 0 ? h : NULL;
}

/* The next datagram, which has to be there. */
static const WireHeader *expect(World *w, unsigned op, const void **ret_items) {
        const WireHeader *h = receive(w, ret_items);

        if (!h)
                abort();
        assert_int_equal(h->op, op);
        return h;
}

static void dispatch(World *w) {
        assert_int_equal(broker_dispatch(&w->broker), 0);
}

static void greet(World *w) {
        const WireHello hello = { WIRE_VERSION, 1 };
        const void *items;

        assert_int_equal(channel_send(w->peer, WIRE_HELLO, 3, &hello, 1, NULL, 0), 0);
        dispatch(w);
        for (const WireHeader *h; (h = receive(w, &items)) && h->op != WIRE_READY;)
                ;
        assert_int_equal(w->broker.state, BROKER_SERVING);
}

/* The answer, which lies in w->buffer; the announcements before it are passed over. */
static const void *ask(World *w, unsigned op, const void *item) {
        const WireHeader *h;
        const void *items = NULL;

        assert_int_equal(channel_send(w->peer, op, 42, item, 1, NULL, 0), 0);
        dispatch(w);
        while ((h = receive(w, &items)) && !(h->op & WIRE_REPLY))
                ;
        if (!h || !items)
                abort();
        assert_int_equal(h->op, op | WIRE_REPLY);
        assert_int_equal(h->seq, 42);
        return items;
}

static Class *class_named(World *w, const char *name) {
        Class *c = map_get_string(w->broker.classes->by_name, name);

        if (!c)
                abort();
        return c;
}

static uint32_t index_of(World *w, const char *name) {
        return class_named(w, name)->index;
}

static WireMoveReply move(World *w, uint32_t pid, const char *class, uint32_t hierarchies) {
        const WireMove m = { .pid = pid, .class_index = index_of(w, class), .hierarchies = hierarchies, .cookie = 8 };

        return *(const WireMoveReply *) ask(w, WIRE_MOVE, &m);
}

static WireResult back(World *w, uint32_t pid, const char *class, uint32_t hierarchy, uint32_t place) {
        const WireReturn m = { .pid = pid, .class_index = index_of(w, class), .hierarchy = hierarchy, .place = place, .cookie = 8 };

        return *(const WireResult *) ask(w, WIRE_RETURN, &m);
}

static void offends(World *w, const void *data, size_t size) {
        unsigned before = w->broker.offences;
        const void *items;

        assert_int_equal(send(w->peer, data, size, 0), size);
        dispatch(w);
        assert_int_equal(w->broker.offences, before + 1);
        assert_null(receive(w, &items));
}

/* ---- tests ------------------------------------------------------------------------------------------------------------------------------- */

static void test_hello(void **state) {
        World *w = *state;
        const WireHello hello = { WIRE_VERSION, 1 };
        unsigned seen[64] = {};
        WireHelloReply reply;
        const WireHeader *h;
        const void *items;

        assert_int_equal(channel_send(w->peer, WIRE_HELLO, 3, &hello, 1, NULL, 0), 0);
        dispatch(w);
        assert_int_equal(w->entered, 1);
        assert_true(w->needs_exe);
        expect(w, WIRE_HELLO | WIRE_REPLY, &items);
        reply = *(const WireHelloReply *) items;
        assert_int_equal(reply.capabilities, 0x123);
        assert_int_equal(reply.has_exe, 0);
        assert_int_equal(reply.n_hierarchies, 3);
        unsigned last = WIRE_HIERARCHY;
        while ((h = receive(w, &items))) {
                assert_true(h->op >= last && h->op <= WIRE_READY); /* in this order */
                last = h->op;
                seen[h->op] += h->count;
        }
        assert_int_equal(seen[WIRE_HIERARCHY], 3);
        assert_int_equal(seen[WIRE_CLASS], 12); /* the parents "users" and "g" and the instances that were found count */
        assert_int_equal(seen[WIRE_CLASS], reply.n_classes);
        assert_int_equal(seen[WIRE_READY], 1);
        assert_non_null(map_get_string(w->broker.classes->by_name, "users/old"));
}

static void test_another_version(void **state) {
        World *w = *state;
        const WireHello hello = { WIRE_VERSION + 1, 0 };

        assert_int_equal(channel_send(w->peer, WIRE_HELLO, 3, &hello, 1, NULL, 0), 0);
        assert_int_equal(broker_dispatch(&w->broker), -EPROTO);
        assert_int_equal(w->entered, 0);
}

static void test_out_of_turn(void **state) {
        World *w = *state;
        struct {
                WireHeader h;
                union {
                        WireMove move;
                        WireHello hello;
                } u;
        } m = { .h = { .op = WIRE_MOVE, .count = 1 }, .u.move = { .pid = 100, .hierarchies = 1 } };

        offends(w, &m, sizeof(m.h) + sizeof(WireMove)); /* before HELLO */
        greet(w);
        m.h.op = WIRE_HELLO;
        m.u.hello = (WireHello) { WIRE_VERSION, 0 };
        offends(w, &m, sizeof(m.h) + sizeof(WireHello)); /* twice */
        assert_int_equal(w->entered, 1);
}

static void test_malformed(void **state) {
        World *w = *state;
        struct {
                WireHeader h;
                char items[WIRE_SIZE_MAX - sizeof(WireHeader)];
        } *m = calloc(1, sizeof(*m));

        greet(w);
        offends(w, "x", 1);
        m->h = (WireHeader) { .op = WIRE_MOVE, .count = 1 };
        offends(w, m, sizeof(m->h) + sizeof(WireMove) - 1);
        m->h = (WireHeader) { .op = 999, .count = 1 };
        offends(w, m, sizeof(m->h) + 8);
        m->h = (WireHeader) { .op = WIRE_MOVE | WIRE_REPLY, .count = 1 };
        offends(w, m, sizeof(m->h) + sizeof(WireMoveReply));
        m->h = (WireHeader) { .op = WIRE_READY, .count = 1 }; /* the broker's own words */
        offends(w, m, sizeof(m->h) + sizeof(WireReady));
        m->h = (WireHeader) { .op = WIRE_INSTANCE, .count = 64 }; /* answers would not fit */
        offends(w, m, sizeof(m->h) + 64 * sizeof(WireInstance));
        m->h = (WireHeader) { .op = WIRE_EXE, .count = 1 };
        offends(w, m, sizeof(m->h) + sizeof(WireExe));
        assert_int_equal(w->broker.state, BROKER_SERVING);
        offends(w, "x", 1);
        assert_int_equal(w->broker.state, BROKER_CLOSED); /* enough is enough */
        free(m);
}

static void test_descriptors_are_refused(void **state) {
        World *w = *state;
        const WireReady item = {};

        greet(w);
        assert_int_equal(channel_send(w->peer, WIRE_RESTART, 1, &item, 1, &w->peer, 1), 0);
        dispatch(w);
        assert_int_equal(w->broker.offences, 1);
        assert_int_equal(w->broker.state, BROKER_SERVING);
}

static void test_end_of_file(void **state) {
        World *w = *state;

        dispatch(w); /* nothing there: nothing happens */
        assert_int_equal(w->broker.state, BROKER_NEW);
        w->peer = fd_close(w->peer);
        dispatch(w);
        assert_int_equal(w->broker.state, BROKER_CLOSED);
}

static void test_move_writes_and_remembers(void **state) {
        World *w = *state;

        fake_process(w->fake, 100, 'S', 0, 5, 7, "/home", "/home");
        greet(w);
        WireMoveReply r = move(w, 100, "web", 1u << V2 | 1u << MEMORY);
        assert_int_equal(r.code, WIRE_OK);
        assert_int_equal(r.moved, 1u << V2 | 1u << MEMORY);
        assert_int_equal(r.failed, 0);
        assert_string_equal(fake_read(w->fake, "v2/pclass/web/cgroup.procs"), "100\n");
        assert_string_equal(fake_read(w->fake, "memory/pclass/web/cgroup.procs"), "100\n");
        assert_string_equal(place_path(w->broker.places, r.previous[V2], NULL), "/home");
        assert_int_equal(r.origin[V2], r.previous[V2]);
        assert_int_equal(r.previous[1], WIRE_NONE);
        assert_non_null(strstr(fake_read(w->fake, ORIGINS_FILE), "100 7 8 cgroup2 /home "));
}

static void test_places_come_before_the_reply(void **state) {
        World *w = *state;
        WireMove m = { .pid = 100, .class_index = index_of(w, "web"), .hierarchies = 1u << V2 };
        const void *items;

        fake_process(w->fake, 100, 'S', 0, 5, 7, "/home", "/home");
        greet(w);
        assert_int_equal(channel_send(w->peer, WIRE_MOVE, 1, &m, 1, NULL, 0), 0);
        dispatch(w);
        assert_int_equal(expect(w, WIRE_ORIGIN, &items)->seq, 0);
        assert_string_equal(((const WireOrigin *) items)->path, "/home");
        assert_int_equal(((const WireOrigin *) items)->hierarchy, V2);
        expect(w, WIRE_MOVE | WIRE_REPLY, &items);
        assert_null(receive(w, &items)); /* and only once */
}

static void test_in_place_is_left_alone(void **state) {
        World *w = *state;

        fake_process(w->fake, 100, 'S', 0, 5, 7, "/pclass/web", "/home");
        greet(w);
        WireMoveReply r = move(w, 100, "web", 1u << V2 | 1u << MEMORY);
        assert_int_equal(r.moved, 1u << MEMORY);
        assert_string_equal(fake_read(w->fake, "v2/pclass/web/cgroup.procs"), "");
        assert_int_equal(r.origin[V2], WIRE_NONE); /* nobody knows where it came from */
}

static void test_who_is_not_moved(void **state) {
        World *w = *state;

        fake_process(w->fake, 1, 'S', 0, 0, 1, "/", "/");
        fake_process(w->fake, 900, 'S', 0, 0, 1, "/home", "/home");
        fake_process(w->fake, 101, 'S', KTHREAD, 0, 1, "/home", "/home");
        fake_process(w->fake, 102, 'Z', 0, 0, 1, "/home", "/home");
        fake_process(w->fake, 103, 'S', 0, 55, 1, "/home", "/home");
        fake_process(w->fake, 104, 'S', 0, 5, 1, "/docker/abc", "/home");
        fake_process(w->fake, 105, 'S', 0, 5, 1, "/home", "/x.slice/docker-1.scope/a"); /* on any hierarchy */
        fake_process(w->fake, 106, 'S', 0, 5, 1, "/home", "/home");
        fake_process(w->fake, 107, 'S', 0, 77, 1, "/home", "/home");
        greet(w);
        assert_int_equal(move(w, 0, "plain", 1u << V2).code, WIRE_PROTECTED);
        assert_int_equal(move(w, 1, "plain", 1u << V2).code, WIRE_PROTECTED);
        assert_int_equal(move(w, 2, "plain", 1u << V2).code, WIRE_PROTECTED);
        assert_int_equal(move(w, 900, "plain", 1u << V2).code, WIRE_PROTECTED);
        assert_int_equal(move(w, 101, "plain", 1u << V2).code, WIRE_KERNEL_THREAD);
        assert_int_equal(move(w, 102, "plain", 1u << V2).code, WIRE_GONE);
        assert_int_equal(move(w, 103, "plain", 1u << V2).code, WIRE_PROTECTED_USER);
        assert_int_equal(move(w, 104, "plain", 1u << V2).code, WIRE_PROTECTED);
        assert_int_equal(move(w, 105, "plain", 1u << V2).code, WIRE_PROTECTED);
        assert_int_equal(move(w, 106, "closed", 1u << V2).code, WIRE_NOT_ALLOWED);
        assert_int_equal(move(w, 199, "plain", 1u << V2).code, WIRE_GONE);
        assert_int_equal(move(w, UINT32_MAX, "plain", 1u << V2).code, WIRE_GONE);
        assert_string_equal(fake_read(w->fake, "v2/pclass/plain/cgroup.procs"), "");
        assert_string_equal(fake_read(w->fake, "v2/pclass/closed/cgroup.procs"), "");
        assert_int_equal(move(w, 107, "closed", 1u << V2).code, WIRE_OK);
}

static void test_bad_targets(void **state) {
        World *w = *state;
        WireMove m = { .pid = 100, .class_index = 9999, .hierarchies = 1u << V2 };

        fake_process(w->fake, 100, 'S', 0, 5, 7, "/home", "/home");
        greet(w);
        assert_int_equal(((const WireMoveReply *) ask(w, WIRE_MOVE, &m))->code, WIRE_NOT_ALLOWED);
        assert_int_equal(move(w, 100, "users/%u", 1u << V2).code, WIRE_NOT_ALLOWED);
        assert_int_equal(move(w, 100, "plain", 0).code, WIRE_NOT_ALLOWED);
        assert_int_equal(move(w, 100, "plain", 1u << MEMORY).code, WIRE_NOT_ALLOWED);
        assert_int_equal(move(w, 100, "plain", 1u << 31).code, WIRE_NOT_ALLOWED);
        m.class_index = index_of(w, "plain");
        m.flags = 8;
        assert_int_equal(((const WireMoveReply *) ask(w, WIRE_MOVE, &m))->code, WIRE_NOT_ALLOWED);
        m.flags = WIRE_MOVE_TRY | WIRE_MOVE_LEAVE_UNIT;
        assert_int_equal(((const WireMoveReply *) ask(w, WIRE_MOVE, &m))->code, WIRE_NOT_ALLOWED);
}

static void test_return(void **state) {
        World *w = *state;

        fake_process(w->fake, 100, 'S', 0, 5, 7, "/home", "/home");
        fake_process(w->fake, 200, 'S', 0, 5, 7, "/pclass/plain", "/other");
        greet(w);
        uint32_t home = move(w, 100, "web", 1u << V2).previous[V2];
        uint32_t other = move(w, 200, "web", 1u << MEMORY).previous[MEMORY];
        assert_int_equal(back(w, 100, "web", V2, home).code, WIRE_STALE); /* in the fake nobody moved */
        fake_process(w->fake, 100, 'S', 0, 5, 7, "/pclass/web/below", "/home");

        assert_int_equal(back(w, 100, "plain", V2, home).code, WIRE_NOT_ALLOWED);   /* recorded for another class */
        assert_int_equal(back(w, 100, "web", MEMORY, home).code, WIRE_NOT_ALLOWED); /* of another hierarchy */
        assert_int_equal(back(w, 100, "web", V2, other).code, WIRE_NOT_ALLOWED);
        assert_int_equal(back(w, 100, "web", V2, 7777).code, WIRE_NOT_ALLOWED);
        assert_int_equal(back(w, 100, "web", 9, home).code, WIRE_NOT_ALLOWED);
        assert_int_equal(back(w, 1, "web", V2, home).code, WIRE_PROTECTED);
        assert_int_equal(back(w, 900, "web", V2, home).code, WIRE_PROTECTED);
        assert_string_equal(fake_read(w->fake, "v2/home/cgroup.procs"), "");
        assert_int_equal(back(w, 100, "web", V2, home).code, WIRE_OK);
        assert_string_equal(fake_read(w->fake, "v2/home/cgroup.procs"), "100\n");
        assert_null(origins_find(w->broker.origins, 100, 7)); /* it is home */
}

/* A sibling prefix is no subdirectory. */
static void test_return_from_a_similar_name(void **state) {
        World *w = *state;

        fake_process(w->fake, 100, 'S', 0, 5, 7, "/home", "/home");
        greet(w);
        uint32_t home = move(w, 100, "web", 1u << V2).previous[V2];
        fake_process(w->fake, 100, 'S', 0, 5, 7, "/pclass/web2", "/home");
        assert_int_equal(back(w, 100, "web", V2, home).code, WIRE_STALE);
}

static void test_return_to_a_parent(void **state) {
        World *w = *state;

        fake_process(w->fake, 100, 'S', 0, 5, 7, "/home/session/gone", "/home");
        greet(w);
        uint32_t place = move(w, 100, "web", 1u << V2).previous[V2];
        fake_process(w->fake, 100, 'S', 0, 5, 7, "/pclass/web", "/home");
        WireResult r = back(w, 100, "web", V2, place);
        assert_int_equal(r.code, WIRE_PARENT);
        assert_string_equal(r.text, "/home");
        assert_string_equal(fake_read(w->fake, "v2/home/cgroup.procs"), "100\n");
}

/* From class to class: the origin stays the first one, and children that were born in the first class may go there too. */
static void test_origin_through_classes(void **state) {
        World *w = *state;

        fake_process(w->fake, 100, 'S', 0, 5, 7, "/home", "/home");
        fake_process(w->fake, 101, 'S', 0, 5, 8, "/pclass/web", "/home"); /* a child, never moved by us */
        greet(w);
        uint32_t home = move(w, 100, "web", 1u << V2).previous[V2];
        fake_process(w->fake, 100, 'S', 0, 5, 7, "/pclass/web", "/home");
        WireMoveReply r = move(w, 100, "plain", 1u << V2);
        assert_int_equal(r.origin[V2], home);
        assert_string_equal(place_path(w->broker.places, r.previous[V2], NULL), "/pclass/web");
        r = move(w, 101, "users/old", 1u << V2);
        assert_int_equal(r.origin[V2], WIRE_NONE);
        fake_process(w->fake, 101, 'S', 0, 5, 8, "/pclass/users/old", "/home");
        assert_int_equal(back(w, 101, "users/old", V2, home).code, WIRE_OK);
}

/* The number of a dead process says nothing about its successor. */
static void test_reused_pid(void **state) {
        World *w = *state;

        fake_process(w->fake, 100, 'S', 0, 5, 7, "/home", "/home");
        greet(w);
        assert_int_not_equal(move(w, 100, "web", 1u << V2).origin[V2], WIRE_NONE);
        fake_process(w->fake, 100, 'S', 0, 5, 8, "/pclass/web", "/home");
        assert_int_equal(move(w, 100, "plain", 1u << V2).origin[V2], WIRE_NONE);
}

static void test_failed_hierarchy(void **state) {
        World *w = *state;

        fake_process(w->fake, 100, 'S', 0, 5, 7, "/home", "/home");
        greet(w);
        Class *c = class_named(w, "web");
        fd_close(c->procs_fd[MEMORY]);
        c->procs_fd[MEMORY] = -EBADF;
        WireMoveReply r = move(w, 100, "web", 1u << V2 | 1u << MEMORY);
        assert_int_equal(r.code, WIRE_FAILED);
        assert_int_equal(r.error, -EBADF);
        assert_int_equal(r.failed, 1u << MEMORY);
        assert_int_equal(r.moved, 1u << V2);
}

static void test_codes(void **state) {
        const Hierarchy cpu = { .version = 1, .controllers = (char *) "cpu,cpuacct" }, v2 = { .version = 2, .controllers = (char *) "" };

        assert_int_equal(move_code(&v2, 0), WIRE_OK);
        assert_int_equal(move_code(&v2, -ESRCH), WIRE_GONE);
        assert_int_equal(move_code(&v2, -ENODEV), WIRE_CLASS_GONE);
        assert_int_equal(move_code(&v2, -ENOSPC), WIRE_EMPTY_CPUSET);
        assert_int_equal(move_code(&cpu, -EINVAL), WIRE_RT_CONFLICT);
        assert_int_equal(move_code(&v2, -EINVAL), WIRE_FAILED);
        assert_int_equal(move_code(&v2, -EACCES), WIRE_FAILED);
}

static void test_instance_checks(void **state) {
        World *w = *state;
        WireInstance m = { .template_index = index_of(w, "plain"), .text = "x" };

        greet(w);
        assert_int_equal(((const WireClass *) ask(w, WIRE_INSTANCE, &m))->code, WIRE_NOT_ALLOWED); /* no template */
        m.template_index = index_of(w, "users/old");
        assert_int_equal(((const WireClass *) ask(w, WIRE_INSTANCE, &m))->code, WIRE_NOT_ALLOWED); /* an instance is none */
        m.template_index = index_of(w, "users/%u");
        memset(m.text, 'x', sizeof(m.text)); /* no NUL */
        assert_int_equal(((const WireClass *) ask(w, WIRE_INSTANCE, &m))->code, WIRE_NOT_ALLOWED);
        snprintf(m.text, sizeof(m.text), "../plain");
        assert_int_equal(((const WireClass *) ask(w, WIRE_INSTANCE, &m))->code, WIRE_NOT_ALLOWED);
        m.template_index = index_of(w, "g/x-%g");
        snprintf(m.text, sizeof(m.text), "y"); /* not of its shape */
        assert_int_equal(((const WireClass *) ask(w, WIRE_INSTANCE, &m))->code, WIRE_NOT_ALLOWED);
        assert_null(map_get_string(w->broker.classes->by_name, "g/y"));
        snprintf(m.text, sizeof(m.text), "x-new");
        assert_int_equal(((const WireClass *) ask(w, WIRE_INSTANCE, &m))->code, WIRE_OK);
        m.template_index = index_of(w, "users/%u");
        snprintf(m.text, sizeof(m.text), "old");
        const WireClass *c = ask(w, WIRE_INSTANCE, &m);
        assert_int_equal(c->code, WIRE_OK);
        assert_int_equal(c->index, index_of(w, "users/old"));
        assert_int_equal(c->template_index, index_of(w, "users/%u"));
}

static void test_ping_and_others(void **state) {
        World *w = *state;
        WirePing ping = { .heartbeat_ok = 1, .status = "fine" };
        const WireReady nothing = {};

        greet(w);
        assert_int_equal(((const WireResult *) ask(w, WIRE_PING, &ping))->code, WIRE_OK);
        memset(ping.status, 'x', sizeof(ping.status));
        assert_int_equal(((const WireResult *) ask(w, WIRE_PING, &ping))->code, WIRE_NOT_ALLOWED);
        assert_int_equal(w->pings, 1);
        const WireResult *r = ask(w, WIRE_CHECK_CONFIG, &nothing);
        assert_int_equal(r->code, -EINVAL);
        assert_string_equal(r->text, "f:1:2: wrong");
        assert_int_equal(((const WireResult *) ask(w, WIRE_RESTART, &nothing))->code, WIRE_OK);
        assert_int_equal(w->broker.state, BROKER_RESTART);
}

static void test_restore(void **state) {
        World *w = *state;
        OriginRecord *r;
        uint32_t home, other;

        fake_process(w->fake, 100, 'S', 0, 5, 7, "/pclass/web", "/home"); /* left memory by itself */
        fake_process(w->fake, 101, 'S', 0, 5, 7, "/home", "/home");       /* left all */
        assert_int_equal(place_intern(w->broker.places, V2, "/home", &home), 0);
        assert_int_equal(place_intern(w->broker.places, MEMORY, "/home", &other), 0);
        assert_int_equal(origins_add(w->broker.origins, 100, 7, 8, V2, home, &r), 0);
        assert_int_equal(origins_add(w->broker.origins, 100, 7, 8, MEMORY, other, &r), 0);
        assert_int_equal(origins_add(w->broker.origins, 101, 7, 8, V2, home, &r), 0);
        assert_int_equal(broker_restore(&w->broker), 0);
        assert_int_equal(origins_count(w->broker.origins), 1);
        r = origins_find(w->broker.origins, 100, 7);
        assert_int_equal(r->origin[V2], home);
        assert_int_equal(wire_place(r->origin[MEMORY]), WIRE_NONE);
        greet(w);
        assert_int_equal(back(w, 100, "web", V2, home).code, WIRE_OK);
}

/* The class above is one of root's, with users of its own; and what a list says of a number may be over. */
static void test_drain(void **state) {
        World *w = *state;
        const WireRemoveClass m = { index_of(w, "staff/x"), WIRE_REMOVE_DRAIN };

        fake_process(w->fake, 100, 'S', 0, 5, 7, "/home", "/home");
        fake_process(w->fake, 102, 'S', 0, 77, 7, "/home", "/home"); /* not there any more */
        fake_process(w->fake, 103, 'S', 0, 77, 7, "/docker/abc", "/home");
        greet(w);
        assert_int_equal(move(w, 100, "staff/x", 1u << V2).code, WIRE_OK);
        fake_process(w->fake, 100, 'S', 0, 5, 7, "/pclass/staff/x", "/home");
        fake_write(w->fake, "v2/pclass/staff/x/cgroup.procs", "100\n102\n103\n");
        assert_int_equal(((const WireResult *) ask(w, WIRE_REMOVE_CLASS, &m))->code, WIRE_STALE); /* in the fake nobody moved */
        assert_string_equal(fake_read(w->fake, "v2/pclass/staff/+members/cgroup.procs"), "");
        assert_true(startswith(fake_read(w->fake, "v2/home/cgroup.procs"), "100\n") != NULL); /* whom it does not take */
        assert_null(strstr(fake_read(w->fake, "v2/home/cgroup.procs"), "102"));

        fake_process(w->fake, 101, 'S', 0, 77, 7, "/pclass/staff/x", "/home");
        fake_write(w->fake, "v2/pclass/staff/x/cgroup.procs", "101\n");
        assert_int_equal(((const WireResult *) ask(w, WIRE_REMOVE_CLASS, &m))->code, WIRE_STALE);
        assert_true(startswith(fake_read(w->fake, "v2/pclass/staff/+members/cgroup.procs"), "101\n") != NULL);
}

/* A class gets one below it while a number on the list of its members changes hands. */
static void test_leaf_takes_members(void **state) {
        World *w = *state;
        Class *c = map_get_string(w->broker.classes->by_name, "plain");

        fake_process(w->fake, 100, 'S', 0, 5, 7, "/pclass/plain", "/home");
        fake_process(w->fake, 102, 'S', 0, 5, 7, "/home", "/home");
        fake_cgroup(w->fake, "v2/pclass/plain/+members");
        fake_write(w->fake, "v2/pclass/plain/cgroup.procs", "101\n102\n100\n"); /* 101: nobody's */
        c->has_leaf = true;
        assert_int_equal(class_make(w->broker.classes, c), 0);
        assert_true(startswith(fake_read(w->fake, "v2/pclass/plain/+members/cgroup.procs"), "100\n") != NULL);
        assert_null(strstr(fake_read(w->fake, "v2/pclass/plain/+members/cgroup.procs"), "102"));
}

/* The same while its members get their values. */
static void test_values_for_members(void **state) {
        const WireSetMemberReply reply = {};
        _Alignas(8) char buf[WIRE_SIZE_MAX];
        const WireHeader *h;
        const void *items;
        World *w = *state;
        int helper[2];
        Class *c = map_get_string(w->broker.classes->by_name, "plain");

        fake_process(w->fake, 100, 'S', 0, 5, 7, "/pclass/plain", "/home");
        fake_process(w->fake, 102, 'S', 0, 5, 7, "/home", "/home");
        fake_process(w->fake, 103, 'S', 0, 5, 7, "/pclass/plain2", "/home");
        fake_write(w->fake, "v2/pclass/plain/cgroup.procs", "101\n102\n103\n100\n");
        assert_non_null(c->tuned[CLASS_NICE] = strdup("5"));
        assert_int_equal(channel_pair(4, helper), 0);
        w->broker.members_fd = helper[0];
        assert_int_equal(channel_send(helper[1], WIRE_SET_MEMBER | WIRE_REPLY, 0, &reply, 1, NULL, 0), 0);
        members_apply(&w->broker, c, UINT32_MAX);
        assert_true(channel_receive(helper[1], buf, &h, &items, NULL, NULL) > 0);
        assert_int_equal(h->count, 1);
        assert_int_equal(((const WireSetMember *) items)->pid, 100);
        assert_int_equal(((const WireSetMember *) items)->start, 7);
        assert_int_equal(((const WireSetMember *) items)->nice, 5);
        fd_close(helper[0]);
        fd_close(helper[1]);
}

/* What a class says about its members is for the process that was meant, by either kind of cookie: from another one that has its number nobody would take it
 * back. That one is not moved at all. */
static void test_values_are_not_for_strangers(void **state) {
        static const WireSetMemberReply reply = { .old_nice = 3 };
        _cleanup_close_ int self = (int) syscall(SYS_pidfd_open, getpid(), 0);
        _Alignas(8) char buf[WIRE_SIZE_MAX];
        const WireHeader *h;
        const void *items;
        struct stat st;
        World *w = *state;
        int helper[2];
        Class *c = map_get_string(w->broker.classes->by_name, "plain");

        assert_int_equal(fstat(self, &st), 0);
        const uint64_t cookies[] = { 8, 7, st.st_ino };
        fake_process(w->fake, getpid(), 'S', 0, 5, 7, "/home", "/home");
        assert_non_null(c->tuned[CLASS_NICE] = strdup("5"));
        assert_int_equal(channel_pair(4, helper), 0);
        w->broker.members_fd = helper[0];
        greet(w);
        channel_receive(helper[1], buf, &h, &items, NULL, NULL); /* what there may be at the start */
        for (size_t i = 0; i < ELEMENTSOF(cookies); i++) {
                WireMove m = { .pid = getpid(), .class_index = c->index, .hierarchies = 1u << V2, .cookie = cookies[i] };
                if (i > 0)
                        assert_int_equal(channel_send(helper[1], WIRE_SET_MEMBER | WIRE_REPLY, 0, &reply, 1, NULL, 0), 0);
                const WireMoveReply *moved = ask(w, WIRE_MOVE, &m);
                assert_int_equal(moved->code, i == 0 ? WIRE_GONE : WIRE_OK);
                assert_int_equal(moved->values, i > 0);
                assert_int_equal(*fake_read(w->fake, "v2/pclass/plain/cgroup.procs") != '\0', i > 0);
                assert_int_equal(channel_receive(helper[1], buf, &h, &items, NULL, NULL) > 0, i > 0);
        }
        fd_close(helper[0]);
        fd_close(helper[1]);
}

/* Only who is in the class is brought to where all are killed. */
static void test_kill_gathers_members(void **state) {
        World *w = *state;
        const WireRemoveClass m = { index_of(w, "staff/x"), WIRE_REMOVE_KILL };

        fake_process(w->fake, 100, 'S', 0, 5, 7, "/home", "/home"); /* the number was another's */
        fake_process(w->fake, 101, 'S', 0, 5, 7, "/home", "/pclass/staff/x");
        fake_write(w->fake, "memory/pclass/staff/x/cgroup.procs", "100\n101\n");
        fake_write(w->fake, "v2/pclass/staff/x/cgroup.kill", "");
        greet(w);
        assert_int_equal(((const WireResult *) ask(w, WIRE_REMOVE_CLASS, &m))->code, WIRE_STALE); /* in the fake nobody ends */
        assert_null(strstr(fake_read(w->fake, "v2/pclass/staff/x/cgroup.procs"), "100"));
        assert_non_null(strstr(fake_read(w->fake, "v2/pclass/staff/x/cgroup.procs"), "101"));
        assert_string_equal(fake_read(w->fake, "v2/pclass/staff/x/cgroup.kill"), "1\n");
}

/* All is started anew before nobody could be moved from anywhere else any more. */
static void test_many_places(void **state) {
        World *w = *state;
        char path[64];
        uint32_t place;

        fake_process(w->fake, 100, 'S', 0, 5, 7, "/home", "/home");
        greet(w);
        for (unsigned i = 0; place_count(w->broker.places) < PLACES_MAX; i++) {
                snprintf(path, sizeof(path), "/user.slice/session-%u.scope", i);
                assert_int_equal(place_intern(w->broker.places, V2, path, &place), 0);
        }
        w->broker.places_sent = place_count(w->broker.places);
        assert_int_equal(w->broker.state, BROKER_SERVING);
        assert_int_equal(move(w, 100, "web", 1u << V2).code, WIRE_LIMIT);
        assert_int_equal(w->broker.state, BROKER_RESTART);
        w->broker.state = BROKER_SERVING;
        w->broker.places_at_start = PLACES_MAX / 2 + 1; /* that would be for nothing */
        assert_int_equal(move(w, 100, "web", 1u << V2).code, WIRE_LIMIT);
        assert_int_equal(w->broker.state, BROKER_SERVING);
}

/* A user names the units of his own service manager as he likes. */
static void test_protection_is_not_for_the_asking(void **state) {
        World *w = *state;
        char *more[] = { (char *) "*/docker-*", (char *) "*/mine-*", NULL }, **list = w->broker.protect;

        w->broker.protect = more;
        fake_process(w->fake, 100, 'S', 0, 5, 7, "/system.slice/docker-1.scope", "/");
        fake_process(w->fake, 101, 'S', 0, 5, 7, "/user.slice/user-5.slice/user@5.service/app.slice/docker-1.scope", "/");
        fake_process(w->fake, 102, 'S', 0, 5, 7, "/user.slice/user-5.slice/user@5.service/app.slice/mine-1.scope", "/");
        fake_process(w->fake, 103, 'S', 0, 5, 7, "/user.slice/docker-1.scope/user@5.service/x", "/");
        greet(w);
        assert_int_equal(move(w, 100, "plain", 1u << V2).code, WIRE_PROTECTED);
        assert_int_equal(move(w, 101, "plain", 1u << V2).code, WIRE_OK);
        assert_int_equal(move(w, 102, "plain", 1u << V2).code, WIRE_PROTECTED);
        assert_int_equal(move(w, 103, "plain", 1u << V2).code, WIRE_PROTECTED);
        w->broker.protect = list;
}

static void test_protect_list(void **state) {
        char *const more[] = { (char *) "/x*", NULL }, *const less[] = { (char *) "/docker/*", NULL };
        _cleanup_strv_ char **all = NULL, **some = NULL;

        assert_int_equal(broker_protect_list(more, NULL, &all), 0);
        assert_true(strv_contains(all, "/docker/*") && strv_contains(all, "/machine.slice/*") && strv_contains(all, "/x*"));
        assert_int_equal(broker_protect_list(NULL, less, &some), 0);
        assert_false(strv_contains(some, "/docker/*"));
        assert_int_equal(strv_length(some), strv_length(all) - 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_hello), TEST(test_another_version), TEST(test_out_of_turn), TEST(test_malformed), TEST(test_descriptors_are_refused),
                TEST(test_end_of_file), TEST(test_move_writes_and_remembers), TEST(test_places_come_before_the_reply),
                TEST(test_in_place_is_left_alone), TEST(test_who_is_not_moved), TEST(test_bad_targets), TEST(test_return),
                TEST(test_return_from_a_similar_name), TEST(test_return_to_a_parent), TEST(test_origin_through_classes),
                TEST(test_reused_pid), TEST(test_failed_hierarchy), cmocka_unit_test(test_codes), TEST(test_instance_checks),
                TEST(test_ping_and_others), TEST(test_restore), TEST(test_drain), TEST(test_kill_gathers_members), TEST(test_leaf_takes_members), TEST(test_values_for_members), TEST(test_values_are_not_for_strangers), TEST(test_many_places), TEST(test_protection_is_not_for_the_asking),
                cmocka_unit_test(test_protect_list),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
