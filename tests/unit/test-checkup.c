/* What can be seen of a machine on which classes do not work, on trees that look like one. */
#include "tests/unit/test.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include "client/checkup.h"

static char root[] = "/tmp/pclass-test-checkup-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static void file(const char *path, const char *text) {
        char full[512];

        snprintf(full, sizeof(full), "%s%s", root, path);
        for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); *p++ = '/') {
                *p = '\0';
                (void) mkdir(full, 0755);
        }
        FILE *f = fopen(full, "we");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

/* A machine on which nothing is wrong with the class below. */
static int setup(void **state) {
        strcpy(root + strlen(root) - 6, "XXXXXX");
        if (!mkdtemp(root))
                return -1;
        file("/proc/self/mountinfo", "1 0 0:1 / / rw - ext4 /dev/vda rw\n"
             "31 23 0:28 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"
             "34 31 0:31 / /cg/cpuset rw,relatime shared:3 - cgroup cgroup rw,cpuset\n");
        file("/proc/pressure/cpu", "some avg10=0.00\n");
        file("/proc/sys/kernel/sched_autogroup_enabled", "0\n");
        file("/sys/fs/cgroup/cgroup.controllers", "cpu io memory pids\n");
        file("/sys/fs/cgroup/cgroup.subtree_control", "cpu memory\n");
        file("/sys/fs/cgroup/p/cgroup.subtree_control", "cpu memory\n");
        file("/sys/fs/cgroup/p/web/cgroup.controllers", "cpu memory\n");
        file("/sys/fs/cgroup/p/web/cgroup.subtree_control", "\n");
        file("/cg/cpuset/p/web/cpuset.cpus", "0-1\n");
        file("/cg/cpuset/p/web/cpuset.mems", "0\n");
        return 0;
}

static int teardown(void **state) {
        return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define CLASS(leaf, properties) \
        "[{\"Name\":\"web\",\"Hierarchies\":[{\"Controllers\":\"cgroup2\",\"Path\":\"/p/web" leaf "\"},{\"Controllers\":\"cpuset\",\"Path\":\"/p/web\"}]," \
        "\"Properties\":[" properties "]}]"
#define PROPERTY(name, supported) "{\"Name\":\"" name "\",\"Supported\":" supported "}"

static json_object *run(const char *classes) {
        json_object *list = json_tokener_parse(classes), *findings = json_object_new_array();

        assert_non_null(list);
        assert_int_equal(checkup(root, list, findings), 0);
        json_object_put(list);
        return findings;
}

/* The one finding, with texts that a part of its problem and of its remedy must contain; NULL: there is none. */
static void expect(const char *classes, const char *id, const char *problem, const char *remedy) {
        _cleanup_json_ json_object *findings = run(classes);

        if (!id) {
                assert_int_equal(rows_count(findings), 0);
                return;
        }
        assert_int_equal(rows_count(findings), 1);
        json_object *row = rows_at(findings, 0);
        assert_string_equal(row_text(row, "Id"), id);
        assert_non_null(strstr(row_text(row, "Problem"), problem));
        assert_non_null(strstr(row_text(row, "Remedy"), remedy));
}

static void test_nothing(void **state) {
        expect(CLASS("", PROPERTY("CPUWeight", "true")), NULL, NULL, NULL);
        expect(CLASS("", PROPERTY("MemoryHigh", "false")), NULL, NULL, NULL); /* the controller is there: the service's word stands alone */
        expect("[{\"Name\":\"t/%u\",\"IsTemplate\":true,\"Properties\":[" PROPERTY("TasksMax", "false") "]}]", NULL, NULL, NULL);
}

static void test_controller_not_handed_on(void **state) {
        expect(CLASS("", PROPERTY("TasksMax", "false")), "controller", "pids is not enabled in a parent, /sys/fs/cgroup",
               "echo +pids >/sys/fs/cgroup/cgroup.subtree_control");
        expect(CLASS("", PROPERTY("TasksMax", "true")), NULL, NULL, NULL);
        file("/sys/fs/cgroup/cgroup.subtree_control", "cpu memory pids\n");
        expect(CLASS("", PROPERTY("TasksMax", "false")), "controller", "/sys/fs/cgroup/p", "echo +pids >/sys/fs/cgroup/p/cgroup.subtree_control");
        file("/sys/fs/cgroup/p/cgroup.subtree_control", "pids cpu memory\n");
        expect(CLASS("", PROPERTY("TasksMax", "false")), NULL, NULL, NULL);
        expect(CLASS("/members", PROPERTY("TasksMax", "false")), NULL, NULL, NULL); /* what the class hands on to its leaf is no matter */
}

#define REFUSED(name, why) "{\"Name\":\"" name "\",\"Supported\":false,\"Text\":\"" why "\"}"

static void test_controller_is_not_what_is_missing(void **state) {
        file("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
        expect(CLASS("", REFUSED("TasksMax", "controller pids is not among the Hierarchies= of the class")), NULL, NULL, NULL);
        expect(CLASS("", REFUSED("IOReadBandwidthMax", "/dev/nosuch: No such file or directory")), NULL, NULL, NULL);
        expect(CLASS("", REFUSED("TasksMax", "controller pids is not available in any hierarchy")), "controller", "does not have the controller pids", "cgroup_disable=pids");
}

static void test_controller_not_there(void **state) {
        file("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
        expect(CLASS("", PROPERTY("IOWeight", "false")), "controller", "cgroup2 does not have the controller io", "cgroup_disable=io");
        file("/proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n35 1 0:3 / /cg/blkio rw - cgroup cgroup rw,blkio\n");
        expect(CLASS("", PROPERTY("IOWeight", "false")), "controller", "cgroup2 does not have the controller io", "cgroup_no_v1=io");
}

/* Mounted nowhere that we can see: the kernel tells why. */
static void test_why_it_is_not_there(void **state) {
        static const struct {
                const char *line, *remedy;
        } cases[] = {
                { "blkio\t7\t14\t1\n", "cgroup_no_v1=io" }, /* of a container's host */
                { "blkio\t0\t14\t0\n", "boot without cgroup_disable=io" },
                { "blkio2\t7\t14\t1\n", "a kernel that has it: this one was built without" },
        };

        file("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char text[128];

                snprintf(text, sizeof(text), "#subsys_name\thierarchy\tnum_cgroups\tenabled\n%s", cases[i].line);
                file("/proc/cgroups", text);
                expect(CLASS("", PROPERTY("IOWeight", "false")), "controller", "cgroup2 does not have the controller io", cases[i].remedy);
        }
}

/* Said once, by whom that knows the reason. */
static void test_service_said_it_too(void **state) {
        static const char said[] = "[{\"Id\":\"property\",\"Subject\":\"class web, TasksMax\"},{\"Id\":\"property\",\"Subject\":\"class web, IOWeight\"},"
                                   "{\"Id\":\"property\",\"Subject\":\"class b, TasksMax\"}]";
        _cleanup_json_ json_object *findings = json_tokener_parse(said);
        _cleanup_json_ json_object *list = json_tokener_parse(CLASS("", PROPERTY("TasksMax", "false")));

        assert_int_equal(checkup(root, list, findings), 0);
        assert_int_equal(rows_count(findings), 3);
        assert_string_equal(row_text(rows_at(findings, 0), "Subject"), "class web, IOWeight");
        assert_string_equal(row_text(rows_at(findings, 1), "Subject"), "class b, TasksMax");
        assert_string_equal(row_text(rows_at(findings, 2), "Id"), "controller");
}

static void test_empty_cpuset(void **state) {
        file("/cg/cpuset/p/web/cpuset.mems", "\n");
        expect(CLASS("", ""), "empty-cpuset", "cpuset.mems is empty", "AllowedMemoryNodes=");
        file("/cg/cpuset/p/web/cpuset.mems", "0\n");
        file("/cg/cpuset/p/web/cpuset.cpus", "");
        expect(CLASS("", ""), "empty-cpuset", "cpuset.cpus is empty", "cat /cg/cpuset/cpuset.cpus >/cg/cpuset/p/web/cpuset.cpus");
}

static void test_autogroup(void **state) {
        file("/proc/sys/kernel/sched_autogroup_enabled", "1\n");
        expect(CLASS("", PROPERTY("Nice", "true")), NULL, NULL, NULL); /* it has the cpu controller */
        file("/sys/fs/cgroup/p/web/cgroup.controllers", "memory\n");
        expect(CLASS("", PROPERTY("Nice", "true")), "autogroup", "autogroup", "sysctl kernel.sched_autogroup_enabled=0");
        file("/proc/sys/kernel/sched_autogroup_enabled", "0\n");
        expect(CLASS("", PROPERTY("Nice", "true")), NULL, NULL, NULL);
}

static void test_no_pressure(void **state) {
        char path[512];

        snprintf(path, sizeof(path), "%s/proc/pressure/cpu", root);
        assert_int_equal(remove(path), 0);
        expect("[]", "psi", "PSI is off", "psi=1");
}

static void test_nothing_can_be_read(void **state) {
        assert_int_equal(nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
        assert_int_equal(mkdir(root, 0755), 0);
        expect(CLASS("", PROPERTY("TasksMax", "false") "," PROPERTY("Nice", "true")), "psi", "", "");
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH_ROOT(test_nothing),
                WITH_ROOT(test_controller_not_handed_on), WITH_ROOT(test_controller_is_not_what_is_missing),
                WITH_ROOT(test_controller_not_there),
                WITH_ROOT(test_why_it_is_not_there),
                WITH_ROOT(test_service_said_it_too),
                WITH_ROOT(test_empty_cpuset),
                WITH_ROOT(test_autogroup),
                WITH_ROOT(test_no_pressure),
                WITH_ROOT(test_nothing_can_be_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
