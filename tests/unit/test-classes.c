/* Classes, hierarchies and places as the broker announces them. */
#include "tests/unit/test.h"

#include "daemon/classes.h"

static Classes table;

static WireHierarchy hierarchy(uint32_t index, uint32_t version, const char *controllers, uint32_t flags) {
        WireHierarchy h = { .index = index, .version = version, .flags = flags };

        strcpy(h.controllers, controllers);
        strcpy(h.mount, "/sys/fs/cgroup/x");
        strcpy(h.root, "/own/pclass");
        return h;
}

static WireClass class_item(uint32_t index, const char *name, uint32_t hierarchies) {
        WireClass c = { .index = index, .template_index = WIRE_NONE, .hierarchies = hierarchies };

        strcpy(c.name, name);
        return c;
}

static int setup(void **state) {
        WireHierarchy cpu = hierarchy(0, 1, "cpu,cpuacct", 0), named = hierarchy(1, 1, "name=x", 0);
        WireHierarchy two = hierarchy(2, 2, "pids", WIRE_HIERARCHY_MEMBERSHIP | WIRE_HIERARCHY_UNITS);
        WireClass web = class_item(0, "web", 7), tenants = class_item(1, "tenants", 4), gold = class_item(2, "tenants/gold", 4);
        WireClass users = class_item(3, "users/%u", 5);

        strcpy(tenants.leaf, "members");
        tenants.flags = WIRE_CLASS_LEAF_V2;
        users.flags = WIRE_CLASS_TEMPLATE;
        return classes_init(&table) < 0 || classes_add_hierarchy(&table, &cpu) < 0 || classes_add_hierarchy(&table, &named) < 0 ||
               classes_add_hierarchy(&table, &two) < 0 || classes_add_class(&table, &web, NULL) < 0 ||
               classes_add_class(&table, &tenants, NULL) < 0 || classes_add_class(&table, &gold, NULL) < 0 ||
               classes_add_class(&table, &users, NULL) < 0;
}

static int teardown(void **state) {
        classes_done(&table);
        return 0;
}

static void controllers(void **state) {
        assert_int_equal(classes_controller(&table, "cpu"), 1);
        assert_int_equal(classes_controller(&table, "cpuacct"), 1);
        assert_int_equal(classes_controller(&table, "cpua"), 0);
        assert_int_equal(classes_controller(&table, "name=x"), 2);
        assert_int_equal(classes_controller(&table, "pids"), 4);
        assert_int_equal(classes_controller(&table, "cgroup2"), 4);
        assert_int_equal(classes_controller(&table, "*"), 7);
        assert_int_equal(table.membership, 2);
        assert_int_equal(table.units, 4);
}

static void inside_or_outside(void **state) {
        assert_true(classes_inside(&table, 0, "/own/pclass"));
        assert_true(classes_inside(&table, 0, "/own/pclass/web"));
        assert_false(classes_inside(&table, 0, "/own/pclassic"));
        assert_false(classes_inside(&table, 0, "/own"));
        assert_null(classes_of_path(&table, 0, "/own/pclass"));
        assert_string_equal(classes_of_path(&table, 0, "/own/pclass/web/deep/er")->name, "web");
        assert_string_equal(classes_of_path(&table, 2, "/own/pclass/tenants/gold")->name, "tenants/gold");
        assert_string_equal(classes_of_path(&table, 2, "/own/pclass/tenants/members")->name, "tenants");
        assert_null(classes_of_path(&table, 2, "/own/pclass/users/%u")); /* a template has no members */
        assert_null(classes_of_path(&table, 2, "/own/pclass/other"));
}

static void in_place(void **state) {
        assert_true(classes_in_place(&table, 2, "tenants", "members", "/own/pclass/tenants/members", true));
        assert_false(classes_in_place(&table, 2, "tenants", "members", "/own/pclass/tenants", true));
        assert_false(classes_in_place(&table, 2, "tenants", "members", "/own/pclass/tenants/gold", true));
        assert_true(classes_in_place(&table, 2, "tenants", "members", "/own/pclass/tenants/gold", false));
        assert_true(classes_in_place(&table, 0, "web", "", "/own/pclass/web", true));
        assert_false(classes_in_place(&table, 0, "web", "", "/own/pclass/web/sub", true));
        assert_true(classes_in_place(&table, 0, "web", "", "/own/pclass/web/sub", false));
        assert_false(classes_in_place(&table, 0, "web", "", "/own/pclass/website", false));
        assert_false(classes_in_place(&table, 0, "web", "", "/", false));
}

static void announced_once_more(void **state) {
        WireClass item = class_item(2, "tenants/gold", 5);
        WireClassNote note = { .class_index = 2, .supported = 1, .property = "TasksMax", .text = "7" };
        Class *c = NULL;

        assert_int_equal(classes_add_note(&table, &note), 0);
        item.inode[2] = 77;
        assert_int_equal(classes_update_class(&table, &item, &c), 0);
        assert_ptr_equal(c, classes_find(&table, "tenants/gold"));
        assert_int_equal(c->hierarchies, 5);
        assert_int_equal(c->inode[2], 77);
        assert_int_equal(c->n_notes, 0);
        assert_ptr_equal(classes_parent(&table, c), classes_find(&table, "tenants"));
        assert_null(classes_parent(&table, classes_find(&table, "web")));
        strcpy(item.name, "tenants/silver");
        assert_int_equal(classes_update_class(&table, &item, &c), -EPROTO);
        item = class_item(9, "tenants/gold", 5);
        assert_int_equal(classes_update_class(&table, &item, &c), -EPROTO);
        item = class_item(2, "tenants/gold", 5);
        item.template_index = 3;
        assert_int_equal(classes_update_class(&table, &item, &c), -EPROTO);
}

static void paths(void **state) {
        char path[64], small[8];

        assert_int_equal(classes_path(&table, 2, "tenants", class_leaf(&table, classes_find(&table, "tenants"), 2), path, sizeof(path)), 0);
        assert_string_equal(path, "/own/pclass/tenants/members");
        assert_string_equal(class_leaf(&table, classes_find(&table, "tenants"), 0), ""); /* a v1 hierarchy needs no leaf */
        assert_int_equal(classes_path(&table, 0, "web", "", small, sizeof(small)), -ENAMETOOLONG);
}

static void instances_come_and_go(void **state) {
        WireClass root = class_item(4, "users/root", 5), again = class_item(5, "users/root", 5), stray = class_item(6, "x/y", 1);
        Class *c;

        root.template_index = again.template_index = 3;
        stray.template_index = 99;
        assert_int_equal(classes_add_class(&table, &root, &c), 0);
        assert_string_equal(c->template->name, "users/%u");
        assert_int_equal(classes_add_class(&table, &again, NULL), -EPROTO);
        assert_int_equal(classes_add_class(&table, &stray, NULL), -EPROTO);
        classes_remove(&table, c);
        assert_null(classes_find(&table, "users/root"));
        assert_null(classes_get(&table, 4));
        assert_int_equal(classes_add_class(&table, &again, NULL), 0);
}

static void places(void **state) {
        WireOrigin origin = { .place = 0, .hierarchy = 1 }, bad = { .place = 1, .hierarchy = 3 };

        strcpy(origin.path, "/user.slice");
        assert_int_equal(classes_add_place(&table, &origin), 0);
        assert_int_equal(classes_add_place(&table, &origin), 0); /* told twice is the same */
        assert_string_equal(classes_place(&table, 0)->path, "/user.slice");
        assert_null(classes_place(&table, 1));
        assert_null(classes_place(&table, WIRE_NONE));
        assert_int_equal(classes_add_place(&table, &bad), -EPROTO);
        memset(origin.path, 'x', sizeof(origin.path));
        assert_int_equal(classes_add_place(&table, &origin), -EPROTO);
}

static void notes(void **state) {
        WireClassNote note = { .class_index = 0, .supported = 0, .property = "MemoryHigh", .text = "cgroup v1 has none" };

        assert_int_equal(classes_add_note(&table, &note), 0);
        assert_string_equal(classes_find(&table, "web")->notes[0].property, "MemoryHigh");
        assert_false(classes_find(&table, "web")->notes[0].supported);
        note.class_index = 77;
        assert_int_equal(classes_add_note(&table, &note), -EPROTO);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(controllers, setup, teardown),
                cmocka_unit_test_setup_teardown(inside_or_outside, setup, teardown),
                cmocka_unit_test_setup_teardown(in_place, setup, teardown),
                cmocka_unit_test_setup_teardown(paths, setup, teardown),
                cmocka_unit_test_setup_teardown(announced_once_more, setup, teardown),
                cmocka_unit_test_setup_teardown(instances_come_and_go, setup, teardown),
                cmocka_unit_test_setup_teardown(places, setup, teardown),
                cmocka_unit_test_setup_teardown(notes, setup, teardown),
        };
        return cmocka_run_group_tests_name("classes", tests, NULL, NULL);
}
