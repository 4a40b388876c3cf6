/* Changes of the rules for which memory or descriptors run out at each call in turn: they are made as a whole, in force and in the state directory, or not at
 * all. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "common/fd.h"
#include "common/log.h"
#include "daemon/internal.h"
#include "tests/unit/shortage.h"

typedef struct World {
        Manager m;
        Options options;
        char state[40];
        char *dirs[2];
} World;

static void file_is(World *w, const char *text) {
        char path[80];

        snprintf(path, sizeof(path), "%s/x.rules", w->state);
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static int setup(void **state) {
        World *w = calloc(1, sizeof(*w));

        *w = (World) { .m = { .exe.fd = -EBADF }, .state = "/tmp/pclass-test-state-XXXXXX" };
        if (!mkdtemp(w->state) || sd_event_new(&w->m.event) < 0)
                return -1;
        w->m.options = &w->options;
        w->options.state_dir = w->dirs[0] = w->state;
        w->options.rule_dirs = w->dirs;
        assert_int_equal(classes_init(&w->m.classes), 0);
        assert_int_equal(store_open(w->state, &w->m.store), 0);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        static const char *const files[] = { "rules", "rules.previous", "disabled", "disabled.previous", "x.rules" };
        World *w = *state;
        char path[80];

        store_free(w->m.store);
        classes_done(&w->m.classes);
        sd_event_unref(w->m.event);
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                snprintf(path, sizeof(path), "%s/%s", w->state, files[i]);
                (void) unlink(path);
        }
        assert_int_equal(rmdir(w->state), 0);
        free(w);
        return 0;
}

/* As a start would find it, with what is kept. */
static void rules_begin(World *w) {
        TextError err = {};

        assert_int_equal(rulebase_new(&w->m, &w->m.rules), 0);
        assert_int_equal(rulebase_load(w->m.rules, &err), 0);
}

static void rules_end(World *w) {
        w->m.rules = rulebase_free(w->m.rules);
}

static void rule_is_added(World *w, const char *text, const char *before) {
        TextError err = {};
        uint64_t id;

        assert_int_equal(manager_rule_add(&w->m, text, &(RuleAddOptions) { .before = before }, &id, &err), 0);
}

static const RuleEntry *find(World *w, const char *name) {
        return ruleset_find(w->m.rules->current, name);
}

static void run_out(ShortageTry try, World *w) {
        assert_true(shortage_of(SHORTAGE_MEMORY, try, w, NULL) > 0);
        assert_true(shortage_of(SHORTAGE_DESCRIPTORS, try, w, NULL) > 0);
}

/* ---- on and off ------------------------------------------------------------------------------------------------------- */

static int try_switch_off(void *userdata) {
        World *w = userdata;
        TextError err = {};

        shortage_pause();
        assert_int_equal(store_save_disabled(w->m.store, NULL), 0);
        rules_begin(w);
        shortage_resume();
        int r = manager_rule_enable(&w->m, find(w, "a")->id, false, &err);
        shortage_pause();
        assert_int_equal(find(w, "a")->enabled, r < 0);
        assert_int_equal(rulebase_load(w->m.rules, &err), 0);
        assert_int_equal(find(w, "a")->enabled, r < 0);
        rules_end(w);
        rules_begin(w);
        assert_int_equal(find(w, "a")->enabled, r < 0);
        rules_end(w);
        return r;
}

static void a_rule_is_switched_off(void **state) {
        World *w = *state;

        file_is(w, "a: uid=1 => web\nb: uid=2 => web\n");
        run_out(try_switch_off, w);
}

/* ---- names that a file takes ------------------------------------------------------------------------------------------ */

/* What was in force goes on being kept when the next change is stored. */
static int try_take_name(void *userdata) {
        World *w = userdata;
        TextError err = {};

        shortage_pause();
        assert_int_equal(store_save_rules(w->m.store, NULL, 0), 0);
        file_is(w, "b: uid=2 => web\n");
        rules_begin(w);
        rule_is_added(w, "a: uid=1 => web", NULL);
        rule_is_added(w, "c: uid=1 => web", "b");
        file_is(w, "b: uid=2 => web\na: uid=3 => web\nc: uid=3 => web\n");
        shortage_resume();
        int r = rulebase_load(w->m.rules, &err);
        shortage_pause();
        assert_string_equal(rule_text(find(w, "a")->rule), r < 0 ? "a: uid=1 => web" : "a: uid=3 => web");
        assert_string_equal(rule_text(find(w, "c")->rule), r < 0 ? "c: uid=1 => web" : "c: uid=3 => web");
        assert_int_equal(find(w, "c")->position, r < 0 ? 1 : 2);
        assert_int_equal(w->m.rules->n_runtime, r < 0 ? 2 : 0);
        rules_end(w);
        return r;
}

static void a_file_takes_the_name_of_a_rule(void **state) {
        run_out(try_take_name, *state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_rule_is_switched_off),
                TEST(a_file_takes_the_name_of_a_rule),
        };
        log_open("test", LOG_EMERG);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
