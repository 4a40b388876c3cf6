/* A taken-over pclassd: the test sends the real broker everything that docs/SECURITY-MODEL.md says it refuses. */
#include "tests/unit/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "broker/rate.h"
#include "common/classdef.h"
#include "common/fd.h"
#include "tests/unit/brokerrig.h"

#define CLASSES "[Class one]\n[Class two]\n[Class users/%u]\n"
#define TUNABLE CLASSES "[Class soft]\nTasksMax=50\nTunable=TasksMax:20-60 Freeze CPUWeight\n"

static Rig *start(void **state, const char *config) {
        Rig *g = *state;

        rig_write_config(g, config, CLASSES);
        rig_start(g, NULL, false);
        return g;
}

static int move_code(Rig *g, uint32_t pid, uint32_t class_index, uint32_t hierarchies, uint32_t flags) {
        const WireMove m = { pid, class_index, hierarchies, flags, 1 };
        WireMoveReply reply;

        rig_ask(g, WIRE_MOVE, &m, &reply);
        assert_int_equal(reply.moved != 0, reply.code == WIRE_OK && reply.failed == 0);
        return reply.code;
}

static int return_code(Rig *g, pid_t pid, uint32_t class_index, uint32_t hierarchy, uint32_t place) {
        const WireReturn m = { pid, class_index, hierarchy, place, 1 };
        WireResult reply;

        rig_ask(g, WIRE_RETURN, &m, &reply);
        return reply.code;
}

static int instance_code(Rig *g, uint32_t index, const char *text) {
        WireInstance m = { .template_index = index };
        WireClass reply;

        memcpy(m.text, text, strnlen(text, sizeof(m.text)));
        rig_ask(g, WIRE_INSTANCE, &m, &reply);
        return reply.code;
}

static void numbers_that_mean_nobody_or_everybody(void **state) {
        Rig *g = start(state, "");
        uint32_t v2 = 1u << rig_hierarchy(g, ""), one = rig_class(g, "one")->index;

        for (uint32_t pid = 0; pid <= 2; pid++)
                assert_int_equal(move_code(g, pid, one, v2, 0), WIRE_PROTECTED);
        assert_int_equal(move_code(g, UINT32_MAX, one, v2, 0), WIRE_GONE); /* -1 */
        assert_int_equal(move_code(g, INT32_MAX, one, v2, 0), WIRE_GONE);
        assert_int_equal(move_code(g, 1u << 31, one, v2, 0), WIRE_GONE);
        assert_int_equal(move_code(g, g->broker, one, v2, 0), WIRE_PROTECTED);
        rig_stop(g);
}

static void classes_and_hierarchies_that_are_not_its_own(void **state) {
        Rig *g = start(state, "");
        uint32_t v2 = 1u << rig_hierarchy(g, ""), one = rig_class(g, "one")->index;
        pid_t child = rig_child(g);
        char before[512];

        snprintf(before, sizeof(before), "%s", rig_where(g, child, rig_hierarchy(g, "")));
        assert_int_equal(move_code(g, child, 9999, v2, 0), WIRE_NOT_ALLOWED);
        assert_int_equal(move_code(g, child, WIRE_NONE, v2, 0), WIRE_NOT_ALLOWED);
        assert_int_equal(move_code(g, child, one, 0, 0), WIRE_NOT_ALLOWED);
        assert_int_equal(move_code(g, child, one, UINT32_MAX, 0), WIRE_NOT_ALLOWED);
        assert_int_equal(move_code(g, child, one, 1u << rig_hierarchy(g, "memory"), 0), WIRE_NOT_ALLOWED);
        assert_int_equal(move_code(g, child, one, v2, 0x80), WIRE_NOT_ALLOWED);
        assert_int_equal(move_code(g, child, one, v2, WIRE_MOVE_VALUES), WIRE_STALE); /* sets nothing outside the class, and moves nobody */
        assert_int_equal(move_code(g, child, rig_class(g, "users/%u")->index, v2, 0), WIRE_NOT_ALLOWED);
        assert_string_equal(rig_where(g, child, rig_hierarchy(g, "")), before);
        rig_kill(g, child);
        rig_stop(g);
}

/* A way out leads only to where the broker saw a member of that class come from. */
static void returns_to_places_of_its_choice(void **state) {
        Rig *g = start(state, "");
        uint32_t h = rig_hierarchy(g, ""), one = rig_class(g, "one")->index, two = rig_class(g, "two")->index;
        pid_t child = rig_child(g), stranger = rig_child(g);
        const WireMove m = { child, one, 1u << h, 0, 1 };
        WireMoveReply reply;

        rig_ask(g, WIRE_MOVE, &m, &reply);
        assert_int_equal(reply.code, WIRE_OK);
        uint32_t place = reply.previous[h];
        assert_int_equal(return_code(g, child, one, h, place + 1), WIRE_NOT_ALLOWED);
        assert_int_equal(return_code(g, child, one, h, WIRE_NONE), WIRE_NOT_ALLOWED);
        assert_int_equal(return_code(g, child, two, h, place), WIRE_NOT_ALLOWED); /* nobody of class two came from there */
        assert_int_equal(return_code(g, child, one, h + 1, place), WIRE_NOT_ALLOWED);
        assert_int_equal(return_code(g, child, one, 31, place), WIRE_NOT_ALLOWED);
        assert_int_equal(return_code(g, stranger, one, h, place), WIRE_STALE); /* it is in no class */
        assert_int_equal(return_code(g, 1, one, h, place), WIRE_PROTECTED);
        assert_int_equal(return_code(g, child, one, h, place), WIRE_OK);
        rig_kill(g, child);
        rig_kill(g, stranger);
        rig_stop(g);
}

static void instances_that_lead_elsewhere(void **state) {
        static const char *const texts[] = { "", ".", "..", "../x", "a/b", "/", ".hidden", "a b", "a\n", "\x01", "%u", "cgroup.procs/..", "a*" };
        Rig *g = start(state, "");
        uint32_t template = rig_class(g, "users/%u")->index, one = rig_class(g, "one")->index;
        char endless[WIRE_COMPONENT_MAX];

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_int_equal(instance_code(g, template, texts[i]), WIRE_NOT_ALLOWED);
        memset(endless, 'a', sizeof(endless));
        WireInstance m = { .template_index = template };
        WireClass reply;
        memcpy(m.text, endless, sizeof(endless)); /* no end in it */
        rig_ask(g, WIRE_INSTANCE, &m, &reply);
        assert_int_equal(reply.code, WIRE_NOT_ALLOWED);
        assert_int_equal(instance_code(g, one, "x"), WIRE_NOT_ALLOWED);
        assert_int_equal(instance_code(g, 9999, "x"), WIRE_NOT_ALLOWED);
        const WireDropInstance drop = { .class_index = one };
        WireResult result;
        rig_ask(g, WIRE_DROP_INSTANCE, &drop, &result);
        assert_int_equal(result.code, WIRE_NOT_ALLOWED);
        assert_true(rig_exists(g, rig_hierarchy(g, ""), "one"));
        rig_stop(g);
}

/* As many as root allows of each template; others have their own room. */
static void more_instances_than_root_allows(void **state) {
        Rig *g = *state;
        WireResult result;

        rig_write_config(g, "", CLASSES "[Class few/%u]\nInstancesMax=2\n");
        rig_start(g, NULL, false);
        uint32_t few = rig_class(g, "few/%u")->index, users = rig_class(g, "users/%u")->index;
        assert_int_equal(instance_code(g, few, "a"), WIRE_OK);
        assert_int_equal(instance_code(g, few, "b"), WIRE_OK);
        assert_int_equal(instance_code(g, few, "c"), WIRE_LIMIT);
        assert_false(rig_exists(g, rig_hierarchy(g, ""), "few/c"));
        assert_int_equal(instance_code(g, few, "b"), WIRE_OK); /* it is there */
        for (unsigned i = 0; i < CLASS_INSTANCES_DEFAULT; i++) {
                char text[WIRE_COMPONENT_MAX];
                snprintf(text, sizeof(text), "u%u", i);
                assert_int_equal(instance_code(g, users, text), WIRE_OK);
        }
        assert_int_equal(instance_code(g, users, "more"), WIRE_LIMIT);

        WireInstance m = { .template_index = few, .text = "a" };
        WireClass a;
        rig_ask(g, WIRE_INSTANCE, &m, &a);
        const WireDropInstance drop = { .class_index = a.index };
        rig_ask(g, WIRE_DROP_INSTANCE, &drop, &result);
        assert_int_equal(result.code, WIRE_OK);
        assert_int_equal(instance_code(g, few, "c"), WIRE_OK);
        assert_int_equal(instance_code(g, few, "d"), WIRE_LIMIT);
        rig_stop(g);
}

static int add_code(Rig *g, const char *name, uint32_t hierarchies) {
        WireAddClass m = { .hierarchies = hierarchies };
        WireClass reply;

        memcpy(m.name, name, strnlen(name, sizeof(m.name)));
        rig_ask(g, WIRE_ADD_CLASS, &m, &reply);
        return reply.code;
}

/* Classes of its own only below runtime/, in hierarchies that root uses, and no more than root says. */
static void classes_made_elsewhere(void **state) {
        static const char *const names[] = {
                "", "one", "x", "runtime", "runtime/", "/runtime/x", "runtime//x", "runtime/../one", "runtime/..", "runtime/.", "runtime/.x", "runtime/x/../y",
                "runtimes/x", "users/x", "one/x", "runtime/%u", "runtime/a b", "runtime/a\n", "runtime/\x01", "runtime/\xff", "runtime/tasks",
                "runtime/cgroup.procs", "runtime/+members", "runtime/no/parent", "runtime/a*",
        };
        Rig *g = start(state, "RuntimeClassesMax=2\n");
        unsigned v2 = rig_hierarchy(g, "");
        char deep[WIRE_TEXT_MAX] = "runtime";

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (add_code(g, names[i], 0) == WIRE_OK)
                        fail_msg("%zu: %s was made", i, names[i]);
        WireAddClass endless = {};
        WireClass reply;
        memset(endless.name, 'a', sizeof(endless.name)); /* no end in it */
        memcpy(endless.name, "runtime/", 8);
        rig_ask(g, WIRE_ADD_CLASS, &endless, &reply);
        assert_int_equal(reply.code, WIRE_NOT_ALLOWED);
        assert_int_not_equal(add_code(g, "runtime/x", UINT32_MAX), WIRE_OK);
        assert_int_not_equal(add_code(g, "runtime/x", 1u << 31), WIRE_OK);
        assert_false(rig_exists(g, v2, "runtime/x"));
        for (unsigned i = 0; i < 2; i++) {
                strcat(deep, "/d");
                assert_int_equal(add_code(g, deep, 0), WIRE_OK);
        }
        assert_int_equal(add_code(g, deep, 0), WIRE_NOT_ALLOWED); /* it is there */
        assert_int_equal(add_code(g, "runtime/third", 0), WIRE_LIMIT);
        assert_false(rig_exists(g, v2, "runtime/third"));
        rig_stop(g);
}

static int remove_code(Rig *g, uint32_t index, uint32_t how) {
        const WireRemoveClass m = { index, how };
        WireResult reply;

        rig_ask(g, WIRE_REMOVE_CLASS, &m, &reply);
        return reply.code;
}

/* Neither root's classes nor those who are in them. */
static void removals_of_what_is_not_its_own(void **state) {
        static const char *const names[] = { "one", "users", "users/%u" };
        Rig *g = start(state, "RuntimeClassesMax=4\n");
        unsigned v2 = rig_hierarchy(g, "");
        pid_t child = rig_child(g);

        assert_int_equal(move_code(g, child, rig_class(g, "one")->index, 1u << v2, 0), WIRE_OK);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                for (uint32_t how = WIRE_REMOVE_EMPTY; how <= WIRE_REMOVE_KILL + 1; how++)
                        assert_int_equal(remove_code(g, rig_class(g, names[i])->index, how), WIRE_NOT_ALLOWED);
        assert_int_equal(remove_code(g, 9999, WIRE_REMOVE_KILL), WIRE_NOT_ALLOWED);
        assert_int_equal(remove_code(g, WIRE_NONE, WIRE_REMOVE_KILL), WIRE_NOT_ALLOWED);
        assert_int_equal(kill(child, 0), 0);
        assert_true(rig_exists(g, v2, "one"));

        const WireAddClass add = { .name = "runtime/x" }, below = { .name = "runtime/x/y" };
        WireClass x, y;
        rig_ask(g, WIRE_ADD_CLASS, &add, &x);
        rig_ask(g, WIRE_ADD_CLASS, &below, &y);
        assert_int_equal(x.code, WIRE_OK);
        assert_int_equal(y.code, WIRE_OK);
        assert_int_equal(remove_code(g, x.index, WIRE_REMOVE_KILL), WIRE_NOT_ALLOWED); /* there is one below it */
        assert_int_equal(remove_code(g, y.index, UINT32_MAX), WIRE_NOT_ALLOWED);
        assert_int_equal(remove_code(g, y.index, WIRE_REMOVE_EMPTY), WIRE_OK);
        assert_int_equal(remove_code(g, y.index, WIRE_REMOVE_EMPTY), WIRE_NOT_ALLOWED); /* the number means nobody now */
        rig_kill(g, child);
        rig_stop(g);
}

/* A subtree that systemd gave to another manager; the mark is that of Delegate=yes. */
static int place_code(Rig *g, uint32_t root, uint32_t hierarchies, const char *path, uint32_t own, WireClass *ret) {
        WirePlace m = { .root = root, .hierarchies = hierarchies, .own = own };

        memcpy(m.path, path, MIN(strlen(path), sizeof(m.path)));
        rig_ask(g, WIRE_PLACE, &m, ret);
        return ret->code;
}

static bool in_hierarchy(const Rig *g, unsigned h, const char *path) {
        char whole[WIRE_PATH_MAX * 2];

        snprintf(whole, sizeof(whole), "%s%s/cgroup.procs", g->hierarchies[h].mount, path);
        return access(whole, F_OK) == 0;
}

static Rig *start_allowed(void **state) {
        char config[256];

        snprintf(config, sizeof(config), "AllowedRoots=%s-allowed/\nProtect=*/guarded*\n", ((Rig *) *state)->root);
        return start(state, config);
}

static void places_that_lead_elsewhere(void **state) {
        static const char *const paths[] = {
                "..", "../x", "a/../b", "a/..", ".", "a/./b", "/a", "a//b", "a/", "/", "a\nb", "a\001b", "\xff", "a (deleted)", "guarded", "guarded/x",
        };
        Rig *g = start_allowed(state);
        unsigned v2 = rig_hierarchy(g, "");
        WireClass c;
        char longest[WIRE_TEXT_MAX + 1];

        assert_int_equal(g->n_roots, 1);
        for (size_t i = 0; i < ELEMENTSOF(paths); i++)
                if (place_code(g, 0, 1u << v2, paths[i], 0, &c) == WIRE_OK)
                        fail_msg("%zu: %s was made", i, paths[i]);
        memset(longest, 'x', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = '\0';
        assert_int_equal(place_code(g, 0, 1u << v2, longest, 0, &c), WIRE_NOT_ALLOWED); /* no NUL */
        longest[WIRE_TEXT_MAX - 1] = '\0';
        assert_int_equal(place_code(g, 0, 1u << v2, longest, 0, &c), WIRE_NOT_ALLOWED); /* too long with its root */
        assert_int_equal(place_code(g, 1, 1u << v2, "a", 0, &c), WIRE_NOT_ALLOWED);
        assert_int_equal(place_code(g, UINT32_MAX, 1u << v2, "a", 0, &c), WIRE_NOT_ALLOWED);
        assert_int_equal(place_code(g, 0, 0, "a", 0, &c), WIRE_NOT_ALLOWED);
        assert_int_equal(place_code(g, 0, 1u << 31, "a", 0, &c), WIRE_NOT_ALLOWED);
        assert_int_equal(place_code(g, 0, 1u << v2, "cgroup.procs", 0, &c), WIRE_FAILED); /* a file */
        rig_stop(g);
}

static WireCode drop_code(Rig *g, uint32_t class_index) {
        const WireDropInstance m = { .class_index = class_index };
        WireResult reply;

        rig_ask(g, WIRE_DROP_INSTANCE, &m, &reply);
        return reply.code;
}

/* What was made for a process goes, up to what was made for somebody else, by somebody else or for everybody. */
static void directories_of_processes_go(void **state) {
        Rig *g = start_allowed(state);
        unsigned v2 = rig_hierarchy(g, "");
        char top[96], path[192], hand[WIRE_PATH_MAX * 2];
        WireClass deep, beside, job, all;

        snprintf(top, sizeof(top), "%s-allowed", g->root);
        assert_int_equal(place_code(g, 0, 1u << v2, "d/peter/x", 2, &deep), WIRE_OK);
        assert_int_equal(place_code(g, 0, 1u << v2, "d/peter/y", 2, &beside), WIRE_OK);
        assert_int_equal(place_code(g, 0, 1u << v2, "d/peter", 1, &job), WIRE_OK);
        assert_int_equal(drop_code(g, deep.index), WIRE_OK);
        assert_int_equal(drop_code(g, beside.index), WIRE_OK);
        snprintf(path, sizeof(path), "%s/d/peter/x", top);
        assert_false(in_hierarchy(g, v2, path));
        snprintf(path, sizeof(path), "%s/d/peter", top);
        assert_true(in_hierarchy(g, v2, path)); /* a class of its own */
        assert_int_equal(drop_code(g, job.index), WIRE_OK);
        assert_false(in_hierarchy(g, v2, path));
        snprintf(path, sizeof(path), "%s/d", top);
        assert_true(in_hierarchy(g, v2, path));

        assert_int_equal(place_code(g, 0, 1u << v2, "d/peter/x", 2, &deep), WIRE_OK);
        assert_int_equal(drop_code(g, deep.index), WIRE_OK);
        snprintf(path, sizeof(path), "%s/d/peter", top);
        assert_false(in_hierarchy(g, v2, path));
        assert_int_equal(place_code(g, 0, 1u << v2, "d/all", 0, &all), WIRE_OK);
        assert_int_equal(drop_code(g, all.index), WIRE_OK);
        snprintf(path, sizeof(path), "%s/d/all", top);
        assert_true(in_hierarchy(g, v2, path));

        snprintf(hand, sizeof(hand), "%s%s/d/made-by-hand", g->hierarchies[v2].mount, top);
        assert_int_equal(mkdir(hand, 0755), 0);
        assert_int_equal(place_code(g, 0, 1u << v2, "d/made-by-hand/x", 2, &deep), WIRE_OK);
        assert_int_equal(drop_code(g, deep.index), WIRE_OK);
        snprintf(path, sizeof(path), "%s/d/made-by-hand", top);
        assert_true(in_hierarchy(g, v2, path));
        assert_int_equal(rmdir(hand), 0);
        rig_stop(g);
}

/* In a place it is as with classes: only the hierarchies that were asked for, back only to where somebody in that root came from. */
static void places_and_their_members(void **state) {
        Rig *g = start_allowed(state);
        unsigned v2 = rig_hierarchy(g, ""), pids = rig_hierarchy(g, "pids");
        pid_t child = rig_child(g);
        char path[128], origin[256];
        WireClass c, more, again;

        snprintf(path, sizeof(path), "%s-allowed/with blank/b", g->root);
        snprintf(origin, sizeof(origin), "%s", rig_where(g, child, v2));
        assert_int_equal(place_code(g, 0, 1u << v2, "with blank/b", 1, &c), WIRE_OK);
        assert_string_equal(c.name, path);
        assert_true(c.flags & WIRE_CLASS_PLACE);
        assert_true(in_hierarchy(g, v2, path));
        assert_false(in_hierarchy(g, pids, path));
        assert_int_equal(move_code(g, child, c.index, 1u << pids, 0), WIRE_NOT_ALLOWED);
        assert_int_equal(move_code(g, child, c.index, 1u << v2, 0), WIRE_OK);
        assert_string_equal(rig_where(g, child, v2), path);

        assert_int_equal(place_code(g, 0, 1u << pids, "with blank/b", 1, &more), WIRE_OK);
        assert_int_equal(more.index, c.index);
        assert_int_equal(more.hierarchies, 1u << v2 | 1u << pids);
        assert_true(in_hierarchy(g, pids, path));

        const WireDropInstance drop = { .class_index = c.index };
        WireResult dropped;
        rig_ask(g, WIRE_DROP_INSTANCE, &drop, &dropped);
        assert_int_equal(dropped.code, WIRE_STALE); /* somebody is in there */
        for (uint32_t place = 0; place < 8; place++) {
                bool known = place < g->n_places && g->places[place].hierarchy == v2 && streq(g->places[place].path, origin);
                if (!known)
                        assert_int_not_equal(return_code(g, child, c.index, v2, place), WIRE_OK);
        }
        assert_string_equal(rig_where(g, child, v2), path);
        assert_int_equal(return_code(g, child, c.index, v2, g->places[0].place), WIRE_OK);
        assert_string_equal(rig_where(g, child, v2), origin);
        rig_ask(g, WIRE_DROP_INSTANCE, &drop, &dropped);
        assert_int_equal(dropped.code, WIRE_OK);
        assert_false(in_hierarchy(g, v2, path));

        /* What nobody's facts made stays, and so does the root. */
        assert_int_equal(place_code(g, 0, 1u << v2, "plain", 0, &again), WIRE_OK);
        const WireDropInstance forget = { .class_index = again.index };
        rig_ask(g, WIRE_DROP_INSTANCE, &forget, &dropped);
        assert_int_equal(dropped.code, WIRE_OK);
        snprintf(path, sizeof(path), "%s-allowed/plain", g->root);
        assert_true(in_hierarchy(g, v2, path));
        assert_int_equal(move_code(g, child, again.index, 1u << v2, 0), WIRE_NOT_ALLOWED); /* no class any more */
        rig_stop(g);
}

static void no_places_without_roots(void **state) {
        Rig *g = start(state, "");
        WireClass c;

        assert_int_equal(g->n_roots, 0);
        assert_int_equal(place_code(g, 0, 1u << rig_hierarchy(g, ""), "a", 0, &c), WIRE_NOT_ALLOWED);
        rig_stop(g);
}

static void processes_of_another_manager(void **state) {
        Rig *g = start(state, "");
        uint32_t h = rig_hierarchy(g, ""), one = rig_class(g, "one")->index;
        char top[512], below[540], procs[560], text[16];
        pid_t child = rig_child(g);

        snprintf(top, sizeof(top), "%s/pclass-test-delegated-%d", g->hierarchies[h].mount, (int) getpid());
        snprintf(below, sizeof(below), "%s/below", top);
        snprintf(procs, sizeof(procs), "%s/cgroup.procs", below);
        assert_int_equal(mkdir(top, 0755), 0);
        assert_int_equal(mkdir(below, 0755), 0);
        assert_int_equal(setxattr(top, "user.delegate", "1", 1, 0), 0);
        int n = snprintf(text, sizeof(text), "%d", (int) child);
        _cleanup_close_ int fd = open(procs, O_WRONLY | O_CLOEXEC);
        assert_int_equal(write(fd, text, n), n);

        int code = move_code(g, child, one, 1u << h, 0);
        rig_kill(g, child);
        for (int i = 0; i < 1000 && rmdir(below) < 0; i++)
                usleep(1000);
        assert_int_equal(rmdir(top), 0);
        assert_int_equal(code, WIRE_PROTECTED);
        rig_stop(g);
}

static void fds_that_nobody_asked_for(void **state) {
        Rig *g = start(state, "");
        char dir[64];
        size_t before = 0, after = 0;
        int fds[3] = { 0, 1, 2 };
        const WirePing ping = {};

        snprintf(dir, sizeof(dir), "/proc/%d/fd", (int) g->broker);
        for (int round = 0; round < 2; round++) {
                WireResult result;
                size_t *n = round ? &after : &before;
                rig_ask(g, WIRE_PING, &ping, &result); /* so that all before it is done */
                DIR *d = opendir(dir);
                assert_non_null(d);
                while (readdir(d))
                        (*n)++;
                closedir(d);
                for (int i = 0; round == 0 && i < 7; i++) /* each is refused as nonsense; one more would end it */
                        assert_int_equal(channel_send(g->channel, WIRE_PING, ++g->seq, &ping, 1, fds, 3), 0);
        }
        assert_int_equal(before, after);
        rig_stop(g);
}

static int tune_code(Rig *g, uint32_t index, uint32_t count, uint32_t property, const char *value, WireResult *ret) {
        WireTune m = { .class_index = index, .count = count };

        for (uint32_t i = 0; i < MIN(count, (uint32_t) WIRE_SETTINGS_MAX); i++) {
                m.settings[i].property = property + i;
                memcpy(m.settings[i].value, value, strnlen(value, sizeof(m.settings[i].value)));
        }
        rig_ask(g, WIRE_TUNE, &m, ret);
        return ret->code;
}

/* More than root offered: nothing is changed. */
static void properties_that_root_did_not_offer(void **state) {
        Rig *g = *state;
        WireResult r;

        rig_write_config(g, "", TUNABLE);
        rig_start(g, NULL, false);
        unsigned pids = rig_hierarchy(g, "pids");
        uint32_t soft = rig_class(g, "soft")->index, one = rig_class(g, "one")->index, template = rig_class(g, "users/%u")->index;
        static const char *const values[] = { "61", "19", "infinity", "100%", "0", "-1", "50\n60", "../..", "\x01" };

        for (size_t i = 0; i < ELEMENTSOF(values); i++)
                assert_int_equal(tune_code(g, soft, 1, CLASS_TASKS_MAX, values[i], &r), WIRE_NOT_ALLOWED);
        assert_int_equal(tune_code(g, one, 1, CLASS_TASKS_MAX, "30", &r), WIRE_NOT_ALLOWED);
        assert_int_equal(r.error, -EPERM);
        assert_int_equal(tune_code(g, soft, 1, CLASS_MEMORY_MAX, "1G", &r), WIRE_NOT_ALLOWED);
        assert_int_equal(tune_code(g, soft, 1, _CLASS_PROPERTY_N, "1", &r), WIRE_NOT_ALLOWED);
        assert_int_equal(tune_code(g, soft, 1, UINT32_MAX, "1", &r), WIRE_NOT_ALLOWED);
        assert_int_equal(tune_code(g, soft, 0, CLASS_TASKS_MAX, "30", &r), WIRE_NOT_ALLOWED);
        assert_int_equal(tune_code(g, soft, WIRE_SETTINGS_MAX + 1, CLASS_TASKS_MAX, "30", &r), WIRE_NOT_ALLOWED);
        assert_int_equal(tune_code(g, soft, UINT32_MAX, CLASS_TASKS_MAX, "30", &r), WIRE_NOT_ALLOWED);
        assert_int_equal(tune_code(g, template, 1, CLASS_TASKS_MAX, "30", &r), WIRE_NOT_ALLOWED);
        assert_int_equal(tune_code(g, 9999, 1, CLASS_TASKS_MAX, "30", &r), WIRE_NOT_ALLOWED);
        assert_int_equal(tune_code(g, soft, 2, CLASS_TASKS_MAX, "30", &r), WIRE_NOT_ALLOWED); /* the second one is IOWeight */

        WireTune endless = { .class_index = soft, .count = 1, .settings = { { .property = CLASS_TASKS_MAX } } };
        memset(endless.settings[0].value, '3', sizeof(endless.settings[0].value)); /* no end in it */
        rig_ask(g, WIRE_TUNE, &endless, &r);
        assert_int_equal(r.code, WIRE_NOT_ALLOWED);
        assert_string_equal(rig_read(g, pids, "soft", "pids.max"), "50");
        assert_int_equal(tune_code(g, soft, 1, CLASS_TASKS_MAX, "30", &r), WIRE_OK);
        assert_string_equal(rig_read(g, pids, "soft", "pids.max"), "30");
        rig_stop(g);
}

static void nonsense_ends_it(void **state) {
        Rig *g = start(state, "");
        const WireHello hello = { WIRE_VERSION, 0 };

        const WireReady nothing = {};
        WireResult result;

        for (uint32_t i = 0; i < 7; i++) /* a greeting is taken once */
                assert_int_equal(channel_send(g->channel, WIRE_HELLO, i, &hello, 1, NULL, 0), 0);
        rig_ask(g, WIRE_CHECK_CONFIG, &nothing, &result); /* it goes on, so far */
        assert_int_equal(channel_send(g->channel, WIRE_HELLO, 8, &hello, 1, NULL, 0), 0);
        assert_false(rig_try_ask(g, WIRE_CHECK_CONFIG, &nothing, &result)); /* by itself: nobody else has ended */
        g->listener = fd_close(g->listener);
        assert_int_equal(rig_wait(g), EXIT_SUCCESS); /* as its listener, which says how everything ends */
}

/* More than the rate is served later: the broker's time is not its to take. */
static void a_flood_waits(void **state) {
        Rig *g = start(state, "");
        WireMove items[WIRE_BATCH_MAX];
        struct timespec a, b;
        size_t sent = 0;

        for (size_t i = 0; i < WIRE_BATCH_MAX; i++)
                items[i] = (WireMove) { .pid = INT32_MAX, .class_index = rig_class(g, "one")->index, .hierarchies = 1u << rig_hierarchy(g, "") };
        clock_gettime(CLOCK_MONOTONIC, &a);
        while (sent < RATE_BURST + RATE_PER_SEC) {
                const WireHeader *header;
                const void *answers;
                assert_int_equal(channel_send(g->channel, WIRE_MOVE, ++g->seq, items, WIRE_BATCH_MAX, NULL, 0), 0);
                ssize_t n;
                while ((n = channel_receive(g->channel, g->buffer, &header, &answers, NULL, NULL)) == -EAGAIN)
                        usleep(50);
                assert_true(n > 0);
                assert_int_equal(header->count, WIRE_BATCH_MAX);
                sent += WIRE_BATCH_MAX;
        }
        clock_gettime(CLOCK_MONOTONIC, &b);
        double took = (b.tv_sec - a.tv_sec) + (b.tv_nsec - a.tv_nsec) / 1e9;
        assert_true(took > 0.9);
        rig_stop(g);
}

int main(int argc, char **argv) {
        rig_main(argc, argv);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(numbers_that_mean_nobody_or_everybody, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(classes_and_hierarchies_that_are_not_its_own, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(returns_to_places_of_its_choice, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(instances_that_lead_elsewhere, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(more_instances_than_root_allows, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(classes_made_elsewhere, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(removals_of_what_is_not_its_own, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(places_that_lead_elsewhere, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(places_and_their_members, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(directories_of_processes_go, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(no_places_without_roots, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(processes_of_another_manager, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(fds_that_nobody_asked_for, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(properties_that_root_did_not_offer, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(nonsense_ends_it, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(a_flood_waits, rig_setup, rig_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
