/* Forks that fall into what happens to the parent: told of after all is over (the child was born where its parent was, then who forked was interrupted, the
 * parent was moved and that was answered, and only then came the event), or while it waits. Child and pidfd are real; where the child is, and the
 * broker, this test plays. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/channel.h"
#include "common/fd.h"
#include "daemon/internal.h"
#include "daemon/watcher.h"

#define PARENT 4000000 /* a number that nobody has here: kernels give smaller ones */
#define HOME_PLACE 5

typedef struct World {
        Manager m;
        RuleBase rules;
        int broker; /* its end of the channel */
        char proc[32];
        pid_t child;
        Process *parent;
} World;

static int on_announced(unsigned op, const void *item, void *userdata) {
        return 0;
}

static void on_hello(const WireHelloReply *reply, int exe_fd, void *userdata) {
}

static void on_gone(int error, void *userdata) {
        fail();
}

/* What /proc says about where the child is. */
static void is_at(World *w, const char *path) {
        char name[64], text[128];

        snprintf(name, sizeof(name), "%s/%d/cgroup", w->proc, (int) w->child);
        int n = snprintf(text, sizeof(text), "0::%s\n", path);
        _cleanup_close_ int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, text, (size_t) n), 0);
}

/* The child, and its /proc. */
static void child_at(World *w, const char *path) {
        char name[64];

        w->child = fork();
        if (w->child == 0) {
                pause();
                _exit(0);
        }
        assert_true(w->child > 0);
        snprintf(name, sizeof(name), "%s/%d", w->proc, (int) w->child);
        assert_int_equal(mkdir(name, 0755), 0);
        is_at(w, path);
}

static void rules_are(World *w, const char *text) {
        TextError err = {};

        w->m.rules = &w->rules;
        assert_int_equal(ruleset_new(&w->rules.current), 0);
        assert_true(ruleset_add_text(w->rules.current, text, strlen(text), "t", &err) >= 0);
        assert_int_equal(ruleset_compile(w->rules.current, &(RulesetEnv) {}), 0);
        assert_int_equal(match_cache_new(&w->rules.cache), 0);
}

static void classes_are(World *w) {
        const WireHierarchy h = { .version = 2, .flags = WIRE_HIERARCHY_MEMBERSHIP, .mount = "/nowhere", .root = "/pclass" };
        const WireClass web = { .template_index = WIRE_NONE, .hierarchies = 1, .name = "web" };
        const WireOrigin home = { .place = HOME_PLACE, .path = "/home" };

        assert_int_equal(classes_init(&w->m.classes), 0);
        assert_int_equal(classes_add_hierarchy(&w->m.classes, &h), 0);
        assert_int_equal(classes_add_class(&w->m.classes, &web, NULL), 0);
        assert_int_equal(classes_add_place(&w->m.classes, &home), 0);
}

/* A member of the class, who came from home and was looked at long ago. */
static void parent_in_class(World *w) {
        assert_int_equal(proctable_make(w->m.table, PARENT, 77, &w->parent), 0);
        assert_int_equal(origin_new(&w->parent->origin), 0);
        w->parent->origin->place[0] = HOME_PLACE;
        w->parent->inherited = true;
        w->parent->wanted = 1;
        w->parent->looked_ns = 1;
}

static int setup(void **state) {
        static const Options options;
        static const BrokerOps ops = { on_announced, on_hello, on_gone };
        World *w = calloc(1, sizeof(*w));
        int channel[2];

        *w = (World) { .m = { .marks.fd = -EBADF, .exe.fd = -EBADF, .options = &options, .mode = MODE_ENFORCE, .moves_max = 16, .ready = true } };
        strcpy(w->proc, "/tmp/pclass-test-proc-XXXXXX");
        if (watchers_init() < 0 || !mkdtemp(w->proc) || channel_pair(4, channel) < 0 || sd_event_new(&w->m.event) < 0)
                return -1;
        w->broker = channel[1];
        assert_int_equal(proc_reader_init(&w->m.reader, NULL), 0);
        fd_close(w->m.reader.proc);
        w->m.reader.proc = open(w->proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(cgroup_ids_init(&w->m.cgroup_ids), 0);
        assert_int_equal(proctable_new(&w->m.table), 0);
        assert_int_equal(assign_init(&w->m), 0);
        assert_int_equal(classifier_new(&w->m, &w->m.classifier), 0);
        assert_true(scan_init(&w->m) >= 0);
        assert_true(instances_init(&w->m) >= 0);
        assert_true(cgred_init(&w->m, -EBADF) >= 0);
        assert_int_equal(brokerclient_new(w->m.event, channel[0], &ops, &w->m, &w->m.broker), 0);
        classes_are(w);
        parent_in_class(w);
        *state = w;
        return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static int teardown(void **state) {
        World *w = *state;

        if (w->child > 0) {
                kill(w->child, SIGKILL);
                waitpid(w->child, NULL, 0);
        }
        brokerclient_free(w->m.broker);
        cgred_done(&w->m);
        instances_done(&w->m);
        scan_done(&w->m);
        classifier_free(w->m.classifier);
        assign_done(&w->m);
        proctable_free(w->m.table);
        origin_unref(w->m.usual_origin);
        waiters_done(&w->m.home);
        classes_done(&w->m.classes);
        cgroup_ids_done(&w->m.cgroup_ids);
        proc_reader_done(&w->m.reader);
        match_cache_free(w->rules.cache);
        ruleset_free(w->rules.current);
        sd_event_unref(w->m.event);
        close(w->broker);
        (void) nftw(w->proc, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        free(w);
        return 0;
}

static void fork_told_at(World *w, uint64_t ns) {
        const ProcEvent e = { .kind = EVENT_FORK, .pid = w->child, .thread = w->child, .parent = PARENT, .time_ns = ns };

        watchers_dispatch(&w->m, &e);
        assert_int_equal(brokerclient_flush(w->m.broker), 0);
}

/* What the broker was asked for about the child; 0 = nothing. */
static unsigned asked(World *w) {
        _Alignas(8) char buf[WIRE_SIZE_MAX];
        const WireHeader *h;
        const void *items;
        ssize_t n = channel_receive(w->broker, buf, &h, &items, NULL, NULL);

        if (n == -EAGAIN)
                return 0;
        assert_true(n > 0);
        assert_int_equal(h->count, 1);
        assert_int_equal(*(const uint32_t *) items, w->child); /* both requests begin with it */
        if (h->op == WIRE_RETURN)
                assert_int_equal(((const WireReturn *) items)->place, HOME_PLACE);
        return h->op;
}

static void a_child_left_behind_follows_its_parent(void **state) {
        World *w = *state;

        rules_are(w, "r: comm=never => web\n");
        w->parent->placed_ns = now_ns();
        child_at(w, "/home");
        fork_told_at(w, w->parent->placed_ns + EVENT_SLACK_NS / 2);
        assert_int_equal(asked(w), WIRE_MOVE);
}

static void a_child_that_is_there_is_left_alone(void **state) {
        World *w = *state;

        rules_are(w, "r: comm=never => web\n");
        w->parent->placed_ns = now_ns();
        child_at(w, "/pclass/web");
        fork_told_at(w, w->parent->placed_ns + EVENT_SLACK_NS / 2);
        assert_int_equal(asked(w), 0);
        assert_int_equal(w->m.stats.children_checked, 1);
}

/* Nobody is looked at whose parent has been there for a while. */
static void later_children_cost_nothing(void **state) {
        World *w = *state;

        rules_are(w, "r: comm=never => web\n");
        w->parent->placed_ns = now_ns();
        child_at(w, "/home");
        fork_told_at(w, w->parent->placed_ns + EVENT_SLACK_NS + 1);
        assert_int_equal(asked(w), 0);
        assert_int_equal(w->m.stats.children_checked, 0);
}

/* The rule is gone, the parent was brought home. */
static void a_child_of_one_that_went_home_goes_there_too(void **state) {
        World *w = *state;

        rules_are(w, "r: comm=never => other\n");
        w->parent->placed_ns = now_ns();
        child_parent_home(&w->m, w->parent);
        child_at(w, "/pclass/web");
        fork_told_at(w, w->parent->placed_ns + EVENT_SLACK_NS / 2);
        assert_int_equal(asked(w), WIRE_RETURN);
}

static void who_went_home_is_forgotten_when_all_is_told(void **state) {
        World *w = *state;

        rules_are(w, "r: comm=never => other\n");
        w->parent->placed_ns = now_ns();
        child_parent_home(&w->m, w->parent);
        classifier_caught_up(&w->m, w->parent->placed_ns);
        assert_non_null(proctable_get(w->m.table, PARENT));
        classifier_caught_up(&w->m, now_ns() + 1);
        assert_null(proctable_get(w->m.table, PARENT));
}

/* A real process that is back at home: nobody is judged whose number is nobody's. */
static Process *one_that_went_home(World *w) {
        Process *p;

        child_at(w, "/home");
        assert_int_equal(proctable_make(w->m.table, w->child, 0, &p), 0);
        p->origin = origin_ref(w->parent->origin);
        p->wanted = 1;
        p->placed_ns = now_ns();
        child_parent_home(&w->m, p);
        return p;
}

/* The pass that follows the one that brought it home looks at it once more, and children may be told of still later. */
static void a_look_does_not_forget_who_went_home(void **state) {
        World *w = *state;

        rules_are(w, "r: comm=never => other\n");
        one_that_went_home(w);
        assert_int_equal(classifier_judge(&w->m, w->child, 0), JUDGE_NO_MATCH);
        assert_non_null(proctable_get(w->m.table, w->child));
        classifier_caught_up(&w->m, now_ns() + 1);
        assert_null(proctable_get(w->m.table, w->child));
}

static void who_came_home_twice_is_forgotten_after_the_second_time(void **state) {
        World *w = *state;
        uint64_t first;

        rules_are(w, "r: comm=never => other\n");
        w->parent->placed_ns = now_ns();
        child_parent_home(&w->m, w->parent);
        first = now_ns();
        while (now_ns() <= first)
                ;
        w->parent->placed_ns = now_ns();
        child_parent_home(&w->m, w->parent);
        classifier_caught_up(&w->m, first + 1);
        assert_non_null(proctable_get(w->m.table, PARENT));
        classifier_caught_up(&w->m, now_ns() + 1);
        assert_null(proctable_get(w->m.table, PARENT));
}

/* It has executed something, and a fact is not there yet: its children wait for what it gets. They must not take it for nobody's. */
static void who_went_home_and_waits_stays_known(void **state) {
        World *w = *state;
        Process *p;

        rules_are(w, "r: unit=some.service => web\n");
        p = one_that_went_home(w);
        p->origin = origin_unref(p->origin);
        assert_int_equal(origin_new(&p->origin), 0);
        p->origin->unanswered = 1;
        is_at(w, "/pclass/web"); /* so that only its origin can tell the unit */
        assert_int_equal(classifier_judge(&w->m, w->child, 0), JUDGE_WAITING);
        classifier_caught_up(&w->m, now_ns() + 1);
        p = proctable_get(w->m.table, w->child);
        assert_non_null(p);
        assert_true(p->waiting);
        assert_int_equal(p->wanted, 0);
}

/* A child that is surely younger has nothing to do with all that. */
static void later_children_of_one_that_went_home_are_nobodys(void **state) {
        World *w = *state;

        rules_are(w, "r: comm=never => other\n");
        w->parent->placed_ns = now_ns();
        child_parent_home(&w->m, w->parent);
        child_at(w, "/home");
        fork_told_at(w, w->parent->placed_ns + EVENT_SLACK_NS + 1);
        assert_int_equal(asked(w), 0);
        assert_null(proctable_get(w->m.table, w->child));
}

/* The parent waits for a fact when it forks, and nothing is asked for yet. */
static void forked_while_parent_waits(World *w) {
        rules_are(w, "r: comm=never => web\n");
        w->parent->wanted = 0;
        w->parent->waiting = true;
        child_at(w, "/home");
        fork_told_at(w, now_ns());
        assert_int_equal(asked(w), 0);
}

/* Then the fact is there, and a rule matched it. */
static void parent_matches(World *w) {
        w->parent->waiting = false;
        process_set_rule(w->parent, ruleset_get(w->rules.current, 0)->rule);
        w->parent->wanted = 1;
        classifier_line_known(&w->m, PARENT, now_ns());
        assert_int_equal(brokerclient_flush(w->m.broker), 0);
}

static void a_child_of_one_that_waits_gets_what_that_one_gets(void **state) {
        World *w = *state;

        forked_while_parent_waits(w);
        parent_matches(w);
        assert_int_equal(asked(w), WIRE_MOVE);
        assert_ptr_equal(proctable_get(w->m.table, w->child)->rule, w->parent->rule);
}

/* The parent has executed something else since, and that is what matched. */
static void it_does_not_get_what_the_parent_gets_for_something_else(void **state) {
        const ProcEvent exec = { .kind = EVENT_EXEC, .pid = PARENT, .thread = PARENT };
        World *w = *state;

        forked_while_parent_waits(w);
        watchers_dispatch(&w->m, &exec);
        parent_matches(w);
        assert_int_equal(asked(w), 0);
}

/* The parent ended before it was known what it gets. Whoever has its number later is not its heirs' parent. */
static void it_does_not_get_what_a_later_owner_of_the_number_gets(void **state) {
        World *w = *state;

        forked_while_parent_waits(w);
        proctable_remove(w->m.table, PARENT);
        classifier_line_known(&w->m, PARENT, now_ns());
        parent_in_class(w);
        process_set_rule(w->parent, ruleset_get(w->rules.current, 0)->rule);
        assert_int_equal(classifier_judge(&w->m, w->child, now_ns()), JUDGE_NO_MATCH);
        assert_int_equal(brokerclient_flush(w->m.broker), 0);
        assert_int_equal(asked(w), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_child_left_behind_follows_its_parent),
                TEST(a_child_that_is_there_is_left_alone),
                TEST(later_children_cost_nothing),
                TEST(a_child_of_one_that_went_home_goes_there_too),
                TEST(who_went_home_is_forgotten_when_all_is_told),
                TEST(a_look_does_not_forget_who_went_home),
                TEST(who_came_home_twice_is_forgotten_after_the_second_time),
                TEST(who_went_home_and_waits_stays_known),
                TEST(later_children_of_one_that_went_home_are_nobodys),
                TEST(a_child_of_one_that_waits_gets_what_that_one_gets),
                TEST(it_does_not_get_what_the_parent_gets_for_something_else),
                TEST(it_does_not_get_what_a_later_owner_of_the_number_gets),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
