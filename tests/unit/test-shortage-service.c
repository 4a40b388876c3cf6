/* The broker's own program on real cgroups, from its start to its end, short of memory or descriptors at each call in turn, those of libc and of the libraries
 * included: it answers with an error, or ends to be started anew. What it says it did is done, and nobody else is moved. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/classdef.h"
#include "common/fd.h"
#include "tests/unit/brokerrig.h"
#include "tests/unit/shortage.h"

#define CLASSES "[Class web]\nTunable=TasksMax\nTasksMax=50\nNice=5\n[Class users/%u]\nTasksMax=20\n[Class runtime]\n"
#define TURNS_MAX 120 /* of the calls of each kind; of more, so many by chance */

typedef struct Turn {
        Rig *g;
        ShortageOrder *order;
        pid_t stranger;
        char stranger_home[512]; /* where it is on cgroup2 */
} Turn;

/* Where it is on cgroup2, whatever the broker has told so far; static buffer. */
static const char *where(pid_t pid) {
        static char text[4096];
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
        assert_true(fd_read_text(AT_FDCWD, path, text, sizeof(text)) > 0);
        char *line = strstr(text, "0::");
        assert_non_null(line);
        line[strcspn(line, "\n")] = '\0';
        return line + 3;
}

static void begin(Turn *t, Rig *g) {
        char number[16];
        int fd = memfd_create("shortage", 0);

        *t = (Turn) { .g = g };
        assert_int_equal(ftruncate(fd, sizeof(ShortageOrder)), 0);
        t->order = mmap(NULL, sizeof(ShortageOrder), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_true(t->order != MAP_FAILED);
        snprintf(number, sizeof(number), "%d", fd); /* stays open, for those that are executed */
        assert_int_equal(setenv("PCLASS_SHORTAGE", number, 1), 0);
        rig_write_config(g, "RuntimeClassesMax=4\n", CLASSES);
        t->stranger = rig_child(g);
}

/* A broker that has all it needs: it says where everybody is, and what the next ones find is a machine in order. */
static void look_around(Turn *t) {
        *t->order = (ShortageOrder) {};
        rig_start(t->g, NULL, true);
        snprintf(t->stranger_home, sizeof(t->stranger_home), "%s", where(t->stranger));
        rig_stop(t->g);
}

/* One process into its class and back. False when the broker ended. */
static bool move_and_return(Turn *t, pid_t pid, const char *home) {
        Rig *g = t->g;
        const WireClass *web = rig_class(g, "web");
        unsigned v2 = rig_hierarchy(g, "");
        WireMove m = { .pid = (uint32_t) pid, .class_index = web->index, .hierarchies = 1u << v2, .cookie = 8 };
        WireMoveReply moved;
        WireResult result;

        if (!rig_try_ask(g, WIRE_MOVE, &m, &moved))
                return false;
        bool inside = !streq(where(pid), home);
        assert_int_equal(inside, moved.moved != 0);
        assert_true(moved.code == WIRE_OK ? inside : moved.error < 0 || moved.code == WIRE_GONE);
        if (!inside)
                return true;
        assert_string_equal(rig_place(g, moved.origin[v2], v2), home);
        const WireReturn back = { .pid = (uint32_t) pid, .class_index = web->index, .hierarchy = v2, .place = moved.origin[v2], .cookie = 8 };
        if (!rig_try_ask(g, WIRE_RETURN, &back, &result))
                return false;
        assert_int_equal(streq(where(pid), home), result.code == WIRE_OK);
        return true;
}

/* Made, changed and removed. */
static bool change_classes(Turn *t) {
        Rig *g = t->g;
        const WireInstance instance = { .template_index = rig_class(g, "users/%u")->index, .text = "4711" };
        const WireAddClass add = { .name = "runtime/one" };
        WireTune tune = { .class_index = rig_class(g, "web")->index, .count = 1 };
        const WireReady nothing = {};
        WireResult result;
        WireClass made;

        tune.settings[0] = (WireSetting) { .property = CLASS_TASKS_MAX, .value = "60" };
        if (!rig_try_ask(g, WIRE_INSTANCE, &instance, &made))
                return false;
        if (made.code == WIRE_OK)
                assert_true(rig_exists(g, rig_hierarchy(g, ""), "users/4711"));
        if (!rig_try_ask(g, WIRE_ADD_CLASS, &add, &made))
                return false;
        if (made.code == WIRE_OK)
                assert_true(rig_exists(g, rig_hierarchy(g, ""), "runtime/one"));
        bool changed = streq(rig_read(g, rig_hierarchy(g, "pids"), "web", "pids.max"), "60"); /* in an earlier life */
        if (!rig_try_ask(g, WIRE_TUNE, &tune, &result))
                return false;
        /* with nothing at all there is no way back either, which is said, and found by the next look at the class */
        const char *limit = rig_read(g, rig_hierarchy(g, "pids"), "web", "pids.max");
        assert_true(streq(limit, result.code == WIRE_OK || changed ? "60" : "50") || (t->order->all && t->order->failed > 1));
        return rig_try_ask(g, WIRE_CHECK_CONFIG, &nothing, &result);
}

/* One life of the broker. What it ends with is never a signal, nor the status that says that only the administrator can help. */
static void live(Turn *t, pid_t pid) {
        Rig *g = t->g;

        rig_spawn(g, NULL);
        (void) (rig_try_greet(g, true) && move_and_return(t, pid, t->stranger_home) && change_classes(t));
        g->listener = fd_close(g->listener);
        g->channel = fd_close(g->channel);
        g->exe = fd_close(g->exe);
        int status = rig_wait(g);
        assert_true(status == EXIT_SUCCESS || status == EXIT_FAILURE);
        assert_string_equal(where(t->stranger), t->stranger_home);
}

/* PCLASS_SHORTAGE_ALL: every call; otherwise so many of them by chance. */
static unsigned step(unsigned calls) {
        return getenv("PCLASS_SHORTAGE_ALL") || calls <= TURNS_MAX ? 1 : 1 + (unsigned) random() % (2 * calls / TURNS_MAX - 1);
}

static ShortageOrder last;

/* What to look at again with PCLASS_SHORTAGE_TURN=, if it failed. */
static int tell_last(void **state) {
        print_message("last: call %u%s\n", last.failing, last.all ? " and all later ones" : "");
        return rig_teardown(state);
}

static void turn(Turn *t, ShortageKind kind, unsigned n, bool all) {
        pid_t pid = rig_child(t->g);

        last = (ShortageOrder) { .failing = n, .all = all };
        *t->order = (ShortageOrder) { .kind = kind, .failing = n, .all = all };
        live(t, pid);
        rig_kill(t->g, pid);
}

static void run_out(Rig *g, ShortageKind kind) {
        const char *one = getenv("PCLASS_SHORTAGE_TURN"); /* to look at a single one again */
        unsigned calls, turns = 0;
        Turn t;

        begin(&t, g);
        look_around(&t);
        turn(&t, kind, 0, false);
        calls = t.order->count;
        assert_true(calls > 50);
        for (int all = 0; all < 2; all++)
                for (unsigned n = one ? (unsigned) atoi(one) : 1; n <= (one ? (unsigned) atoi(one) : calls); n += step(calls), turns++)
                        turn(&t, kind, n, all);
        look_around(&t); /* nothing is left that a start could stumble over */
        print_message("%u calls, %u turns\n", calls, turns);
}

static void test_memory(void **state) {
        run_out(*state, SHORTAGE_MEMORY);
}

static void test_descriptors(void **state) {
        run_out(*state, SHORTAGE_DESCRIPTORS);
}

static void test_descriptors_of_all(void **state) {
        run_out(*state, SHORTAGE_DESCRIPTORS_OF_ALL);
}

int main(int argc, char **argv) {
        const char *seed = getenv("PCLASS_SEED");

        rig_main(argc, argv);
        unsigned n = seed ? (unsigned) strtoul(seed, NULL, 0) : (unsigned) time(NULL);
        srandom(n);
        print_message("PCLASS_SEED=%u\n", n);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_memory, rig_setup, tell_last),
                cmocka_unit_test_setup_teardown(test_descriptors, rig_setup, tell_last),
                cmocka_unit_test_setup_teardown(test_descriptors_of_all, rig_setup, tell_last),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
