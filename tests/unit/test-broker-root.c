/* The broker program with a class root that others have made, or a version of ours that set no marks. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/class.h"
#include "common/fd.h"
#include "tests/unit/brokerrig.h"
#include "tests/unit/fakecgroup.h"

#define CLASSES "[Class web]\nTasksMax=50\n[Class old]\nTasksMax=40\n[Class old/below]\n[Class u-%u]\nTasksMax=20\n"

/* Class `web` has the name of a group that is there already. */
static const char *const of_others[] = { "a", "a/b", "u-mine", "u-mine/x", "web", "web/c" };

static void root_path(const Rig *g, unsigned h, const char *below, char *buf, size_t size) {
        snprintf(buf, size, "%s%s/%s", g->hierarchies[h].mount, g->hierarchies[h].root, below);
}

/* As a class root that somebody else made, with groups of his in it. */
static void fill_root(const Rig *g, unsigned h) {
        char path[1024];

        root_path(g, h, "", path, sizeof(path));
        assert_int_equal(chmod(path, 0755), 0);
        for (size_t i = 0; i < ELEMENTSOF(of_others); i++) {
                root_path(g, h, of_others[i], path, sizeof(path));
                assert_int_equal(mkdir(path, 0755), 0);
        }
}

static void check_others(const Rig *g, unsigned h) {
        for (size_t i = 0; i < ELEMENTSOF(of_others); i++)
                assert_true(rig_exists(g, h, of_others[i]));
}

static WireClass instance(Rig *g, const char *text) {
        WireInstance m = { .template_index = rig_class(g, "u-%u")->index };
        WireClass answer;

        snprintf(m.text, sizeof(m.text), "%s", text);
        rig_ask(g, WIRE_INSTANCE, &m, &answer);
        assert_int_equal(answer.code, WIRE_OK);
        return answer;
}

/* The group of an instance goes with it, unless it was there before. */
static void drop(Rig *g, uint32_t class_index) {
        WireDropInstance m = { .class_index = class_index };
        WireResult answer;

        rig_ask(g, WIRE_DROP_INSTANCE, &m, &answer);
        assert_int_equal(answer.code, WIRE_OK);
}

static void test_groups_of_others_stay(void **state) {
        Rig *g = *state;

        rig_write_config(g, "", "");
        rig_start(g, NULL, false);
        unsigned v2 = rig_hierarchy(g, ""), pids = rig_hierarchy(g, "pids");
        rig_stop(g);
        fill_root(g, v2);
        fill_root(g, pids);

        rig_write_config(g, "", CLASSES);
        rig_start(g, NULL, false);
        check_others(g, v2);
        check_others(g, pids);
        assert_null(rig_class(g, "u-mine"));
        assert_true(rig_exists(g, v2, "old/below"));
        WireClass mine = instance(g, "u-mine"), own = instance(g, "u-own");
        assert_true(rig_exists(g, pids, "u-own"));
        drop(g, mine.index);
        drop(g, own.index);
        assert_false(rig_exists(g, pids, "u-own"));
        check_others(g, v2);
        check_others(g, pids);
        (void) instance(g, "u-own");
        rig_stop(g);

        rig_write_config(g, "", "[Class u-%u]\nTasksMax=20\n"); /* what we made is known, and goes, in such a root as well */
        rig_start(g, NULL, false);
        check_others(g, v2);
        check_others(g, pids);
        assert_false(rig_exists(g, v2, "old"));
        assert_false(rig_exists(g, pids, "old"));
        assert_non_null(rig_class(g, "u-own"));
        rig_stop(g);
}

/* Before there was the mark. */
static void unmarked(FakeCgroup *f, bool has_default_root) {
        _cleanup_(class_set_freep) ClassSet *s = NULL;
        const ClassTable none = {};

        f->set->items[f->set->membership].has_default_root = has_default_root;
        fake_mkdir(f, "v2/pclass/old/below");
        assert_int_equal(class_set_new(&none, f->set, &s), 0);
        assert_int_equal(class_set_realise(s), 0);
        assert_int_equal(fake_exists(f, "v2/pclass/old/below"), !has_default_root);
        assert_int_equal(fake_exists(f, "v2/pclass/old"), !has_default_root);
}

static void test_before_the_mark(void **state) {
        unmarked(*state, true);
        unmarked(*state, false);
}

int main(int argc, char **argv) {
        rig_main(argc, argv);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_groups_of_others_stay, rig_setup, rig_teardown),
                cmocka_unit_test_setup_teardown(test_before_the_mark, fake_setup, fake_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
