/* Memory and descriptors run out in pclassd's parts, at each call in turn: what fails says so and leaves nothing half done, what succeeds all the same is right, and no
 * process is taken for something that it is not. Leaks are the sanitizers' to find. */
#include "tests/unit/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common/channel.h"
#include "common/classdef.h"
#include "common/config.h"
#include "common/fd.h"
#include "common/log.h"
#include "daemon/decisionlog.h"
#include "daemon/internal.h"
#include "daemon/verdict.h"
#include "rules/cgconfig.h"
#include "rules/cgrules.h"
#include "tests/unit/shortage.h"

static char directory[64];

static int setup(void **state) {
        strcpy(directory, "/tmp/test-shortage.XXXXXX");
        log_open("test", LOG_EMERG);
        return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state) {
        DIR *d = opendir(directory);

        assert_non_null(d);
        for (struct dirent *e; (e = readdir(d));)
                (void) unlinkat(dirfd(d), e->d_name, 0);
        closedir(d);
        return rmdir(directory);
}

static void write_text(const char *name, const char *text) {
        char path[128];

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        fputs(text, f);
        assert_int_equal(fclose(f), 0);
}

/* Both kinds of a table of tries; each must meet at least one failure of memory. */
static void run_out(ShortageTry try, void *userdata, const int *others) {
        assert_true(shortage_of(SHORTAGE_MEMORY, try, userdata, others) > 0);
        (void) shortage_of(SHORTAGE_DESCRIPTORS, try, userdata, others);
        (void) shortage_of(SHORTAGE_DESCRIPTORS_OF_ALL, try, userdata, others);
}

/* ---- rules ---------------------------------------------------------------------------------------------------------- */

static const char rules[] =
        "web: exe=/usr/sbin/nginx uid=33 => web leave-unit\n"
        "no: !comm=nginx uid=33 => batch\n"
        "odd: comm~\"a(b|c)+d\" => cpu:x,memory:y\n"
        "who: user=ann|bob group=@staff => users/%u-%G\n"
        "ctx: context=system_u:system_r:httpd_t:s0:c0.c5 => tenants/%l\n"
        "all: uid=0-9|20-29|40|50 gid>=7 cgroup=/a/* unit=*.service => many\n";

static int by_name(const char *name, uint32_t *ret, void *userdata) {
        *ret = (uint32_t) strlen(name) + 1000;
        return 0;
}

static bool odd_is_lost; /* the last match had no memory to compare with, and said so */

static const char *matching(const Ruleset *rs, MatchCache *cache, const Subject *s) {
        uint32_t missing;
        const RuleEntry *e = cache ? match_cache_match(cache, rs, s, &missing) : ruleset_match(rs, s, &missing);

        odd_is_lost = missing & FACT_SHORTAGE;
        assert_true(!odd_is_lost || shortage_met());
        return e ? rule_name(e->rule) : "";
}

static void check_matches(const Ruleset *rs, MatchCache *cache) {
        static const gid_t groups[] = { 1005 };
        const Subject nginx = { .known = FACT_BIT(FACT_EXE) | FACT_BIT(FACT_UID) | FACT_BIT(FACT_COMM), .exe = "/usr/sbin/nginx", .uid = 33, .comm = "nginx" };
        const Subject other = { .known = nginx.known, .exe = "/usr/sbin/nginx2", .uid = 33, .comm = "nginx2" };
        const Subject pattern = { .known = FACT_BIT(FACT_COMM), .comm = "abcbd" };
        const Subject ann = { .known = FACT_BIT(FACT_UID) | FACT_BIT(FACT_GID) | FACT_BIT(FACT_GROUPS), .uid = 1003, .gid = 9, .groups = groups, .n_groups = 1 };

        assert_string_equal(matching(rs, cache, &nginx), "web");
        assert_string_equal(matching(rs, cache, &other), "no");
        const char *odd = matching(rs, cache, &pattern);
        assert_string_equal(odd, odd_is_lost ? "" : "odd");
        assert_string_equal(matching(rs, cache, &(Subject) {}), "");
        assert_string_equal(matching(rs, cache, &ann), "who");
}

static int try_rules(void *userdata) {
        static const RulesetEnv env = { .user_by_name = by_name, .group_by_name = by_name };
        _cleanup_(ruleset_freep) Ruleset *rs = NULL;
        _cleanup_(match_cache_freep) MatchCache *cache = NULL;
        TextError err = {};
        int r = ruleset_new(&rs);

        if (r >= 0)
                r = ruleset_add_text(rs, rules, strlen(rules), "t", &err);
        if (r >= 0)
                r = ruleset_compile(rs, &env);
        if (r < 0)
                return r;
        check_matches(rs, NULL);
        r = match_cache_new(&cache);
        for (unsigned i = 0; r >= 0 && i < 2; i++) /* the second time from memory */
                check_matches(rs, cache);
        return r;
}

static void test_rules(void **state) {
        run_out(try_rules, NULL, NULL);
}

/* Another text on top of rules in force: they stay what they were when it fails. */
static int try_compile_again(void *userdata) {
        static const RulesetEnv env = { .user_by_name = by_name, .group_by_name = by_name };
        _cleanup_(ruleset_freep) Ruleset *rs = NULL;
        TextError err = {};

        shortage_pause();
        assert_int_equal(ruleset_new(&rs), 0);
        assert_true(ruleset_add_text(rs, rules, strlen(rules), "t", &err) >= 0);
        assert_int_equal(ruleset_compile(rs, &env), 0);
        shortage_resume();
        int r = ruleset_compile(rs, &env);
        if (r >= 0)
                check_matches(rs, NULL);
        return r;
}

static void test_compile_again(void **state) {
        run_out(try_compile_again, NULL, NULL);
}

static int try_cgrules(void *userdata) {
        static const char text[] = "# a\n@staff:vi*\tcpu,memory\tgroups/%g/%u\tignore_rt\nann\t*\tstudents/\n*:/usr/bin/x\tcpu\tx\n%\tmemory\ty\n";
        static const RulesetEnv env = { .user_by_name = by_name, .group_by_name = by_name };
        const Subject x = { .known = ~0u, .uid = 7, .comm = "x", .exe = "/usr/bin/x", .user = "u", .group = "g", .arg0 = "x" };
        _cleanup_(cgrules_freep) CgRules *c = NULL;
        CgVerdict v = {};
        int r = cgrules_new(&c);

        if (r >= 0)
                r = cgrules_add_text(c, text, strlen(text), "f", NULL, NULL);
        if (r >= 0)
                cgrules_resolve(c, &env);
        if (r >= 0)
                r = cgrules_match(c, &(CgProcess) { .subject = &x }, &v);
        if (r < 0)
                return r;
        assert_int_equal(v.n_moves, 2);
        assert_string_equal(v.moves[0].path, "/x");
        cg_verdict_done(&v);
        return 0;
}

static int try_cgconfig(void *userdata) {
        static const char text[] = "group a/b {\n perm { task { uid = root; } }\n cpu { cpu.shares = 100; }\n memory { memory.limit_in_bytes = 1G; }\n}\ntemplate t/%u { cpu { } }\n";
        _cleanup_(cgconfig_freep) CgConfig *c = NULL;
        _cleanup_free_ char *out = NULL;
        TextError err = {};
        size_t n;
        int r = cgconfig_new(&c);

        if (r >= 0)
                r = cgconfig_add_text(c, text, strlen(text), "f", &err);
        if (r < 0) {
                assert_true(!c || c->n == 0);
                return r;
        }
        FILE *f = open_memstream(&out, &n);
        if (!f)
                return -ENOMEM;
        r = cgconfig_format(c, f);
        fclose(f);
        return r;
}

static void test_cgrules(void **state) {
        run_out(try_cgrules, NULL, NULL);
        run_out(try_cgconfig, NULL, NULL);
}

/* ---- configuration -------------------------------------------------------------------------------------------------- */

static int try_classes(void *userdata) {
        char *dirs[] = { directory, NULL };
        _cleanup_(class_table_freep) ClassTable *t = NULL;
        TextError err = {};
        int r = class_table_load(dirs, &t, &err);

        if (r < 0) {
                assert_null(t);
                return r;
        }
        assert_int_equal(t->n, 4);
        assert_string_equal(class_table_find(t, "web")->description, "Web");
        assert_true(class_table_find(t, "users/%u")->is_template);
        return 0;
}

static void test_classes(void **state) {
        write_text("a.conf", "[Class web]\nDescription=Web\nCPUWeight=200\nIOReadBandwidthMax=/dev/sda 1M\nTunable=CPUWeight:100-400\nAllowedUsers=33 ann\n");
        write_text("b.conf", "[Class users/%u]\nTasksMax=10%\nMemoryHigh=50%\n[Class web/deep]\nAllowedCPUs=0-3\nHierarchies=memory cpu\n");
        run_out(try_classes, NULL, NULL);
}

static int try_config(void *userdata) {
        _cleanup_(config_freep) Config *c = NULL;
        char path[128];
        TextError err = {};

        snprintf(path, sizeof(path), "%s/pclass.conf", directory);
        int r = config_load(path, &c, &err);
        if (r < 0) {
                assert_null(c);
                return r;
        }
        assert_int_equal(c->heartbeat_sec, 7);
        assert_string_equal(c->state_dir, "/var/x");
        return 0;
}

static void test_config(void **state) {
        write_text("pclass.conf", "[pclass]\nHeartbeatSec=7\nStateDir=/var/x\nProtect=/a /b\nProtectUsers=ann bob\nRuleDirs=/r /s\n");
        run_out(try_config, NULL, NULL);
}

/* ---- the state directory -------------------------------------------------------------------------------------------- */

static const StoredRule old_rules[] = { { .text = (char *) "a: uid=1 => x" } };
static const StoredRule new_rules[] = { { .text = (char *) "b: uid=2 => y" }, { .text = (char *) "c: uid=3 => z", .before = (char *) "b" } };

static int try_save(void *userdata) {
        _cleanup_(store_freep) Store *s = NULL;
        StoredRule *found = NULL;
        size_t n = 0;

        shortage_pause();
        assert_int_equal(store_open(directory, &s), 0);
        assert_int_equal(store_save_rules(s, old_rules, 1), 0);
        shortage_resume();
        int r = store_save_rules(s, new_rules, 2);
        shortage_pause();
        assert_int_equal(store_load_rules(s, &found, &n), 0); /* whole and not damaged, and as was said */
        assert_int_equal(n, r < 0 ? 1 : 2);
        assert_string_equal(found[0].text, n == 2 ? new_rules[0].text : old_rules[0].text);
        stored_rules_free(found, n);
        return r;
}

static int try_load(void *userdata) {
        _cleanup_(store_freep) Store *s = NULL;
        _cleanup_strv_ char **names = NULL;
        StoredRule *found = NULL;
        size_t n = 0;
        Mode mode;
        int r = store_open(directory, &s);

        if (r >= 0)
                r = store_load_rules(s, &found, &n);
        if (r < 0)
                return r;
        assert_int_equal(n, 2); /* never fewer, and never none */
        stored_rules_free(found, n);
        r = store_load_disabled(s, &names);
        if (r >= 0) {
                assert_string_equal(names[0], "off");
                r = store_load_mode(s, &mode);
        }
        if (r >= 0)
                assert_int_equal(mode, MODE_ENFORCE);
        return r;
}

static void test_store(void **state) {
        char *off[] = { (char *) "off", NULL };
        _cleanup_(store_freep) Store *s = NULL;

        run_out(try_save, NULL, NULL);
        assert_int_equal(store_open(directory, &s), 0);
        assert_int_equal(store_save_rules(s, new_rules, 2), 0);
        assert_int_equal(store_save_disabled(s, off), 0);
        assert_int_equal(store_save_mode(s, MODE_ENFORCE), 0);
        run_out(try_load, NULL, NULL);
}

static int try_assignments(void *userdata) {
        static const char text[] = "boot b\norder 1 2 0 1 0 0 0 web\norder 7 0 1000 0 1 1 99 users/1000\nprocess 1 100 abc\nprocess 7 102 abd\n";
        const Order wanted = { .authority = ASSIGN_BY_USER, .by = 5, .class_name = "web" };
        _cleanup_free_ char *out = NULL;
        Assigned *replaced = NULL;
        Assignments t = {};
        Order *o = NULL;
        int r = assignments_init(&t);

        if (r >= 0)
                r = assignments_parse(&t, text, "b", 5);
        if (r >= 0)
                assert_int_equal(map_size(t.by_pid), 2);
        if (r >= 0) {
                r = assignments_add(&t, &wanted, 100, 0xabc, 9, &replaced, &o);
                /* As before, or as wanted. */
                assert_string_equal(assignments_get(&t, 100)->order->class_name, "web");
                assert_int_equal(assignments_get(&t, 100)->order->by, r < 0 ? 0 : 5);
                if (r >= 0)
                        assigned_free(&t, replaced);
        }
        if (r >= 0)
                r = assignments_join(&t, o, 300, 7, 9);
        if (r >= 0)
                r = assignments_format(&t, "b", &out);
        assignments_done(&t);
        return r;
}

static void test_assignments(void **state) {
        run_out(try_assignments, NULL, NULL);
}

/* ---- tables --------------------------------------------------------------------------------------------------------- */

static int try_table(void *userdata) {
        _cleanup_(proctable_freep) ProcTable *t = NULL;
        Process *p = NULL, *child = NULL;
        int r = proctable_new(&t);

        for (pid_t pid = 100; r >= 0 && pid < 160; pid++) {
                r = proctable_make(t, pid, 7, &p);
                assert_true((r < 0) == !proctable_get(t, pid));
                if (r >= 0)
                        r = process_set_born(p, "ci");
                if (r >= 0)
                        r = proctable_inherit(t, p, pid + 1000, 5, &child);
        }
        if (r >= 0)
                process_hold(p, HOLDER_PROTECTED, "why");
        return r;
}

static int try_broker_classes(void *userdata) {
        const WireHierarchy h = { .index = 0, .version = 2, .flags = WIRE_HIERARCHY_MEMBERSHIP, .mount = "/m", .root = "/pclass" };
        const WireClass web = { .template_index = WIRE_NONE, .hierarchies = 1, .name = "web", .description = "d" };
        const WireClassNote note = { .supported = 1, .property = "CPUWeight", .text = "100" };
        const WireOrigin place = { .place = 0, .hierarchy = 0, .path = "/home" };
        Classes t = {};
        int r = classes_init(&t);

        if (r >= 0)
                r = classes_add_hierarchy(&t, &h);
        if (r >= 0) {
                r = classes_add_class(&t, &web, NULL);
                assert_true((r < 0) == !classes_find(&t, "web"));
        }
        if (r >= 0)
                r = classes_add_note(&t, &note);
        if (r >= 0)
                r = classes_add_place(&t, &place);
        if (r >= 0)
                assert_string_equal(classes_place(&t, 0)->path, "/home");
        classes_done(&t);
        return r;
}

static void test_tables(void **state) {
        run_out(try_table, NULL, NULL);
        run_out(try_broker_classes, NULL, NULL);
}

/* ---- talks ---------------------------------------------------------------------------------------------------------- */

static unsigned answered;

static void on_reply(unsigned op, const void *reply, void *token, void *userdata) {
        answered++;
}

static int on_announced(unsigned op, const void *item, void *userdata) {
        return 0;
}

static void on_hello(const WireHelloReply *reply, int exe_fd, void *userdata) {
}

static void on_gone(int error, void *userdata) {
}

static int try_broker_client(void *userdata) {
        static const BrokerOps ops = { on_announced, on_hello, on_gone };
        static const WireMove move = { .pid = 100 };
        sd_event *event = userdata;
        BrokerClient *c = NULL;
        unsigned submitted = 0;
        int pair[2], r;

        shortage_pause();
        assert_int_equal(channel_pair(64, pair), 0);
        shortage_resume();
        answered = 0;
        r = brokerclient_new(event, pair[0], &ops, NULL, &c);
        for (unsigned i = 0; r >= 0 && i < 200; i++) {
                r = brokerclient_submit(c, WIRE_MOVE, &move, on_reply, NULL);
                submitted += r >= 0;
        }
        if (r >= 0)
                r = brokerclient_flush(c);
        brokerclient_free(c);
        assert_int_equal(answered, submitted); /* each request that was taken hears how it ended, once */
        close(pair[1]);
        return r;
}

static void on_changed(void *userdata) {
}

static int try_names(void *userdata) {
        sd_event *event = userdata;
        Names *n = NULL;
        const char *name;
        uid_t uid;
        int pair[2];

        shortage_pause();
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        shortage_resume();
        int r = names_new_at(event, pair[0], directory, on_changed, NULL, &n);
        if (r >= 0) {
                assert_int_equal(names_uid(n, "ann", &uid), -EAGAIN); /* unknown, with or without memory */
                assert_int_equal(names_user(n, 7, &name), -EAGAIN);
                names_free(n);
        }
        close(pair[1]);
        return r;
}

static void no_line(pid_t pid, uint64_t event_ns, void *userdata) {
}

static void lines_gone(void *userdata) {
}

static int try_lines(void *userdata) {
        static const CmdLineClientOps ops = { no_line, lines_gone };
        sd_event *event = userdata;
        CmdLineClient *c = NULL;
        CmdLineBytes b;
        int pair[2];

        shortage_pause();
        assert_int_equal(channel_pair(8, pair), 0);
        shortage_resume();
        int r = cmdlineclient_new(event, pair[0], &ops, NULL, &c);
        for (pid_t pid = 10; r >= 0 && pid < 14; pid++) {
                int k = cmdlineclient_ask(c, pid, 1, 2, 0, &b);
                assert_true(k == -EAGAIN || k == -ENOMEM);
                cmdlineclient_wait(c, pid, 3);
                assert_int_equal(cmdlineclient_waiting(c), (size_t) (pid - 9) - (k == -ENOMEM)); /* nobody waits for a question that was not asked */
                r = MIN(k == -EAGAIN ? 0 : k, 0);
        }
        cmdlineclient_free(c);
        close(pair[1]);
        return r;
}

static void test_talks(void **state) {
        sd_event *event = NULL;

        assert_true(sd_event_new(&event) >= 0);
        run_out(try_broker_client, event, NULL);
        run_out(try_names, event, NULL);
        run_out(try_lines, event, NULL);
        sd_event_unref(event);
}

/* Whatever becomes of the entry: it is not waited for, and nothing crashes. */
static int try_decision_log(void *userdata) {
        (void) decision_log_move(77, "comm", "rule", "web", "/a");
        return 0;
}

static void test_decision_log(void **state) {
        int devnull = open("/dev/null", O_WRONLY | O_CLOEXEC), saved = dup(STDERR_FILENO);

        dup2(devnull, STDERR_FILENO);
        (void) shortage_of(SHORTAGE_MEMORY, try_decision_log, NULL, NULL);
        (void) shortage_of(SHORTAGE_DESCRIPTORS, try_decision_log, NULL, NULL);
        dup2(saved, STDERR_FILENO);
        close(saved);
        close(devnull);
}

/* ---- processes ------------------------------------------------------------------------------------------------------ */

static int try_facts(void *userdata) {
        ProcReader reader = { .proc = -EBADF };
        ProcInfo p;
        int r = proc_reader_init(&reader, userdata);

        procinfo_init(&p);
        if (r >= 0)
                r = procinfo_open(&reader, getpid(), &p);
        if (r >= 0)
                r = procinfo_read(&reader, &p, FACT_BIT(_FACT_N) - 1);
        if (r >= 0) { /* what is known is true */
                const Subject *s = &p.subject;
                if (s->known & FACT_BIT(FACT_COMM))
                        assert_string_equal(s->comm, "shortage");
                if (s->known & FACT_BIT(FACT_UID))
                        assert_int_equal(s->uid, geteuid());
                if (s->known & FACT_BIT(FACT_GID))
                        assert_int_equal(s->gid, getegid());
                if (s->known & FACT_BIT(FACT_RUID))
                        assert_int_equal(s->ruid, getuid());
                if (s->known & FACT_BIT(FACT_ARG0))
                        assert_non_null(strstr(s->arg0, "test-shortage"));
                assert_true(s->pid == getpid() || !(s->known & FACT_BIT(FACT_PID)));
                if (!shortage_met())
                        assert_true(s->known & FACT_BIT(FACT_COMM) && s->known & FACT_BIT(FACT_UID) && s->known & FACT_BIT(FACT_ARG0));
        }
        procinfo_close(&p);
        proc_reader_done(&reader);
        return r;
}

typedef struct World {
        Manager m;
        RuleBase rules;
        Verdict verdict;
} World;

static void world_open(World *w, const char *without) {
        static const char text[] = "other: !comm=shortage => web\nanother: !arg0=*test-shortage* => web\nstranger: !uid=0-4294967294 => web\n"
                                   "mine: comm~\"(s|x)(ho)+rt(age)+\" => web\nlater: comm=shortage => web\n";
        const WireHierarchy h = { .index = 0, .version = 2, .flags = WIRE_HIERARCHY_MEMBERSHIP, .mount = "/m", .root = "/pclass" };
        const WireClass web = { .template_index = WIRE_NONE, .hierarchies = 1, .name = "web" };
        static const Options options;
        TextError err = {};

        *w = (World) { .m = { .marks.fd = -EBADF, .exe.fd = -EBADF, .rules = &w->rules, .options = &options } };
        assert_int_equal(ruleset_new(&w->rules.current), 0);
        assert_true(ruleset_add_text(w->rules.current, text, strlen(text), "t", &err) >= 0);
        assert_int_equal(ruleset_compile(w->rules.current, &(RulesetEnv) {}), 0);
        assert_int_equal(match_cache_new(&w->rules.cache), 0);
        assert_int_equal(proctable_new(&w->m.table), 0);
        assert_int_equal(proc_reader_init(&w->m.reader, without), 0);
        assert_int_equal(classes_init(&w->m.classes), 0);
        assert_int_equal(cgroup_ids_init(&w->m.cgroup_ids), 0);
        assert_int_equal(classes_add_hierarchy(&w->m.classes, &h), 0);
        assert_int_equal(classes_add_class(&w->m.classes, &web, NULL), 0);
        verdict_init(&w->verdict);
}

static void world_close(World *w) {
        proctable_free(w->m.table);
        classes_done(&w->m.classes);
        cgroup_ids_done(&w->m.cgroup_ids);
        proc_reader_done(&w->m.reader);
        match_cache_free(w->rules.cache);
        ruleset_free(w->rules.current);
}

/* No rule but the one that is right: an unknown fact fulfils neither a condition nor its negation. */
static int try_verdict(void *userdata) {
        World *w = userdata;
        Verdict *v = &w->verdict;
        int r;

        shortage_pause(); /* what was found before is not remembered */
        match_cache_free(w->rules.cache);
        assert_int_equal(match_cache_new(&w->rules.cache), 0);
        shortage_resume();
        r = verdict_open(&w->m, v, getpid());
        if (r >= 0)
                r = verdict_judge(&w->m, v, w->rules.current, NULL);
        if (r >= 0 && v->entry)
                assert_string_equal(rule_name(v->entry->rule), "mine");
        if (r >= 0 && !v->entry)
                assert_true(shortage_met() && v->missing);
        verdict_reset(v);
        return r;
}

static void test_processes(void **state) {
        static const char *const without[] = { NULL, "pidfd-info", "pidfd-info,pidfs" };

        prctl(PR_SET_NAME, "shortage", 0, 0, 0);
        for (size_t i = 0; i < ELEMENTSOF(without); i++)
                for (ShortageKind kind = SHORTAGE_MEMORY; kind < _SHORTAGE_N; kind++) {
                        World w;
                        (void) shortage_of(kind, try_facts, (void *) without[i], NULL);
                        world_open(&w, without[i]);
                        unsigned n = shortage_of(kind, try_verdict, &w, NULL);
                        assert_true(kind == SHORTAGE_MEMORY || n > 0);
                        world_close(&w);
                }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rules),
                cmocka_unit_test(test_compile_again),
                cmocka_unit_test(test_cgrules),
                cmocka_unit_test_setup_teardown(test_classes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_config, setup, teardown),
                cmocka_unit_test_setup_teardown(test_store, setup, teardown),
                cmocka_unit_test(test_assignments),
                cmocka_unit_test(test_tables),
                cmocka_unit_test_setup_teardown(test_talks, setup, teardown),
                cmocka_unit_test(test_decision_log),
                cmocka_unit_test(test_processes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
