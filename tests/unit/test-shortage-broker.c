/* Memory and descriptors run out in the broker, at each call in turn, with fake cgroups: what was not done is never said to be done, nothing stays half made,
 * and the records of a process that was moved are never lost. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/broker.h"
#include "broker/runtimeclass.h"
#include "broker/tune.h"
#include "common/channel.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/str.h"
#include "tests/unit/fakecgroup.h"
#include "tests/unit/shortage.h"

#define MEMBER 101u
#define V2 2u
#define MEMORY 0u

static const char classes[] = "[Class web]\nHierarchies=memory\nTunable=TasksMax CPUWeight\nTasksMax=50\n[Class plain]\n[Class users/%u]\n[Class runtime]\n";

typedef struct World {
        FakeCgroup *fake;
        ClassTable *table;
        Broker broker;
        int peer;
        uint64_t buffer[WIRE_SIZE_MAX / 8];
} World;

static int on_enter(bool needs_exe, int *ret_exe_fd, uint64_t *ret_capabilities, void *userdata) {
        *ret_capabilities = 0;
        return 0;
}

static void on_ping(const WirePing *ping, void *userdata) {
}

static int on_check(TextError *err, void *userdata) {
        return 0;
}

static const BrokerOps ops = { on_enter, on_ping, on_check };

/* The directories that a real cgroup file system would fill by itself. */
static void make_files(World *w) {
        static const char *const dirs[] = {
                "v2/pclass/web", "memory/pclass/web", "v2/pclass/plain", "v2/pclass/users", "v2/pclass/users/+members", "v2/home", "memory/home",
                "v2/pclass/runtime", "v2/pclass/runtime/+members", "v2/pclass/runtime/one",
        };
        TextError err = {};

        assert_int_equal(fake_setup((void **) &w->fake), 0);
        for (size_t i = 0; i < ELEMENTSOF(dirs); i++)
                fake_cgroup(w->fake, dirs[i]);
        fake_process(w->fake, MEMBER, 'S', 0, 1000, 500, "/home", "/home");
        assert_int_equal(class_table_parse(classes, strlen(classes), "c", &w->table, &err), 0);
}

/* Short of something from the end of its preparations on, if `is_short`. */
static int start(World *w, bool is_short) {
        Broker *b = &w->broker;
        int pair[2], r;

        shortage_pause();
        make_files(w);
        assert_int_equal(channel_pair(64, pair), 0);
        if (is_short)
                shortage_resume();
        *b = (Broker) { .channel = pair[0], .proc_fd = w->fake->proc_fd, .runtime_fd = w->fake->dirfd, .hierarchies = w->fake->set, .ops = &ops };
        w->peer = pair[1];
        r = class_set_new(w->table, b->hierarchies, &b->classes);
        if (r >= 0) {
                b->classes->runtime_fd = w->fake->dirfd;
                b->classes->runtime_max = 4;
                r = class_set_realise(b->classes);
        }
        if (r >= 0)
                r = place_table_new(&b->places);
        if (r >= 0)
                r = origins_open(w->fake->dirfd, b->proc_fd, b->hierarchies, b->places, "boot", &b->origins);
        return r < 0 ? r : broker_protect_list(NULL, NULL, &b->protect);
}

static void stop(World *w) {
        Broker *b = &w->broker;

        shortage_pause();
        origins_free(b->origins);
        place_table_free(b->places);
        class_set_free(b->classes);
        class_table_free(w->table);
        strv_free(b->protect);
        delegate_cache_done(&b->delegates);
        fd_close(b->channel);
        fd_close(w->peer);
        assert_int_equal(fake_teardown((void **) &w->fake), 0);
        *w = (World) {};
}

static int try_start(void *userdata) {
        World *w = userdata;
        int r = start(w, true);

        stop(w);
        return r;
}

static void test_start(void **state) {
        static World w;

        assert_true(shortage_of(SHORTAGE_MEMORY, try_start, &w, NULL) > 0);
        assert_true(shortage_of(SHORTAGE_DESCRIPTORS, try_start, &w, NULL) > 0);
}

/* A serving broker, made while nothing fails. */
static void serve(World *w) {
        static const WireHello hello = { WIRE_VERSION, 0 };
        const WireHeader *h;
        const void *items;

        assert_int_equal(start(w, false), 0);
        assert_int_equal(channel_send(w->peer, WIRE_HELLO, 1, &hello, 1, NULL, 0), 0);
        assert_int_equal(broker_dispatch(&w->broker), 0);
        while (channel_receive(w->peer, w->buffer, &h, &items, NULL, NULL) > 0)
                ;
}

/* One request while things fail: its answer, or NULL when the broker ends (*ret_error), which is an answer too: pclassd ends with it, and everything is started anew. */
static const void *ask(World *w, unsigned op, const void *item, int *ret_error) {
        const WireHeader *h;
        const void *items = NULL, *answer = NULL;

        assert_int_equal(channel_send(w->peer, op, 42, item, 1, NULL, 0), 0);
        shortage_resume();
        *ret_error = broker_dispatch(&w->broker);
        shortage_pause();
        while (!answer && channel_receive(w->peer, w->buffer, &h, &items, NULL, NULL) > 0)
                if (h->op == (op | WIRE_REPLY))
                        answer = items;
        assert_true(answer || *ret_error < 0);
        return answer;
}

static bool is_in(World *w, const char *procs) {
        return strstr(fake_read(w->fake, procs), "101");
}

static int try_move(void *userdata) {
        World *w = userdata;
        int r;

        serve(w);
        const Class *web = map_get_string(w->broker.classes->by_name, "web");
        const WireMove m = { .pid = MEMBER, .class_index = web->index, .hierarchies = web->hierarchies, .cookie = 8 };
        const WireMoveReply *reply = ask(w, WIRE_MOVE, &m, &r);
        bool moved_v2 = is_in(w, "v2/pclass/web/cgroup.procs"), moved_memory = is_in(w, "memory/pclass/web/cgroup.procs");
        const OriginRecord *o = w->broker.origins ? origins_find(w->broker.origins, MEMBER, 500) : NULL;
        assert_false(is_in(w, "v2/pclass/plain/cgroup.procs"));
        if (reply) { /* what it says is what it did */
                uint32_t done = (moved_v2 ? 1u << V2 : 0) | (moved_memory ? 1u << MEMORY : 0);
                assert_int_equal(reply->moved, done);
                assert_int_equal(reply->code == WIRE_OK, done == web->hierarchies);
        }
        if (moved_v2 || moved_memory)
                assert_non_null(o); /* the way back is known */
        r = reply && reply->code != WIRE_OK && r >= 0 ? reply->error : r;
        stop(w);
        return MIN(r, 0);
}

static void test_move(void **state) {
        static const int others[] = { -EIO, -ESRCH, 0 };
        static World w;

        assert_true(shortage_of(SHORTAGE_MEMORY, try_move, &w, others) > 0);
        assert_true(shortage_of(SHORTAGE_DESCRIPTORS, try_move, &w, others) > 0);
        assert_true(shortage_of(SHORTAGE_DESCRIPTORS_OF_ALL, try_move, &w, others) > 0);
}

static int try_add_class(void *userdata) {
        const WireAddClass m = { .name = "runtime/one" };
        World *w = userdata;
        int r;

        serve(w);
        const WireClass *reply = ask(w, WIRE_ADD_CLASS, &m, &r);
        const Class *c = map_get_string(w->broker.classes->by_name, "runtime/one");
        if (reply)
                assert_int_equal(reply->code == WIRE_OK, c != NULL); /* there, or not there */
        assert_int_equal(w->broker.classes->n_runtime, c ? 1 : 0);
        if (reply && reply->code == WIRE_OK)
                assert_non_null(strstr(fake_read(w->fake, RUNTIME_FILE), "\nruntime/one cgroup2\n"));
        r = reply && reply->code != WIRE_OK && r >= 0 ? reply->error : r;
        stop(w);
        return MIN(r, 0);
}

static int try_instance(void *userdata) {
        World *w = userdata;
        int r;

        serve(w);
        fake_cgroup(w->fake, "v2/pclass/users/1000"); /* a fake file system makes no cgroup.procs */
        const Class *users = map_get_string(w->broker.classes->by_name, "users/%u");
        const WireInstance m = { .template_index = users->index, .text = "1000" };
        const WireClass *reply = ask(w, WIRE_INSTANCE, &m, &r);
        const Class *c = map_get_string(w->broker.classes->by_name, "users/1000");
        if (reply)
                assert_int_equal(reply->code == WIRE_OK, c != NULL);
        r = reply && reply->code != WIRE_OK && r >= 0 ? reply->error : r;
        stop(w);
        return MIN(r, 0);
}

/* All of a request or nothing. These cgroups have no such limit, so it ends in a refusal at best, which takes all back. */
static int try_tune(void *userdata) {
        World *w = userdata;
        int r;

        serve(w);
        const Class *web = map_get_string(w->broker.classes->by_name, "web");
        WireTune m = { .class_index = web->index, .count = 1 };
        m.settings[0] = (WireSetting) { .property = CLASS_TASKS_MAX, .value = "60" };
        const WireResult *reply = ask(w, WIRE_TUNE, &m, &r);
        assert_true(!reply || reply->code != WIRE_OK);
        assert_null(web->tuned[CLASS_TASKS_MAX]);
        r = reply && r >= 0 ? reply->error : r;
        stop(w);
        return r == -EOPNOTSUPP ? 0 : MIN(r, 0);
}

static void test_classes(void **state) {
        static World w;

        assert_true(shortage_of(SHORTAGE_MEMORY, try_add_class, &w, NULL) > 0);
        assert_true(shortage_of(SHORTAGE_DESCRIPTORS, try_add_class, &w, NULL) > 0);
        assert_true(shortage_of(SHORTAGE_MEMORY, try_instance, &w, NULL) > 0);
        assert_true(shortage_of(SHORTAGE_DESCRIPTORS, try_instance, &w, NULL) > 0);
        assert_true(shortage_of(SHORTAGE_MEMORY, try_tune, &w, NULL) > 0);
}

/* The file of a broker that knew two. */
static void write_two(FakeCgroup *f, char *text, size_t size) {
        _cleanup_(place_table_freep) PlaceTable *t = NULL;
        _cleanup_(origins_freep) Origins *o = NULL;
        OriginRecord *r;
        uint32_t m, n;

        assert_int_equal(place_table_new(&t), 0);
        assert_true(origins_open(f->dirfd, f->proc_fd, f->set, t, "b", &o) >= 0);
        assert_int_equal(place_intern(t, MEMORY, "/m", &m), 0);
        assert_int_equal(place_intern(t, V2, "/n", &n), 0);
        assert_int_equal(origins_add(o, 100, 500, 7, MEMORY, m, &r), 0);
        assert_int_equal(origins_add(o, 101, 501, 7, V2, n, &r), 0);
        assert_int_equal(origins_flush(o), 0);
        snprintf(text, size, "%s", fake_read(f, ORIGINS_FILE));
}

/* What is read back after a restart: everything, or the broker does not start. Never some of it in silence. */
static int try_origins(void *userdata) {
        FakeCgroup *f = userdata;
        _cleanup_(place_table_freep) PlaceTable *t = NULL;
        _cleanup_(origins_freep) Origins *o = NULL;
        static char text[1024];

        shortage_pause();
        if (!text[0])
                write_two(f, text, sizeof(text));
        fake_write(f, ORIGINS_FILE, text);
        assert_int_equal(place_table_new(&t), 0);
        shortage_resume();
        int r = origins_open(f->dirfd, f->proc_fd, f->set, t, "b", &o);
        if (r == 0)
                assert_int_equal(origins_count(o), 2);
        return r;
}

static void test_origins(void **state) {
        FakeCgroup *f = *state;

        fake_process(f, 100, 'S', 0, 0, 500, "/", "/");
        fake_process(f, 101, 'S', 0, 0, 501, "/", "/");
        assert_true(shortage_of(SHORTAGE_MEMORY, try_origins, f, NULL) > 0);
        assert_true(shortage_of(SHORTAGE_DESCRIPTORS, try_origins, f, NULL) > 0);
}

static int quiet(void **state) {
        log_open("test", LOG_EMERG);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_start),
                cmocka_unit_test(test_move),
                cmocka_unit_test(test_classes),
                cmocka_unit_test_setup_teardown(test_origins, fake_setup, fake_teardown),
        };

        return cmocka_run_group_tests(tests, quiet, NULL);
}
