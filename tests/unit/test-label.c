/* Labels of AppArmor and Smack. A kernel has one of them, so their files are laid out here as each writes them, below a directory that stands in for
 * /proc: AppArmor "profile (mode)" and a newline, Smack the bare label; an LSM that is off has its file, and no text in it. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/fd.h"
#include "common/str.h"
#include "daemon/procinfo.h"
#include "rules/ruleset.h"

static char base[] = "/tmp/pclass-label.XXXXXX";

static void run(const char *program, const char *path) {
        char command[256];

        snprintf(command, sizeof(command), "%s %s", program, path);
        assert_int_equal(system(command), 0);
}

static int set_up(void **state) {
        strcpy(strrchr(base, '.'), ".XXXXXX");
        return mkdtemp(base) ? 0 : -1;
}

static int tear_down(void **state) {
        run("rm -rf", base);
        return 0;
}

/* The attribute of ourselves, and the same for the process `pid` of the reader below. */
static void attribute(const char *process, const char *lsm, const char *text) {
        char path[128];

        snprintf(path, sizeof(path), "%s/%s/attr/%s", base, process, lsm);
        run("mkdir -p", path);
        strcat(path, "/current");
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
}

static int fake_proc(void) {
        int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static void assert_attr(const char *expected) {
        _cleanup_close_ int proc = fake_proc();

        if (expected)
                assert_string_equal(proc_label_attr(proc), expected);
        else
                assert_null(proc_label_attr(proc));
}

static void test_which_module(void **state) {
        assert_attr(NULL);
        attribute("self", "smack", "");
        attribute("self", "apparmor", "");
        assert_attr(NULL);
        attribute("self", "smack", "_");
        assert_attr("attr/smack/current");
        attribute("self", "smack", "");
        attribute("self", "apparmor", "unconfined\n");
        assert_attr("attr/apparmor/current");
}

/* A real process, whose label is laid out as `lsm` does; whether the rule matches it. in_dir: read by its directory, not by its number. */
static bool rule_matches(const char *lsm, const char *text, const char *rule, bool in_dir) {
        _cleanup_close_ int proc = fake_proc();
        char attr[64], pid[16], line[128];
        ProcReader r = {};
        ProcInfo p;
        Ruleset *rs = NULL;
        TextError err = {};

        snprintf(attr, sizeof(attr), "attr/%s/current", lsm);
        snprintf(pid, sizeof(pid), "%d", getpid());
        attribute(pid, lsm, text);
        assert_int_equal(proc_reader_init(&r, NULL), 0);
        procinfo_init(&p);
        assert_int_equal(procinfo_open(&r, getpid(), &p), 0);
        proc_reader_done(&r);
        r.proc = proc;
        r.contexts = false;
        r.label_attr = attr;
        if (in_dir)
                assert_int_equal(procinfo_dir(&r, &p), 0);
        assert_int_equal(procinfo_read(&r, &p, FACT_BIT(FACT_LABEL)), 0);
        assert_int_equal(ruleset_new(&rs), 0);
        int n = snprintf(line, sizeof(line), "r: %s => x\n", rule);
        assert_int_equal(ruleset_add_text(rs, line, n, "label", &err), 0);
        assert_int_equal(ruleset_compile(rs, &(RulesetEnv) {}), 0);
        bool matches = ruleset_match(rs, &p.subject, NULL);
        ruleset_free(rs);
        procinfo_close(&p);
        return matches;
}

static void test_labels_in_rules(void **state) {
        static const struct { const char *lsm, *text, *rule; bool matches; } cases[] = {
                { "smack", "Web", "label=Web", true },
                { "smack", "Web", "label=web", false },
                { "smack", "Web::Customer-7", "label=Web::*", true },
                { "smack", "_", "label=_", true },
                { "smack", "^", "!label=_", true },
                { "smack", "", "!label=_", false }, /* not known */
                { "apparmor", "tenant (enforce)\n", "label=\"tenant (enforce)\"", true },
                { "apparmor", "tenant (complain)\n", "label=\"tenant (enforce)\"", false },
                { "apparmor", "unconfined\n", "label=unconfined", true },
                { "apparmor", "docker-default (enforce)\n", "label=docker-*", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (int in_dir = 0; in_dir < 2; in_dir++)
                        if (rule_matches(cases[i].lsm, cases[i].text, cases[i].rule, in_dir) != cases[i].matches)
                                fail_msg("%s with %s label \"%s\"", cases[i].rule, cases[i].lsm, cases[i].text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_which_module, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_labels_in_rules, set_up, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
