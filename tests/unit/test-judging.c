/* What becomes of judgements and requests when things come in an order that they seldom come in. Processes and pidfds are real; the broker, NSS and the
 * reader of command lines are this test. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/channel.h"
#include "common/fd.h"
#include "daemon/cmdline-protocol.h"
#include "daemon/internal.h"
#include "daemon/mover.h"
#include "daemon/names-protocol.h"
#include "daemon/watcher.h"

#define HOME_PLACE 5

typedef struct World {
        Manager m;
        RuleBase rules;
        Options options;
        char state[40];
        int broker, names, lines; /* the other ends */
        pid_t child;
} World;

static int on_announced(unsigned op, const void *item, void *userdata) {
        return 0;
}

static void on_hello(const WireHelloReply *reply, int exe_fd, void *userdata) {
}

static void on_gone(int error, void *userdata) {
        fail();
}

static void on_names(void *userdata) {
}

static void on_line(pid_t pid, uint64_t event_ns, void *userdata) {
        classifier_line_known(userdata, pid, event_ns);
}

static void on_lines_gone(void *userdata) {
        fail();
}

static void classes_are(World *w) {
        static const char *const controllers[] = { "cpu", "memory" };
        const WireClass web = { .template_index = WIRE_NONE, .hierarchies = 3, .name = "web" };
        const WireClass other = { .index = 1, .template_index = WIRE_NONE, .hierarchies = 3, .name = "other" };

        assert_int_equal(classes_init(&w->m.classes), 0);
        for (uint32_t i = 0; i < 2; i++) {
                WireHierarchy h = { .index = i, .version = 1, .flags = i ? 0 : WIRE_HIERARCHY_MEMBERSHIP, .mount = "/nowhere", .root = "/pclass" };
                const WireOrigin home = { .hierarchy = i, .place = HOME_PLACE + i, .path = "/home" };
                strcpy(h.controllers, controllers[i]);
                assert_int_equal(classes_add_hierarchy(&w->m.classes, &h), 0);
                assert_int_equal(classes_add_place(&w->m.classes, &home), 0);
        }
        assert_int_equal(classes_add_class(&w->m.classes, &web, NULL), 0);
        assert_int_equal(classes_add_class(&w->m.classes, &other, NULL), 0);
}

static void names_are(World *w) {
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        w->names = pair[1];
        assert_int_equal(names_new_at(w->m.event, pair[0], w->state, on_names, &w->m, &w->m.names), 0);
}

static void lines_are(World *w) {
        static const CmdLineClientOps ops = { .answered = on_line, .gone = on_lines_gone };
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        w->lines = pair[1];
        assert_int_equal(cmdlineclient_new(w->m.event, pair[0], &ops, &w->m, &w->m.lines), 0);
        w->m.reader.lines_elsewhere = true;
}

static int setup(void **state) {
        static const BrokerOps ops = { on_announced, on_hello, on_gone };
        World *w = calloc(1, sizeof(*w));
        int channel[2];

        *w = (World) { .m = { .marks.fd = -EBADF, .exe.fd = -EBADF, .mode = MODE_ENFORCE, .moves_max = 16, .ready = true } };
        w->m.options = &w->options;
        strcpy(w->state, "/tmp/pclass-test-state-XXXXXX");
        if (watchers_init() < 0 || !mkdtemp(w->state) || channel_pair(4, channel) < 0 || sd_event_new(&w->m.event) < 0)
                return -1;
        w->options.state_dir = w->state;
        w->broker = channel[1];
        assert_int_equal(proc_reader_init(&w->m.reader, NULL), 0);
        assert_int_equal(cgroup_ids_init(&w->m.cgroup_ids), 0);
        assert_int_equal(proctable_new(&w->m.table), 0);
        assert_int_equal(store_open(w->state, &w->m.store), 0);
        assert_int_equal(assign_init(&w->m), 0);
        assert_int_equal(classifier_new(&w->m, &w->m.classifier), 0);
        assert_true(scan_init(&w->m) >= 0);
        assert_true(settle_init(&w->m) >= 0);
        assert_true(instances_init(&w->m) >= 0);
        assert_true(emptiness_init(&w->m) >= 0);
        assert_true(cgred_init(&w->m, -EBADF) >= 0);
        assert_int_equal(brokerclient_new(w->m.event, channel[0], &ops, &w->m, &w->m.broker), 0);
        names_are(w);
        lines_are(w);
        classes_are(w);
        w->child = fork();
        if (w->child == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                pause();
                _exit(0);
        }
        assert_true(w->child > 0);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        static const char *const files[] = { "rules", "rules.previous", "disabled", "assignments", "marks", "x.rules" };
        World *w = *state;
        char path[80];

        kill(w->child, SIGKILL);
        waitpid(w->child, NULL, 0);
        settle_done(&w->m);
        refusals_done(&w->m);
        brokerclient_free(w->m.broker);
        class_edits_done(&w->m);
        cgred_done(&w->m);
        instances_done(&w->m);
        emptiness_done(&w->m);
        scan_done(&w->m);
        classifier_free(w->m.classifier);
        assign_done(&w->m);
        proctable_free(w->m.table);
        origin_unref(w->m.usual_origin);
        waiters_done(&w->m.home);
        if (w->m.rules == &w->rules) {
                uint64_t *count;
                for (size_t i = 0; w->rules.matches && (count = map_next_u64(w->rules.matches, &i, NULL));)
                        free(count);
                map_free(w->rules.matches);
                match_cache_free(w->rules.cache);
                ruleset_free(w->rules.current);
        } else
                rulebase_free(w->m.rules);
        names_free(w->m.names);
        cmdlineclient_free(w->m.lines);
        marks_done(&w->m);
        store_free(w->m.store);
        classes_done(&w->m.classes);
        cgroup_ids_done(&w->m.cgroup_ids);
        proc_reader_done(&w->m.reader);
        sd_event_unref(w->m.event);
        close(w->broker);
        close(w->names);
        close(w->lines);
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                snprintf(path, sizeof(path), "%s/%s", w->state, files[i]);
                (void) unlink(path);
        }
        assert_int_equal(rmdir(w->state), 0);
        free(w);
        return 0;
}

static void rules_are(World *w, const char *text) {
        TextError err = {};

        w->m.rules = &w->rules;
        w->rules.m = &w->m;
        assert_int_equal(ruleset_new(&w->rules.current), 0);
        assert_true(ruleset_add_text(w->rules.current, text, strlen(text), "t", &err) >= 0);
        assert_int_equal(ruleset_compile(w->rules.current, &(RulesetEnv) {}), 0);
        assert_int_equal(match_cache_new(&w->rules.cache), 0);
        assert_int_equal(map_new_u64(&w->rules.matches), 0);
}

/* The entry of the child, as a pass would have made it. */
static Process *entry(World *w) {
        ProcInfo info;
        Process *p;

        procinfo_init(&info);
        assert_int_equal(procinfo_open(&w->m.reader, w->child, &info), 0);
        assert_int_equal(proctable_make(w->m.table, w->child, info.cookie, &p), 0);
        procinfo_close(&info);
        return p;
}


/* ---- sticky --------------------------------------------------------------------------------------------------------- */

/* The rule that placed it was written anew before the service was started again, and asks for more now. Whether it matches does not hang on that. */
static void a_sticky_rule_that_asks_for_more_now(void **state) {
        World *w = *state;
        Process *p;

        rules_are(w, "job: uid=4294967294 parent-class=x => web sticky\n");
        p = entry(w);
        process_set_rule(p, ruleset_get(w->rules.current, 0)->rule);
        p->sticky = true;
        p->wanted = 1;
        assert_int_equal(classifier_judge(&w->m, w->child, 0), JUDGE_MOVING);
        assert_string_equal(p->born, "");
}


/* ---- explain -------------------------------------------------------------------------------------------------------- */

/* What the reader of command lines is asked for, and its answer. */
static void line_is(World *w, const char *text, size_t n) {
        CmdLineReply a = { .n = n };
        CmdLineRequest q;

        assert_int_equal(recv(w->lines, &q, sizeof(q), MSG_DONTWAIT), sizeof(q));
        assert_int_equal(q.pid, w->child);
        a.seq = q.seq;
        memcpy(a.text, text, n);
        assert_int_equal(send(w->lines, &a, sizeof(a), MSG_DONTWAIT), sizeof(a));
}

/* Somebody asks about a process in the moment in which its command line comes. That it waits for is judged then, and forgotten, as no rule matches. */
static void an_explanation_while_the_line_comes(void **state) {
        World *w = *state;
        Explanation *x;

        rules_are(w, "r: arg0=never => web\n");
        assert_int_equal(classifier_judge(&w->m, w->child, now_ns()), JUDGE_WAITING);
        assert_non_null(proctable_get(w->m.table, w->child));
        line_is(w, "other", sizeof("other"));
        assert_int_equal(manager_explain(&w->m, w->child, "", &x), 0);
        assert_null(proctable_get(w->m.table, w->child));
        assert_null(x->origin);
        assert_int_equal(x->move_usec, 0);
        explanation_free(x);
}

/* ---- assignments ------------------------------------------------------------------------------------------------------ */

static void on_assigned(int error, bool settle, const TextError *err, void *userdata) {
        fail();
}

/* Somebody assigns a process anew, and the time of its earlier assignment is over before the broker has answered: nobody holds to that one any more, but
 * it would be put back if the new one failed. */
static void the_time_of_one_that_is_being_replaced_is_over(void **state) {
        const AssignRequest request = { .cookie = "", .class_name = "other", .for_usec = UINT64_MAX };
        Order earlier = { .authority = ASSIGN_BY_ROOT, .class_name = "web", .deadline_usec = boottime_usec() + 1 }, *order;
        AssignRequest q = request;
        World *w = *state;
        Assigned *replaced;
        TextError err = {};

        rules_are(w, "r: comm=never => web\n");
        q.pid = w->child;
        assert_int_equal(assignments_add(&w->m.assign.table, &earlier, w->child, entry(w)->cookie, now_ns(), &replaced, &order), 0);
        assert_int_equal(manager_assign(&w->m, &q, on_assigned, NULL, &err), 0);
        assert_int_equal(w->m.assign.n_waits, 1);
        assert_non_null(map_get_u64(w->m.assign.table.orders, 1));
        assign_set_deadline(&w->m);
        alarm(10); /* it went round for ever */
        while (map_get_u64(w->m.assign.table.orders, 1))
                assert_true(sd_event_run(w->m.event, 100000) >= 0);
        alarm(0);
        assert_int_equal(w->m.assign.n_waits, 1);
        assert_int_equal(assignments_get(&w->m.assign.table, w->child)->order->id, 2);
}

#define PARENT 4000000 /* a number that nobody has here: kernels give smaller ones */

/* With the queue behind, a pass looks at a child before its fork is told of. The order is until the next exec, so the pass did not dare to say that it holds. */
static void a_child_of_a_tree_that_was_seen_before_its_fork(void **state) {
        const Order tree = { .authority = ASSIGN_BY_ROOT, .class_name = "web", .tree = true, .until_exec = true };
        ProcEvent e = { .kind = EVENT_FORK, .parent = PARENT, .time_ns = now_ns() };
        World *w = *state;
        Assigned *replaced;
        Process *parent, *p;
        Order *order;

        rules_are(w, "r: uid=0-4294967295 => other\n");
        e.pid = e.thread = w->child;
        assert_int_equal(proctable_make(w->m.table, PARENT, 77, &parent), 0);
        assert_int_equal(assignments_add(&w->m.assign.table, &tree, PARENT, 77, 1, &replaced, &order), 0);
        parent->assigned = 3;
        parent->looked_ns = parent->placed_ns = 1;
        p = entry(w);
        p->looked_ns = now_ns();
        watchers_dispatch(&w->m, &e);
        assert_non_null(assignments_get(&w->m.assign.table, w->child));
        assert_ptr_equal(assignments_get(&w->m.assign.table, w->child)->order, order);
        assert_int_equal(p->assigned, 3);
        assert_int_equal(p->pending, 1); /* on its way there */
}

/* ---- plans ------------------------------------------------------------------------------------------------------------ */

/* Two ask for plans at the same time, so the broker is asked twice about the same process. */
static void two_plans_at_once(void **state) {
        World *w = *state;

        refusals_begin(&w->m);
        assert_int_equal(refusals_ask(&w->m, w->child, 77, 0), 1);
        refusals_begin(&w->m);
        assert_int_equal(refusals_ask(&w->m, w->child, 77, 0), 0);
        assert_int_equal(refusals_ask(&w->m, w->child, 77, 1), 1);
        assert_int_equal(w->m.refusals.n, 2);
        w->m.refusals.items[0].code = WIRE_PROTECTED;
        assert_int_equal(refusals_get(&w->m, w->child, 77, 0), WIRE_PROTECTED);
        assert_int_equal(refusals_get(&w->m, w->child, 77, 1), WIRE_OK);
        assert_int_equal(refusals_get(&w->m, w->child, 78, 0), WIRE_OK);
}

/* ---- rules ------------------------------------------------------------------------------------------------------------ */

static void file_is(World *w, const char *text) {
        char path[80];

        snprintf(path, sizeof(path), "%s/x.rules", w->state);
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static void rulebase_is(World *w, const char *file) {
        static char *dirs[2];
        TextError err = {};

        dirs[0] = w->state;
        w->options.rule_dirs = dirs;
        w->m.ready = false; /* nobody is looked at for it */
        file_is(w, file);
        assert_int_equal(rulebase_new(&w->m, &w->m.rules), 0);
        assert_int_equal(rulebase_load(w->m.rules, &err), 0);
}

static int add(World *w, const char *text, const char *before, const char *after, bool replace) {
        const RuleAddOptions o = { before, after, replace };
        TextError err = {};
        uint64_t id;

        return manager_rule_add(&w->m, text, &o, &id, &err);
}

static void a_rule_that_gets_another_neighbour(void **state) {
        World *w = *state;

        rulebase_is(w, "a: uid=1 => web\n");
        assert_int_equal(add(w, "b: uid=2 => web", "a", NULL, false), 0);
        assert_int_equal(ruleset_find(w->m.rules->current, "b")->position, 0);
        assert_int_equal(add(w, "b: uid=3 => web", NULL, "a", true), 0);
        assert_int_equal(ruleset_find(w->m.rules->current, "b")->position, 1);
        assert_int_equal(add(w, "b: uid=4 => web", NULL, NULL, true), 0);
        assert_int_equal(ruleset_find(w->m.rules->current, "b")->position, 1);
}

static void a_rule_next_to_itself(void **state) {
        World *w = *state;

        rulebase_is(w, "a: uid=1 => web\n");
        assert_int_equal(add(w, "b: uid=2 => web", NULL, NULL, false), 0);
        assert_int_equal(add(w, "b: uid=2 => web", "b", NULL, true), -EINVAL);
        assert_int_equal(add(w, "b: uid=2 => web", NULL, "b", true), -EINVAL);
}

static void on_loaded(int r, const TextError *err, void *userdata) {
        *(int *) userdata = r;
}

/* A class is made while rule files are read that turn out to be wrong. */
static void what_came_during_a_load_that_fails(void **state) {
        const WireClass late = { .index = 2, .template_index = WIRE_NONE, .hierarchies = 1, .name = "late" };
        World *w = *state;
        int result = 1;

        rulebase_is(w, "r: uid=1 => late\n");
        assert_false(ruleset_get(w->m.rules->current, 0)->active);
        file_is(w, "r uid=1 => late\n");
        assert_int_equal(ruleload_files(w->m.rules, on_loaded, &result), 0);
        assert_int_equal(classes_add_class(&w->m.classes, &late, NULL), 0);
        assert_int_equal(ruleload_again(w->m.rules), 0);
        while (ruleload_under_way(w->m.rules))
                assert_true(sd_event_run(w->m.event, 1000000) >= 0);
        assert_int_equal(result, -EINVAL);
        assert_true(ruleset_get(w->m.rules->current, 0)->active);
}

/* ---- returns ---------------------------------------------------------------------------------------------------------- */

static void is_at(World *w, const char *cpu, const char *memory) {
        char name[80], text[128];

        snprintf(name, sizeof(name), "%s/%d", w->state, (int) w->child);
        (void) mkdir(name, 0755);
        snprintf(name, sizeof(name), "%s/%d/cgroup", w->state, (int) w->child);
        int n = snprintf(text, sizeof(text), "1:cpu:%s\n2:memory:%s\n", cpu, memory);
        _cleanup_close_ int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, text, (size_t) n), 0);
}

static void is_nowhere(World *w) {
        char name[80];

        snprintf(name, sizeof(name), "%s/%d/cgroup", w->state, (int) w->child);
        (void) unlink(name);
        snprintf(name, sizeof(name), "%s/%d", w->state, (int) w->child);
        (void) rmdir(name);
}

static void a_return_is_answered(World *w) {
        const WireResult ok = { .code = WIRE_OK };
        _Alignas(8) char buf[WIRE_SIZE_MAX];
        const WireHeader *h;
        const void *items;

        assert_int_equal(brokerclient_flush(w->m.broker), 0);
        assert_true(channel_receive(w->broker, buf, &h, &items, NULL, NULL) > 0);
        assert_int_equal(h->op, WIRE_RETURN);
        assert_int_equal(h->count, 1);
        assert_int_equal(channel_send(w->broker, WIRE_RETURN | WIRE_REPLY, h->seq, &ok, 1, NULL, 0), 0);
        assert_true(sd_event_run(w->m.event, 1000000) > 0);
        assert_int_equal(w->m.moves_under_way, 0);
}

/* Its rule is gone. On one hierarchy it is brought home, on the other one that could not be asked for now. */
static void who_is_half_way_home_is_not_forgotten(void **state) {
        World *w = *state;
        Process *p;

        rules_are(w, "r: comm=never => other\n");
        w->m.reader.proc = (fd_close(w->m.reader.proc), open(w->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        w->m.moves_max = 1;
        w->m.ready = false; /* this test is the pass that follows */
        is_at(w, "/pclass/web", "/pclass/web");
        p = entry(w);
        assert_int_equal(origin_new(&p->origin), 0);
        p->origin->place[0] = HOME_PLACE;
        p->origin->place[1] = HOME_PLACE + 1;
        p->wanted = 3;
        p->inherited = true;
        assert_int_equal(classifier_judge(&w->m, w->child, 0), JUDGE_MOVING);
        assert_int_equal(w->m.stats.shortages, 1);
        a_return_is_answered(w);
        is_at(w, "/home", "/pclass/web");
        classifier_caught_up(&w->m, now_ns() + 1);
        assert_non_null(proctable_get(w->m.table, w->child));
        assert_int_equal(classifier_judge(&w->m, w->child, 0), JUDGE_MOVING);
        a_return_is_answered(w);
        is_at(w, "/home", "/home");
        classifier_caught_up(&w->m, now_ns() + 1);
        assert_null(proctable_get(w->m.table, w->child));
        is_nowhere(w);
}

/* ---- passes ----------------------------------------------------------------------------------------------------------- */

/* A pass that could look at nobody for want of descriptors does not say that they are gone. */
static void who_cannot_be_looked_at_is_not_forgotten(void **state) {
        const Order by_hand = { .authority = ASSIGN_BY_ROOT, .class_name = "web" };
        struct rlimit before, none;
        World *w = *state;
        Assigned *replaced;
        Order *order;
        Process *p;

        rules_are(w, "r: comm=never => web\n");
        p = entry(w);
        assert_int_equal(assignments_add(&w->m.assign.table, &by_hand, w->child, p->cookie, 1, &replaced, &order), 0);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = (struct rlimit) { 0, before.rlim_max };
        assert_int_equal(map_new_u64(&w->m.members), 0); /* from before a restart */
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        scan_request(&w->m);
        for (int i = 0; i < 20 && w->m.scan.running; i++)
                assert_true(sd_event_run(w->m.event, 10000) >= 0);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_false(w->m.scan.running);
        assert_non_null(proctable_get(w->m.table, w->child));
        assert_non_null(assignments_get(&w->m.assign.table, w->child));
        assert_non_null(w->m.members);
        assert_false(w->m.scan.last.converged);
}

/* ---- classes ---------------------------------------------------------------------------------------------------------- */

static void on_class_done(int error, const char *text, void *userdata) {
        *(int *) userdata = error;
}

/* Its members are not all gone yet, and when the broker is to be asked again it has more to do than there may be. */
static void a_removal_that_cannot_be_asked_for_again(void **state) {
        const WireResult stale = { .code = WIRE_STALE };
        _Alignas(8) char buf[WIRE_SIZE_MAX];
        const WirePing ping = {};
        const WireHeader *h;
        const void *items;
        World *w = *state;
        int result = 1;

        rules_are(w, "r: comm=never => web\n");
        assert_int_equal(manager_class_remove(&w->m, "web", CLASS_REMOVE_DRAIN, on_class_done, &result), 0);
        assert_int_equal(brokerclient_flush(w->m.broker), 0);
        assert_true(channel_receive(w->broker, buf, &h, &items, NULL, NULL) > 0);
        assert_int_equal(channel_send(w->broker, WIRE_REMOVE_CLASS | WIRE_REPLY, h->seq, &stale, 1, NULL, 0), 0);
        assert_true(sd_event_run(w->m.event, 1000000) > 0);
        assert_int_equal(result, 1);
        while (brokerclient_submit(w->m.broker, WIRE_PING, &ping, NULL, NULL) >= 0)
                ;
        for (int i = 0; i < 50 && result == 1; i++)
                assert_true(sd_event_run(w->m.event, 10000) >= 0);
        assert_int_equal(result, -ENOBUFS);
        assert_false(classes_find(&w->m.classes, "web")->dropping);
}

/* Whether anybody is in it is not known while it cannot be read: it does not count as empty, and is looked at again without anybody asking. */
static void a_class_that_cannot_be_read_is_not_empty(void **state) {
        struct rlimit before, none;
        World *w = *state;
        char dir[80], procs[96];
        const Class *web = classes_find(&w->m.classes, "web");

        snprintf(w->m.classes.hierarchies[0].mount, WIRE_PATH_MAX, "%s", w->state);
        snprintf(dir, sizeof(dir), "%s/pclass", w->state);
        assert_int_equal(mkdir(dir, 0755), 0);
        strcat(dir, "/web");
        assert_int_equal(mkdir(dir, 0755), 0);
        snprintf(procs, sizeof(procs), "%s/cgroup.procs", dir);
        close(open(procs, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        assert_int_equal(emptiness_add(&w->m, web), 0);
        assert_true(emptiness_is_empty(&w->m, web));

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = (struct rlimit) { 0, before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        emptiness_look(&w->m, web);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_false(emptiness_is_empty(&w->m, web));
        for (int i = 0; i < 300 && !emptiness_is_empty(&w->m, web); i++)
                assert_true(sd_event_run(w->m.event, 10000) >= 0);
        assert_true(emptiness_is_empty(&w->m, web));

        assert_int_equal(unlink(procs), 0);
        assert_int_equal(rmdir(dir), 0);
        *strrchr(dir, '/') = '\0';
        assert_int_equal(rmdir(dir), 0);
}

/* ---- starting anew ---------------------------------------------------------------------------------------------------- */

/* The broker has more to do than there may be when it is to be asked, and works off all of it later. */
static void a_restart_that_cannot_be_asked_for_at_once(void **state) {
        const WireResult pongs[WIRE_BATCH_MAX] = {};
        _Alignas(8) char buf[WIRE_SIZE_MAX];
        const WirePing ping = {};
        const WireHeader *h;
        const void *items;
        World *w = *state;

        assert_true(restart_init(&w->m) >= 0);
        manager_restart_soon(&w->m);
        while (brokerclient_submit(w->m.broker, WIRE_PING, &ping, NULL, NULL) >= 0)
                ;
        for (uint64_t until = now_ns() + 2 * RELOAD_RESTART_USEC * 1000; now_ns() < until;)
                assert_true(sd_event_run(w->m.event, 10000) >= 0);
        alarm(10); /* it was asked for once and never again */
        for (;;) {
                assert_true(sd_event_run(w->m.event, 10000) >= 0);
                if (channel_receive(w->broker, buf, &h, &items, NULL, NULL) < 0)
                        continue;
                if (h->op == WIRE_RESTART)
                        break;
                assert_int_equal(h->op, WIRE_PING);
                assert_int_equal(channel_send(w->broker, WIRE_PING | WIRE_REPLY, h->seq, pongs, h->count, NULL, 0), 0);
        }
        alarm(0);
        sd_event_source_unref(w->m.restart);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_sticky_rule_that_asks_for_more_now),
                TEST(an_explanation_while_the_line_comes),
                TEST(the_time_of_one_that_is_being_replaced_is_over),
                TEST(a_child_of_a_tree_that_was_seen_before_its_fork),
                TEST(two_plans_at_once),
                TEST(a_rule_that_gets_another_neighbour),
                TEST(a_rule_next_to_itself),
                TEST(what_came_during_a_load_that_fails),
                TEST(who_is_half_way_home_is_not_forgotten),
                TEST(who_cannot_be_looked_at_is_not_forgotten),
                TEST(a_removal_that_cannot_be_asked_for_again),
                TEST(a_class_that_cannot_be_read_is_not_empty),
                TEST(a_restart_that_cannot_be_asked_for_at_once),
        };
        mallopt(M_PERTURB, 0x5a); /* what was let go of looks like it */
        return cmocka_run_group_tests(tests, NULL, NULL);
}
