/* The broker program itself on this machine's real cgroups, with the test as its listener. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/classdef.h"
#include "common/fd.h"
#include "tests/unit/brokerrig.h"

#define CLASSES \
        "[Class web]\nDescription=Web servers\nCPUWeight=400\nAllowedCPUs=0\nMemoryHigh=64M\nMemoryMax=128M\nTasksMax=50\n" \
        "[Class plain]\n" \
        "[Class tree]\nTasksMax=70\n[Class tree/leaf]\nTasksMax=30\n" \
        "[Class users/%u]\nTasksMax=20\n" \
        "[Class closed]\nAllowedUsers=65533\n"

static void test_classes_are_real(void **state) {
        Rig *g = *state;

        rig_write_config(g, "", CLASSES);
        rig_start(g, NULL, false);
        unsigned v2 = rig_hierarchy(g, ""), cpu = rig_hierarchy(g, "cpu"), memory = rig_hierarchy(g, "memory");
        unsigned cpuset = rig_hierarchy(g, "cpuset"), pids = rig_hierarchy(g, "pids");
        const WireClass *web = rig_class(g, "web"), *plain = rig_class(g, "plain");

        assert_int_equal(g->hello.n_classes, g->n_classes);
        assert_int_equal(web->hierarchies, 1u << v2 | 1u << cpu | 1u << memory | 1u << cpuset | 1u << pids);
        assert_int_equal(plain->hierarchies, 1u << v2);
        assert_true(g->hierarchies[v2].flags & WIRE_HIERARCHY_MEMBERSHIP);
        assert_string_equal(web->description, "Web servers");
        assert_string_equal(rig_read(g, cpu, "web", "cpu.shares"), "4096");
        assert_string_equal(rig_read(g, memory, "web", "memory.limit_in_bytes"), "134217728");
        assert_string_equal(rig_read(g, pids, "web", "pids.max"), "50");
        assert_string_equal(rig_read(g, cpuset, "web", "cpuset.cpus"), "0");
        assert_string_not_equal(rig_read(g, cpuset, "web", "cpuset.mems"), "");
        assert_true(rig_exists(g, v2, "plain"));
        assert_false(rig_exists(g, memory, "plain"));

        assert_int_equal(rig_note(g, "web", "CPUWeight")->supported, 1);
        assert_string_equal(rig_note(g, "web", "CPUWeight")->text, "400");
        assert_string_equal(rig_note(g, "web", "MemoryMax")->text, "134217728");
        assert_int_equal(rig_note(g, "web", "MemoryHigh")->supported, 0);
        assert_string_equal(rig_note(g, "web", "MemoryHigh")->text, "cgroup v1 memory has no such limit");
        assert_null(rig_note(g, "plain", "TasksMax"));
        rig_stop(g);
}

static void test_inode_is_the_members_cgroup(void **state) {
        Rig *g = *state;
        char path[512];
        struct stat st;

        rig_write_config(g, "", CLASSES);
        rig_start(g, NULL, false);
        unsigned v2 = rig_hierarchy(g, "");
        const WireClass *tree = rig_class(g, "tree");

        assert_int_equal(tree->flags & WIRE_CLASS_LEAF_V2, WIRE_CLASS_LEAF_V2);
        snprintf(path, sizeof(path), "%s%s/tree/%s", g->hierarchies[v2].mount, g->root, tree->leaf);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_ino, tree->inode[v2]);
        assert_string_equal(rig_class(g, "tree/leaf")->leaf, "");
        rig_stop(g);
}

static WireMoveReply move(Rig *g, pid_t pid, const WireClass *c, uint32_t hierarchies) {
        const WireMove m = { .pid = pid, .class_index = c->index, .hierarchies = hierarchies, .cookie = 77 };
        WireMoveReply reply;

        rig_ask(g, WIRE_MOVE, &m, &reply);
        return reply;
}

static WireResult back(Rig *g, pid_t pid, const WireClass *c, unsigned hierarchy, uint32_t place) {
        const WireReturn m = { .pid = pid, .class_index = c->index, .hierarchy = hierarchy, .place = place, .cookie = 77 };
        WireResult result;

        rig_ask(g, WIRE_RETURN, &m, &result);
        return result;
}

static void test_move_and_return(void **state) {
        Rig *g = *state;
        char before[WIRE_HIERARCHIES_MAX][512], wanted[256];

        rig_write_config(g, "", CLASSES);
        rig_start(g, NULL, false);
        pid_t child = rig_child(g);
        const WireClass *web = rig_class(g, "web");
        snprintf(wanted, sizeof(wanted), "%s/web", g->root);
        for (unsigned h = 0; h < g->n_hierarchies; h++)
                snprintf(before[h], sizeof(before[h]), "%s", rig_where(g, child, h));

        WireMoveReply reply = move(g, child, web, web->hierarchies);
        assert_int_equal(reply.code, WIRE_OK);
        assert_int_equal(reply.moved, web->hierarchies);
        for (unsigned h = 0; h < g->n_hierarchies; h++) {
                bool in = web->hierarchies & 1u << h;
                const char *root = g->hierarchies[h].root;
                snprintf(wanted, sizeof(wanted), "%s/web", root);
                assert_string_equal(rig_where(g, child, h), in ? wanted : before[h]);
                if (in) {
                        assert_string_equal(rig_place(g, reply.previous[h], h), before[h]);
                        assert_int_equal(reply.origin[h], reply.previous[h]);
                } else
                        assert_int_equal(reply.previous[h], WIRE_NONE);
        }
        WireMoveReply again = move(g, child, web, web->hierarchies);
        assert_int_equal(again.code, WIRE_OK);
        assert_int_equal(again.moved, 0);
        for (unsigned h = 0; h < g->n_hierarchies; h++) {
                if (!(web->hierarchies & 1u << h))
                        continue;
                assert_int_equal(back(g, child, web, h, reply.origin[h]).code, WIRE_OK);
                assert_string_equal(rig_where(g, child, h), before[h]);
                assert_int_equal(back(g, child, web, h, reply.origin[h]).code, WIRE_STALE);
        }
        rig_kill(g, child);
        assert_int_equal(move(g, child, web, web->hierarchies).code, WIRE_GONE);
        rig_stop(g);
}

static void *stay(void *unused) {
        for (;;)
                pause();
        return NULL;
}

/* A process whose main thread has ended; the number of the one that goes on. */
static pid_t headless_child(Rig *g, pid_t *ret_thread) {
        pid_t pid = fork();
        char path[64];

        if (pid == 0) {
                pthread_t t;
                if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || pthread_create(&t, NULL, stay, NULL) != 0)
                        _exit(1);
                syscall(SYS_exit, 0);
        }
        rig_adopt(g, pid);
        while (!startswith(rig_status(pid, "State"), "Z"))
                usleep(1000);
        for (*ret_thread = pid + 1;; ++*ret_thread) {
                snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, *ret_thread);
                if (access(path, F_OK) == 0)
                        return pid;
        }
}

/* It is no zombie for that: its other threads are moved, looked at and protected as those of any process. */
static void test_main_thread_has_ended(void **state) {
        Rig *g = *state;
        char before[WIRE_HIERARCHIES_MAX][512], wanted[256];
        pid_t thread;

        rig_write_config(g, "", CLASSES);
        rig_start(g, NULL, false);
        pid_t child = headless_child(g, &thread);
        const WireClass *web = rig_class(g, "web"), *closed = rig_class(g, "closed");
        for (unsigned h = 0; h < g->n_hierarchies; h++)
                snprintf(before[h], sizeof(before[h]), "%s", rig_where(g, thread, h));

        assert_int_equal(move(g, child, closed, closed->hierarchies).code, WIRE_NOT_ALLOWED);
        WireMoveReply reply = move(g, child, web, web->hierarchies);
        assert_int_equal(reply.code, WIRE_OK);
        assert_int_equal(reply.moved, web->hierarchies);
        assert_int_equal(move(g, child, web, web->hierarchies).moved, 0);
        for (unsigned h = 0; h < g->n_hierarchies; h++) {
                if (!(web->hierarchies & 1u << h))
                        continue;
                snprintf(wanted, sizeof(wanted), "%s/web", g->hierarchies[h].root);
                assert_string_equal(rig_where(g, thread, h), wanted);
                assert_string_equal(rig_place(g, reply.origin[h], h), before[h]);
                assert_int_equal(back(g, child, web, h, reply.origin[h]).code, WIRE_OK);
                assert_string_equal(rig_where(g, thread, h), before[h]);
        }
        rig_kill(g, child);
        rig_stop(g);
}

/* The leaf, and a class that came from another class: both its last place and its origin are ways back. */
static void test_move_between_classes(void **state) {
        Rig *g = *state;
        char wanted[256], before[512];

        rig_write_config(g, "", CLASSES);
        rig_start(g, NULL, false);
        unsigned v2 = rig_hierarchy(g, "");
        const WireClass *plain = rig_class(g, "plain"), *tree = rig_class(g, "tree");
        pid_t child = rig_child(g);
        snprintf(before, sizeof(before), "%s", rig_where(g, child, v2));

        WireMoveReply first = move(g, child, plain, 1u << v2), second = move(g, child, tree, 1u << v2);
        assert_int_equal(second.code, WIRE_OK);
        snprintf(wanted, sizeof(wanted), "%s/tree/%s", g->root, tree->leaf);
        assert_string_equal(rig_where(g, child, v2), wanted);
        assert_int_equal(second.origin[v2], first.origin[v2]);
        snprintf(wanted, sizeof(wanted), "%s/plain", g->root);
        assert_string_equal(rig_place(g, second.previous[v2], v2), wanted);
        assert_int_equal(back(g, child, plain, v2, first.origin[v2]).code, WIRE_STALE);
        assert_int_equal(back(g, child, plain, v2, second.previous[v2]).code, WIRE_NOT_ALLOWED);
        assert_int_equal(back(g, child, tree, v2, first.origin[v2]).code, WIRE_OK);
        assert_string_equal(rig_where(g, child, v2), before);
        rig_kill(g, child);
        rig_stop(g);
}

static void test_origin_is_gone(void **state) {
        Rig *g = *state;
        char path[512];

        rig_write_config(g, "", "[Class plain]\n");
        rig_start(g, NULL, false);
        unsigned v2 = rig_hierarchy(g, "");
        const WireClass *plain = rig_class(g, "plain");
        pid_t child = rig_child(g);
        char text[16];
        snprintf(path, sizeof(path), "%s%s/elsewhere", g->hierarchies[v2].mount, g->root);
        assert_int_equal(mkdir(path, 0755), 0);
        char procs[600];
        snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
        int fd = open(procs, O_WRONLY | O_CLOEXEC);
        snprintf(text, sizeof(text), "%d", child);
        assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
        close(fd);

        WireMoveReply reply = move(g, child, plain, 1u << v2);
        assert_int_equal(reply.code, WIRE_OK);
        assert_int_equal(rmdir(path), 0);
        WireResult result = back(g, child, plain, v2, reply.previous[v2]);
        assert_int_equal(result.code, WIRE_PARENT);
        assert_string_equal(result.text, g->root);
        assert_string_equal(rig_where(g, child, v2), g->root);
        rig_kill(g, child);
        rig_stop(g);
}

/* Whoever is in class plain is protected. */
static Rig *start_with_protected_class(void **state) {
        Rig *g = *state;
        char config[256];

        snprintf(config, sizeof(config), "Protect=%s/plain\n", g->root);
        rig_write_config(g, config, CLASSES);
        rig_start(g, NULL, false);
        return g;
}

static WireCode try(Rig *g, pid_t pid, uint32_t class_index) {
        const WireMove m = { .pid = (uint32_t) pid, .class_index = class_index, .hierarchies = 1u << rig_hierarchy(g, ""), .flags = WIRE_MOVE_TRY };
        WireMoveReply reply;

        rig_ask(g, WIRE_MOVE, &m, &reply);
        assert_int_equal(reply.moved, 0);
        return reply.code;
}

/* What would be refused is said without anything being moved. */
static void test_tried(void **state) {
        Rig *g = start_with_protected_class(state);
        char before[256];
        unsigned v2 = rig_hierarchy(g, "");
        const WireClass *plain = rig_class(g, "plain"), *web = rig_class(g, "web");
        pid_t child = rig_child(g);

        snprintf(before, sizeof(before), "%s", rig_where(g, child, v2));
        assert_int_equal(try(g, 1, plain->index), WIRE_PROTECTED);
        assert_int_equal(try(g, 3, plain->index), WIRE_KERNEL_THREAD);
        assert_int_equal(try(g, child, rig_class(g, "closed")->index), WIRE_NOT_ALLOWED);
        assert_int_equal(try(g, child, rig_class(g, "users/%u")->index), WIRE_OK);
        assert_int_equal(try(g, child, WIRE_NONE), WIRE_OK);
        assert_int_equal(try(g, child, 4711), WIRE_NOT_ALLOWED);
        assert_int_equal(try(g, child, plain->index), WIRE_OK);
        assert_string_equal(rig_where(g, child, v2), before);
        assert_int_equal(move(g, child, plain, 1u << v2).code, WIRE_OK);
        assert_int_equal(try(g, child, web->index), WIRE_PROTECTED);
        assert_int_equal(try(g, child, WIRE_NONE), WIRE_PROTECTED);
        rig_kill(g, child);
        rig_stop(g);
}

static void test_protected(void **state) {
        Rig *g = start_with_protected_class(state);
        unsigned v2 = rig_hierarchy(g, "");
        const WireClass *plain = rig_class(g, "plain"), *web = rig_class(g, "web");
        pid_t child = rig_child(g);

        assert_int_equal(move(g, 0, plain, 1u << v2).code, WIRE_PROTECTED);
        assert_int_equal(move(g, 1, plain, 1u << v2).code, WIRE_PROTECTED);
        assert_int_equal(move(g, 2, plain, 1u << v2).code, WIRE_PROTECTED);
        assert_int_equal(move(g, 3, plain, 1u << v2).code, WIRE_KERNEL_THREAD);
        assert_int_equal(move(g, g->broker, plain, 1u << v2).code, WIRE_PROTECTED);
        assert_int_equal(move(g, child, rig_class(g, "closed"), 1u << v2).code, WIRE_NOT_ALLOWED);
        assert_int_equal(move(g, child, rig_class(g, "users/%u"), 1u << v2).code, WIRE_NOT_ALLOWED);
        assert_int_equal(move(g, child, plain, 0).code, WIRE_NOT_ALLOWED);
        assert_int_equal(move(g, child, plain, 1u << rig_hierarchy(g, "memory")).code, WIRE_NOT_ALLOWED);
        assert_int_equal(move(g, child, plain, 1u << v2).code, WIRE_OK);
        assert_int_equal(move(g, child, web, 1u << v2).code, WIRE_PROTECTED); /* it stands in a protected cgroup now */
        rig_kill(g, child);
        rig_stop(g);
}

static WireClass instance(Rig *g, const char *text) {
        WireInstance m = { .template_index = rig_class(g, "users/%u")->index };
        WireClass answer;

        snprintf(m.text, sizeof(m.text), "%s", text);
        rig_ask(g, WIRE_INSTANCE, &m, &answer);
        return answer;
}

static void test_instances(void **state) {
        static const char *const bad[] = { "", "..", ".hidden", "a/b", "a b", "tasks", "cgroup.procs", "+members", "%u" };
        Rig *g = *state;
        WireResult result;

        rig_write_config(g, "", CLASSES);
        rig_start(g, NULL, false);
        unsigned v2 = rig_hierarchy(g, ""), pids = rig_hierarchy(g, "pids");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(instance(g, bad[i]).code, WIRE_NOT_ALLOWED);

        WireClass alice = instance(g, "alice");
        assert_int_equal(alice.code, WIRE_OK);
        assert_string_equal(alice.name, "users/alice");
        assert_int_equal(alice.hierarchies, 1u << v2 | 1u << pids);
        assert_int_equal(instance(g, "alice").index, alice.index);
        assert_int_not_equal(instance(g, "bob").index, alice.index);
        assert_string_equal(rig_read(g, pids, "users/alice", "pids.max"), "20");

        pid_t child = rig_child(g);
        assert_int_equal(move(g, child, &alice, alice.hierarchies).code, WIRE_OK);
        const WireDropInstance drop = { .class_index = alice.index };
        rig_ask(g, WIRE_DROP_INSTANCE, &drop, &result);
        assert_int_equal(result.code, WIRE_STALE);
        assert_true(rig_exists(g, v2, "users/alice"));
        rig_kill(g, child);
        rig_ask(g, WIRE_DROP_INSTANCE, &drop, &result);
        assert_int_equal(result.code, WIRE_OK);
        assert_false(rig_exists(g, v2, "users/alice"));
        assert_false(rig_exists(g, pids, "users/alice"));
        rig_ask(g, WIRE_DROP_INSTANCE, &drop, &result);
        assert_int_equal(result.code, WIRE_NOT_ALLOWED);
        const WireDropInstance fixed = { .class_index = rig_class(g, "plain")->index };
        rig_ask(g, WIRE_DROP_INSTANCE, &fixed, &result);
        assert_int_equal(result.code, WIRE_NOT_ALLOWED);
        rig_stop(g);
}

static void remove_class_cgroup(Rig *g, unsigned hierarchy, const char *name) {
        char path[2 * WIRE_PATH_MAX];

        snprintf(path, sizeof(path), "%s%s/%s", g->hierarchies[hierarchy].mount, g->hierarchies[hierarchy].root, name);
        assert_int_equal(rmdir(path), 0);
}

static WireResult check(Rig *g, uint32_t class_index) {
        const WireCheckClass item = { .class_index = class_index };
        WireResult result;

        rig_ask(g, WIRE_CHECK_CLASS, &item, &result);
        return result;
}

static void test_removed_class_is_made_again(void **state) {
        Rig *g = *state;

        rig_write_config(g, "", CLASSES);
        rig_start(g, NULL, false);
        unsigned v2 = rig_hierarchy(g, ""), pids = rig_hierarchy(g, "pids");
        WireClass web = *rig_class(g, "web");

        assert_string_equal(check(g, web.index).text, "");
        assert_int_equal(check(g, rig_class(g, "users/%u")->index).code, WIRE_NOT_ALLOWED);
        assert_int_equal(check(g, 9999).code, WIRE_NOT_ALLOWED);
        remove_class_cgroup(g, v2, "web");
        remove_class_cgroup(g, pids, "web");
        WireResult found = check(g, web.index);
        assert_int_equal(found.code, WIRE_OK);
        assert_non_null(strstr(found.text, "was removed in"));
        assert_non_null(strstr(found.text, "cgroup2"));
        assert_string_equal(rig_read(g, pids, "web", "pids.max"), "50");
        /* Announced once more, before the answer, with the directory that it has now. */
        const WireClass *again = &g->classes[g->n_classes - 1];
        assert_string_equal(again->name, "web");
        assert_int_equal(again->index, web.index);
        assert_int_not_equal(again->inode[v2], web.inode[v2]);
        assert_string_equal(check(g, web.index).text, "");

        remove_class_cgroup(g, v2, "web");
        pid_t child = rig_child(g);
        assert_int_equal(move(g, child, &web, 1u << v2).code, WIRE_OK); /* who comes finds it made */
        assert_non_null(strstr(rig_where(g, child, v2), "/web"));
        rig_stop(g);
}

static void test_removed_class_is_only_reported(void **state) {
        Rig *g = *state;

        rig_write_config(g, "Sweep=report\n", CLASSES);
        rig_start(g, NULL, false);
        unsigned v2 = rig_hierarchy(g, "");
        WireClass plain = *rig_class(g, "plain");

        remove_class_cgroup(g, v2, "plain");
        assert_int_equal(check(g, plain.index).code, WIRE_CLASS_GONE);
        assert_int_equal(move(g, rig_child(g), &plain, 1u << v2).code, WIRE_CLASS_GONE);
        assert_false(rig_exists(g, v2, "plain"));
        rig_stop(g);
}

/* Sorting them takes more of libc than a few do. */
static void test_many_files(void **state) {
        Rig *g = *state;
        const WireReady nothing = {};
        WireResult r;

        rig_write_config(g, "", CLASSES);
        rig_start(g, NULL, false);
        for (unsigned i = 0; i < 200; i++) {
                char path[64], text[32];
                snprintf(path, sizeof(path), "%s/classes.d/more-%u.conf", g->dir, i);
                snprintf(text, sizeof(text), "[Class more-%u]\n", i);
                _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
                assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
        }
        assert_true(rig_try_ask(g, WIRE_CHECK_CONFIG, &nothing, &r));
        assert_int_equal(r.code, 1);
        rig_stop(g);
}

static WireClass add_class(Rig *g, const char *name, uint32_t hierarchies) {
        WireAddClass item = { .hierarchies = hierarchies };
        WireClass answer;

        memset(item.name, 'x', sizeof(item.name)); /* without a NUL if it is longer */
        memcpy(item.name, name, MIN(strlen(name) + 1, sizeof(item.name)));
        rig_ask(g, WIRE_ADD_CLASS, &item, &answer);
        return answer;
}

static WireResult remove_class(Rig *g, uint32_t class_index, uint32_t how) {
        const WireRemoveClass item = { .class_index = class_index, .how = how };
        WireResult result;

        rig_ask(g, WIRE_REMOVE_CLASS, &item, &result);
        return result;
}

static void test_runtime_classes(void **state) {
        static const char *const bad[] = { "", "runtime", "runtime/", "plain/x", "runtime/..", "runtime/../plain", "runtime/%u", "/runtime/x",
                                           "runtime/cgroup.procs", "runtime/+members", "runtime/a/b" };
        Rig *g = *state;
        char longest[WIRE_TEXT_MAX + 1];

        rig_write_config(g, "RuntimeClassesMax=2\n", CLASSES);
        rig_start(g, NULL, false);
        unsigned v2 = rig_hierarchy(g, ""), pids = rig_hierarchy(g, "pids");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(add_class(g, bad[i], 0).code, WIRE_NOT_ALLOWED);
        memset(longest, 'r', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = '\0';
        assert_int_equal(add_class(g, longest, 0).code, WIRE_NOT_ALLOWED);
        assert_int_equal(add_class(g, "runtime/far", UINT32_MAX).code, WIRE_FAILED); /* where root has none */

        WireClass a = add_class(g, "runtime/a", 1u << pids);
        assert_int_equal(a.code, WIRE_OK);
        assert_int_equal(a.hierarchies, 1u << v2 | 1u << pids);
        assert_int_equal(a.flags, WIRE_CLASS_RUNTIME);
        assert_int_equal(add_class(g, "runtime/a", 0).code, WIRE_NOT_ALLOWED);
        assert_int_equal(add_class(g, "runtime/b", 0).code, WIRE_OK);
        assert_int_equal(add_class(g, "runtime/c", 0).code, WIRE_LIMIT);
        assert_true(rig_exists(g, pids, "runtime/a"));

        pid_t child = rig_child(g), bystander = rig_child(g);
        assert_int_equal(move(g, child, &a, a.hierarchies).code, WIRE_OK);
        assert_int_equal(move(g, bystander, rig_class(g, "plain"), 1u << v2).code, WIRE_OK);
        assert_int_equal(remove_class(g, a.index, WIRE_REMOVE_EMPTY).code, WIRE_STALE);
        assert_int_equal(remove_class(g, a.index, 77).code, WIRE_NOT_ALLOWED);
        for (uint32_t how = WIRE_REMOVE_EMPTY; how <= WIRE_REMOVE_KILL; how++) {
                assert_int_equal(remove_class(g, rig_class(g, "plain")->index, how).code, WIRE_NOT_ALLOWED);
                assert_int_equal(remove_class(g, rig_class(g, "users/%u")->index, how).code, WIRE_NOT_ALLOWED);
                assert_int_equal(remove_class(g, 9999, how).code, WIRE_NOT_ALLOWED);
        }
        WireResult r = remove_class(g, a.index, WIRE_REMOVE_KILL);
        while (r.code == WIRE_STALE) /* until it is gone */
                r = remove_class(g, a.index, WIRE_REMOVE_KILL);
        assert_int_equal(r.code, WIRE_OK);
        assert_false(rig_exists(g, pids, "runtime/a"));
        assert_false(rig_exists(g, v2, "runtime/a"));
        assert_int_equal(kill(bystander, 0), 0);
        assert_non_null(strstr(rig_where(g, bystander, v2), "/plain"));
        rig_stop(g);
}

/* What was changed of a class goes with it: one that is made anew under its name does not get that at a restart. */
static void test_removed_class_was_tuned(void **state) {
        Rig *g = *state;
        WireTune m = { .count = 1, .settings = { { .property = CLASS_TASKS_MAX, .value = "3" } } };
        WireResult r;

        rig_write_config(g, "", CLASSES);
        rig_start(g, NULL, false);
        unsigned pids = rig_hierarchy(g, "pids");
        WireClass a = add_class(g, "runtime/a", 1u << pids);
        m.class_index = a.index;
        rig_ask(g, WIRE_TUNE, &m, &r);
        assert_int_equal(r.code, WIRE_OK);
        assert_string_equal(rig_read(g, pids, "runtime/a", "pids.max"), "3");
        assert_int_equal(remove_class(g, a.index, WIRE_REMOVE_EMPTY).code, WIRE_OK);
        assert_int_equal(add_class(g, "runtime/a", 1u << pids).code, WIRE_OK);
        assert_string_equal(rig_read(g, pids, "runtime/a", "pids.max"), "max");
        rig_stop(g);
        rig_start(g, NULL, false);
        assert_string_equal(rig_read(g, pids, "runtime/a", "pids.max"), "max");
        rig_stop(g);
}

static void put(const Rig *g, unsigned hierarchy, const char *below_root, pid_t pid) {
        char path[4096], text[16];

        snprintf(path, sizeof(path), "%s%s/%s/cgroup.procs", g->hierarchies[hierarchy].mount, g->hierarchies[hierarchy].root, below_root);
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
        snprintf(text, sizeof(text), "%d", pid);
        assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static pid_t child_of_user(Rig *g, uid_t uid) {
        pid_t pid = fork();

        if (pid == 0) {
                if (setuid(uid) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                        _exit(1);
                for (;;)
                        pause();
        }
        rig_adopt(g, pid);
        return pid;
}

/* Waits for it. */
static bool ends(pid_t pid) {
        siginfo_t info = {};

        return waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0 && info.si_status == SIGKILL;
}

static bool lives(pid_t pid) {
        siginfo_t info = {};

        return waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

/* Without cgroup2: one by one, in every hierarchy of the class, and never who is protected, however he came there. */
static void test_kill_one_by_one(void **state) {
        Rig *g = *state;
        char config[128];

        snprintf(config, sizeof(config), "Protect=%s/web\nProtectUsers=65533\n", g->root);
        rig_write_config(g, config, CLASSES);
        rig_start(g, "--without=cgroup2", false);
        unsigned member = __builtin_ctz(rig_class(g, "plain")->hierarchies); /* it is nowhere else */
        unsigned cpu = rig_hierarchy(g, "cpu"), memory = rig_hierarchy(g, "memory");
        assert_string_equal(rig_status(g->broker, "CapEff"), "0000000000800020"); /* CAP_SYS_NICE for web, CAP_KILL */

        WireClass a = add_class(g, "runtime/a", 1u << cpu);
        assert_int_equal(a.hierarchies, 1u << member | 1u << cpu);
        pid_t in = rig_child(g), in_one = rig_child(g), guarded = rig_child(g), of_user = child_of_user(g, 65533), beside = rig_child(g);
        assert_int_equal(move(g, in, &a, a.hierarchies).code, WIRE_OK);
        put(g, cpu, "runtime/a", in_one);
        put(g, cpu, "runtime/a", guarded);
        put(g, memory, "web", guarded);
        put(g, cpu, "runtime/a", of_user);
        put(g, cpu, "runtime/a", g->broker);
        assert_int_equal(move(g, beside, rig_class(g, "plain"), 1u << member).code, WIRE_OK);

        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(remove_class(g, a.index, WIRE_REMOVE_KILL).code, WIRE_STALE);
        assert_true(ends(in));
        assert_true(ends(in_one));
        assert_true(lives(guarded) && lives(of_user) && lives(beside));
        put(g, cpu, "", g->broker);
        put(g, cpu, "", of_user);
        put(g, memory, "", guarded);
        WireResult r = remove_class(g, a.index, WIRE_REMOVE_KILL);
        while (r.code == WIRE_STALE)
                r = remove_class(g, a.index, WIRE_REMOVE_KILL);
        assert_int_equal(r.code, WIRE_OK);
        assert_true(ends(guarded));
        assert_true(lives(beside) && lives(of_user));
        rig_stop(g);
}

/* A class that v1 has frozen, with cgroup2 and without. */
static void kill_frozen(void **state, const char *option) {
        Rig *g = *state;
        WireTune m = { .count = 1, .settings = { { .property = CLASS_FREEZE, .value = "yes" } } };
        WireResult r;

        rig_write_config(g, "", "[Class ice/%u]\nHierarchies=freezer\nTunable=Freeze\n");
        rig_start(g, option, false);
        const WireInstance x = { .template_index = rig_class(g, "ice/%u")->index, .text = "x" };
        WireClass c;
        rig_ask(g, WIRE_INSTANCE, &x, &c);
        assert_int_equal(c.code, WIRE_OK);
        pid_t child = rig_child(g);
        assert_int_equal(move(g, child, &c, c.hierarchies).code, WIRE_OK);
        m.class_index = c.index;
        rig_ask(g, WIRE_TUNE, &m, &r);
        assert_int_equal(r.code, WIRE_OK);
        assert_string_not_equal(rig_read(g, rig_hierarchy(g, "freezer"), "ice/x", "freezer.state"), "THAWED");
        r = remove_class(g, c.index, WIRE_REMOVE_KILL);
        alarm(20); /* one that does not end fails the test program */
        assert_true(ends(child));
        alarm(0);
        while (r.code == WIRE_STALE)
                r = remove_class(g, c.index, WIRE_REMOVE_KILL);
        assert_int_equal(r.code, WIRE_OK);
        rig_stop(g);
}

static void test_kill_frozen(void **state) {
        kill_frozen(state, NULL);
}

static void test_kill_frozen_one_by_one(void **state) {
        kill_frozen(state, "--without=cgroup2");
}

/* A restart finds members, instances and origins again, resets what is no longer set, and removes what is no class any more. */
static void test_restart(void **state) {
        Rig *g = *state;
        char before[512];

        rig_write_config(g, "", CLASSES);
        rig_start(g, NULL, false);
        unsigned v2 = rig_hierarchy(g, ""), pids = rig_hierarchy(g, "pids"), cpu = rig_hierarchy(g, "cpu");
        pid_t child = rig_child(g), other = rig_child(g);
        snprintf(before, sizeof(before), "%s", rig_where(g, child, v2));
        WireClass alice = instance(g, "alice");
        assert_int_equal(move(g, child, rig_class(g, "web"), rig_class(g, "web")->hierarchies).code, WIRE_OK);
        assert_int_equal(move(g, other, &alice, alice.hierarchies).code, WIRE_OK);
        rig_kill(g, other);
        rig_stop(g);

        rig_write_config(g, "", "[Class web]\nAllowedCPUs=0-1\n[Class users/%u]\nTasksMax=21\n");
        rig_start(g, NULL, false);
        assert_int_equal(g->n_members, 1);
        assert_int_equal(g->members[0].pid, child);
        assert_int_equal(g->members[0].cookie, 77);
        assert_string_equal(rig_place(g, g->members[0].origin[v2], v2), before);
        assert_int_equal(g->members[0].origin[rig_hierarchy(g, "cpuset")] == WIRE_NONE, false);
        assert_string_equal(rig_read(g, pids, "web", "pids.max"), "max");
        assert_string_equal(rig_read(g, cpu, "web", "cpu.shares"), "1024");
        assert_string_equal(rig_read(g, rig_hierarchy(g, "cpuset"), "web", "cpuset.cpus"), "0-1");
        assert_non_null(rig_class(g, "users/alice"));
        assert_int_equal(rig_class(g, "users/alice")->template_index, rig_class(g, "users/%u")->index);
        assert_string_equal(rig_read(g, pids, "users/alice", "pids.max"), "21");
        assert_false(rig_exists(g, v2, "plain"));
        assert_false(rig_exists(g, v2, "tree"));
        assert_int_equal(back(g, child, rig_class(g, "web"), v2, g->members[0].origin[v2]).code, WIRE_OK);
        assert_string_equal(rig_where(g, child, v2), before);
        rig_kill(g, child);
        rig_stop(g);
}

/* A class that gets children moves its members into the leaf. */
static void test_new_leaf_takes_the_members(void **state) {
        Rig *g = *state;
        char wanted[256];

        rig_write_config(g, "", "[Class tree]\n");
        rig_start(g, NULL, false);
        unsigned v2 = rig_hierarchy(g, "");
        pid_t child = rig_child(g);
        assert_int_equal(move(g, child, rig_class(g, "tree"), 1u << v2).code, WIRE_OK);
        rig_stop(g);
        rig_write_config(g, "", "[Class tree]\n[Class tree/leaf]\n");
        rig_start(g, NULL, false);
        snprintf(wanted, sizeof(wanted), "%s/tree/%s", g->root, rig_class(g, "tree")->leaf);
        assert_string_not_equal(rig_class(g, "tree")->leaf, "");
        assert_string_equal(rig_where(g, child, v2), wanted);
        rig_kill(g, child);
        rig_stop(g);
}

int main(int argc, char **argv) {
        rig_main(argc, argv);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_classes_are_real, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_inode_is_the_members_cgroup, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_move_and_return, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_main_thread_has_ended, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_move_between_classes, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_origin_is_gone, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_protected, rig_setup, rig_teardown), cmocka_unit_test_setup_teardown(test_tried, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_instances, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_many_files, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_runtime_classes, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_removed_class_was_tuned, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_kill_one_by_one, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_kill_frozen, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_kill_frozen_one_by_one, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_removed_class_is_made_again, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_removed_class_is_only_reported, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_restart, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_new_leaf_takes_the_members, rig_setup, rig_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
