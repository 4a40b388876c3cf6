/* Random files of cgrules.conf and random processes, judged twice: by rules/, which reads the text, and by a slow walk over what the generator meant.
 * And files that rules of pclass can say in full, judged as both. PCLASS_SEED repeats a run. */
#include "rules/cgset.h"
#include "tests/unit/rulegen.h"

#include <stdio.h>
#include "tests/unit/test.h"

#define FILES 4000
#define LINES 9
#define PROCESSES 30
#define PATH_SIZE 512 /* more than six parts can make */
#define PICK(array) (array)[below(ELEMENTSOF(array))]

/* ---- what a file means ---------------------------------------------------------------------------------------------- */

static const struct {
        const char *name;
        bool known;
        uint32_t id;
} users[] = { { "peter", true, 1000 }, { "sjo", true, 1001 }, { "1001", false, 0 }, { "ghost", false, 0 } },
  groups[] = { { "admin", true, 300 }, { "users", true, 100 }, { "ghosts", false, 0 } };

static const char *const programs[] = { "cp", "/bin/cp", "c*", "/bin/*", "*", "Web Content", "a-program-with-long-name", "vi", "/usr/bin/vi", "b#c" };
static const char *const controllers[] = { "cpu", "memory", "pids" };
/* Parts of destinations and what they mean: a letter is a fact. */
static const struct {
        const char *text, *literal;
        char fact;
} parts[] = { { "a", "a", 0 }, { "/", "/", 0 }, { "b", "b", 0 }, { "//", "//", 0 }, { "%u", NULL, 'u' }, { "%U", NULL, 'U' }, { "%g", NULL, 'g' },
              { "%G", NULL, 'G' }, { "%p", NULL, 'p' }, { "%P", NULL, 'P' }, { "\\%", "%", 0 }, { "%x", "%x", 0 }, { "\\\\", "\\", 0 },
              { ".", ".", 0 }, { "%%", "%%", 0 }, { "%%u", "%%u", 0 } };

typedef struct Meaning {
        bool ditto;
        char kind;             /* of the head: '*' 'u' 'g' */
        unsigned who;
        const char *program;   /* as it counts; NULL: any */
        bool own_program;
        bool all;              /* controllers: * */
        unsigned mask;
        unsigned part[6], n_parts;
        bool ignore, ignore_rt;
        unsigned line;
} Meaning;

typedef struct Process {
        Subject s;
        gid_t members[2];
        bool realtime;
        const char *place[ELEMENTSOF(controllers)]; /* NULL: unknown */
} Process;

/* ---- the generator -------------------------------------------------------------------------------------------------- */

static void meaning_new(Meaning *m, const Meaning *above, const Meaning *head) {
        *m = (Meaning) { .ditto = above && below(3) == 0, .all = below(4) == 0, .mask = 1 + below(7), .n_parts = 1 + below(6) };
        m->kind = "**uug"[below(5)];
        m->who = below(m->kind == 'g' ? ELEMENTSOF(groups) : ELEMENTSOF(users));
        m->own_program = below(m->ditto ? 4 : 2) == 0;
        if (m->own_program)
                m->program = PICK(programs);
        if (m->ditto) {
                m->kind = head->kind;
                m->who = head->who;
                if (!m->own_program)
                        m->program = head->program;
        }
        for (unsigned i = 0; i < m->n_parts; i++)
                m->part[i] = below(3) ? below(4) : below(ELEMENTSOF(parts));
        m->ignore = below(5) == 0;
        m->ignore_rt = below(8) == 0;
}

/* True for a destination that no file may have: a component "..". */
static bool is_forbidden(const Meaning *m) {
        char text[64] = "/";

        for (unsigned i = 0; i < m->n_parts; i++)
                strcat(text, parts[m->part[i]].literal ? parts[m->part[i]].literal : "x");
        strcat(text, "/");
        return strstr(text, "/../");
}

static void write_key(FILE *f, const Meaning *m) {
        const char *quote = m->own_program && strpbrk(m->program, " #") ? "\"" : below(6) ? "" : "\"";
        bool whole = *quote && below(2);

        fputs(whole ? quote : "", f);
        if (m->ditto)
                fputs("%", f);
        else if (m->kind == '*')
                fputs("*", f);
        else
                fprintf(f, "%s%s", m->kind == 'g' ? "@" : "", m->kind == 'g' ? groups[m->who].name : users[m->who].name);
        if (m->own_program)
                fprintf(f, ":%s%s%s", whole ? "" : quote, m->program, whole ? "" : quote);
        fputs(whole ? quote : "", f);
}

static void write_controllers(FILE *f, const Meaning *m) {
        bool any = false;

        for (unsigned i = 0; i < ELEMENTSOF(controllers); i++)
                if (m->mask & 1u << i && !(m->all && below(2))) {
                        fprintf(f, "%s%s", any ? "," : "", controllers[i]);
                        any = true;
                }
        if (m->all)
                fputs(any ? ",*" : "*", f);
}

static void write_line(FILE *f, const Meaning *m) {
        static const char *const gaps[] = { " ", "\t", "  \t " };

        fputs(below(4) ? "" : PICK(gaps), f);
        write_key(f, m);
        fputs(PICK(gaps), f);
        write_controllers(f, m);
        fputs(PICK(gaps), f);
        bool quoted = below(5) == 0;
        fputs(quoted ? "\"" : "", f);
        for (unsigned i = 0; i < m->n_parts; i++)
                fputs(parts[m->part[i]].text, f);
        fputs(quoted ? "\"" : "", f);
        if (m->ignore || m->ignore_rt)
                fprintf(f, "%s%s%s%s", PICK(gaps), m->ignore ? "ignore" : "", m->ignore && m->ignore_rt ? "," : "", m->ignore_rt ? "ignore_rt" : "");
        fputs(below(5) ? "" : below(2) ? " # peter cpu x" : "#x", f);
        fputs(below(8) ? "\n" : "\r\n", f);
}

/* Leaves what rules of pclass can say. */
static void make_plain(Meaning *m) {
        m->all = m->ignore = m->ignore_rt = false;
        m->part[0] = 0; /* not the root */
        for (unsigned i = 1; i < m->n_parts; i++)
                m->part[i] %= 4; /* no facts, no odd characters */
        if (m->ditto)
                return;
        if (m->kind == '*' && below(3)) { /* else it takes nearly all processes */
                m->kind = 'u';
                m->who = below(2);
        } else if (m->kind == 'u' && m->who == 2) /* a name made of digits */
                m->who = 0;
}

static char *write_file(Meaning *m, bool plain) {
        char *text = NULL;
        size_t size;
        unsigned line = 0;
        Meaning *head = NULL;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        for (unsigned i = 0; i < LINES; i++) {
                for (; below(4) == 0; line++)
                        fputs(below(2) ? "\n" : "  # comment\n", f);
                do
                        meaning_new(&m[i], i ? &m[i - 1] : NULL, head);
                while (is_forbidden(&m[i]) || (plain && m[i].ditto && m[i].own_program));
                if (plain)
                        make_plain(&m[i]);
                if (!m[i].ditto)
                        head = &m[i];
                m[i].line = ++line;
                write_line(f, &m[i]);
        }
        assert_int_equal(fclose(f), 0);
        return text;
}

static void proc_new(Process *p) {
        static const uint32_t uids[] = { 1000, 1001, 0 }, gids[] = { 300, 100, 7 };
        static const char *const comms[] = { "cp", "Web Content", "a-program-with-", "vi", "..", "x/y", "b#c", "." };
        static const char *const exes[] = { "/bin/cp", "/usr/bin/vim.basic", "/bin/a/a-program-with-long-name", "/x" };
        static const char *const arg0s[] = { "/usr/bin/vi", "vi", "cp", "/bin/cp", "-cp" };
        static const char *const places[] = { "/", "/a", "/a/b", "/ab", "/b", "/a/1000" };

        *p = (Process) { .realtime = below(3) == 0 };
        p->s = (Subject) { .known = below(4) ? ~0u : below(~0u >> 1), .uid = PICK(uids), .gid = PICK(gids), .pid = 42, .comm = PICK(comms),
                           .exe = PICK(exes), .arg0 = PICK(arg0s), .members = p->members, .n_members = below(3), .user = "peter", .group = "admin" };
        p->members[0] = PICK(gids);
        p->members[1] = PICK(gids);
        for (unsigned i = 0; i < ELEMENTSOF(controllers); i++)
                p->place[i] = below(4) ? PICK(places) : NULL;
}

/* ---- judging slowly ------------------------------------------------------------------------------------------------- */

static bool knows(const Process *p, Fact f) {
        return p->s.known & FACT_BIT(f);
}

static const char *after_slash(const char *path) {
        const char *last = path;

        for (const char *c = path; *c; c++)
                if (*c == '/')
                        last = c + 1;
        return last;
}

static bool like(const char *pattern, const char *text) {
        if (streq(pattern, "*"))
                return true;
        if (*pattern == '\0' || *text == '\0')
                return *pattern == *text;
        return *pattern == *text && like(pattern + 1, text + 1);
}

static bool says_program(const char *program, const Process *p) {
        bool path = *program == '/';

        if (streq(program, "*"))
                return true;
        if (knows(p, FACT_EXE) && like(program, path ? p->s.exe : after_slash(p->s.exe)))
                return true;
        if (!knows(p, FACT_COMM))
                return false;
        if (!path && like(program, p->s.comm))
                return true;
        if (!knows(p, FACT_ARG0))
                return false;
        char cut[16];
        snprintf(cut, sizeof(cut), "%.15s", after_slash(p->s.arg0));
        return streq(cut, p->s.comm) && like(program, path ? p->s.arg0 : after_slash(p->s.arg0));
}

static bool says_line(const Meaning *m, const Process *p) {
        bool who = m->kind == '*';

        if (m->kind == 'u')
                who = users[m->who].known && knows(p, FACT_UID) && p->s.uid == users[m->who].id;
        if (m->kind == 'g' && groups[m->who].known) {
                who = knows(p, FACT_GID) && p->s.gid == groups[m->who].id;
                for (unsigned i = 0; knows(p, FACT_MEMBER) && i < p->s.n_members; i++)
                        who |= p->members[i] == groups[m->who].id;
        }
        return who && (!m->program || says_program(m->program, p));
}

static bool add_number(char *out, bool known, long value) {
        if (known)
                sprintf(out + strlen(out), "%ld", value);
        return known;
}

static bool add_fact(char *out, char fact, const Process *p) {
        const char *name = NULL;

        if (fact == 'u' && knows(p, FACT_USER))
                name = p->s.user;
        if (fact == 'g' && knows(p, FACT_GROUP))
                name = p->s.group;
        if (fact == 'p' && knows(p, FACT_COMM))
                name = p->s.comm;
        if (fact == 'p' && knows(p, FACT_EXE) &&
            (!name || (streq(name, "a-program-with-") && streq(after_slash(p->s.exe), "a-program-with-long-name"))))
                name = after_slash(p->s.exe);
        if (name && strchr(name, '/'))
                return false;
        if (name)
                return strcat(out, name);
        if (fact == 'u' || fact == 'U')
                return add_number(out, knows(p, FACT_UID), p->s.uid);
        if (fact == 'g' || fact == 'G')
                return add_number(out, knows(p, FACT_GID), p->s.gid);
        return add_number(out, knows(p, FACT_PID), p->s.pid);
}

/* The path in ret; false when there is none. Facts are marked by a byte that no text has, to know a "." of theirs. */
static bool says_path(const Meaning *m, const Process *p, char ret[static PATH_SIZE]) {
        char marked[PATH_SIZE / 2] = "", *save = NULL;

        for (unsigned i = 0; i < m->n_parts; i++) {
                const char *literal = parts[m->part[i]].literal;
                strcat(marked, literal ? literal : "\1");
                if (!literal && !add_fact(marked, parts[m->part[i]].fact, p))
                        return false;
        }
        *ret = '\0';
        for (char *c = strtok_r(marked, "/", &save); c; c = strtok_r(NULL, "/", &save)) {
                char plain[PATH_SIZE / 2];
                unsigned n = 0;
                for (const char *q = c; *q; q++)
                        if (*q != '\1')
                                plain[n++] = *q;
                plain[n] = '\0';
                if (streq(plain, "..") || (streq(plain, ".") && strchr(c, '\1')))
                        return false;
                if (!streq(plain, "."))
                        strcat(strcat(ret, "/"), plain);
        }
        if (!*ret)
                strcpy(ret, "/");
        return true;
}

static bool says_ignore(const Meaning *m, const Process *p) {
        char path[PATH_SIZE];
        const char *last = parts[m->part[m->n_parts - 1]].text;
        bool tree = last[strlen(last) - 1] == '/';

        if ((!m->ignore && !p->realtime) || !says_path(m, p, path))
                return false;
        for (unsigned i = 0; i < ELEMENTSOF(controllers); i++) {
                const char *at = p->place[i];
                if (!at || !(m->all || m->mask & 1u << i))
                        continue;
                if (streq(path, "/") ? streq(at, "/") : startswith(at, path) && (!tree || strchr("/", at[strlen(path)])))
                        return true;
        }
        return false;
}

typedef struct Expected {
        const Meaning *line; /* NULL: none */
        bool ignored, nowhere;
        char path[ELEMENTSOF(controllers)][PATH_SIZE]; /* "": nowhere */
} Expected;

static void carry_out(const Meaning *m, const Process *p, Expected *e) {
        char path[PATH_SIZE];

        if (m->ignore || m->ignore_rt)
                return;
        if (!says_path(m, p, path))
                e->nowhere = true;
        for (unsigned i = 0; !e->nowhere && i < ELEMENTSOF(controllers); i++)
                if (m->all || m->mask & 1u << i)
                        strcpy(e->path[i], path);
}

/* One line after the other; `e->line` set: its rule is being carried out until the next line that is not a %. */
static void judge(const Meaning *m, const Process *p, Expected *e) {
        *e = (Expected) {};
        for (unsigned i = 0; i < LINES; i++) {
                if (e->line && !m[i].ditto)
                        break;
                if (!says_line(&m[i], p))
                        continue;
                if (e->line) {
                        carry_out(&m[i], p, e);
                        continue;
                }
                if (m[i].ditto && !m[i].own_program)
                        continue;
                if (m[i].ignore || m[i].ignore_rt) {
                        if (!says_ignore(&m[i], p))
                                continue;
                        e->ignored = true;
                        e->line = &m[i];
                        break;
                }
                e->line = &m[i];
                carry_out(&m[i], p, e);
        }
        for (unsigned i = 0; i < ELEMENTSOF(controllers); i++)
                if (e->nowhere)
                        *e->path[i] = '\0';
}

/* ---- comparing ------------------------------------------------------------------------------------------------------ */

static int user_by_name(const char *name, uid_t *ret, void *userdata) {
        for (unsigned i = 0; i < ELEMENTSOF(users); i++)
                if (users[i].known && streq(users[i].name, name)) {
                        *ret = users[i].id;
                        return 0;
                }
        return -ENOENT;
}

static int group_by_name(const char *name, gid_t *ret, void *userdata) {
        for (unsigned i = 0; i < ELEMENTSOF(groups); i++)
                if (groups[i].known && streq(groups[i].name, name)) {
                        *ret = groups[i].id;
                        return 0;
                }
        return -ENOENT;
}

static void no_error(const TextError *where, void *userdata) {
        fail_msg("seed %u: line %u:%u: %s\n%s", chance_seed, where->line, where->column, where->message, (const char *) userdata);
}

static CgRules *read_file(char *text) {
        static const RulesetEnv env = { .user_by_name = user_by_name, .group_by_name = group_by_name };
        CgRules *c;

        assert_int_equal(cgrules_new(&c), 0);
        assert_int_equal(cgrules_add_text(c, text, strlen(text), "f", no_error, text), 0);
        assert_int_equal(cgrules_size(c), LINES);
        cgrules_resolve(c, &env);
        return c;
}

/* As the service asks: through a ruleset, by the index. */
static bool same_indexed(const Ruleset *rs, const CgProcess *process, const CgVerdict *v) {
        const RuleEntry *entry = NULL;
        CgVerdict indexed = {};
        int r = ruleset_match_cgrules(rs, process, NULL, &entry, &indexed);
        bool same = r == (v->rule != NULL) && indexed.rule == v->rule && indexed.ignored == v->ignored && streq(indexed.problem, v->problem);

        same = same && (!entry || entry->line == v->rule->line);
        for (unsigned i = 0; i < ELEMENTSOF(controllers) && same; i++)
                same = streq_ptr(cg_verdict_path(&indexed, controllers[i]), cg_verdict_path(v, controllers[i]));
        cg_verdict_done(&indexed);
        return same;
}

static Ruleset *live(CgRules *c) {
        static const RulesetEnv env = { .user_by_name = user_by_name, .group_by_name = group_by_name };
        TextError err = {};
        Ruleset *rs;

        assert_int_equal(ruleset_new(&rs), 0);
        assert_int_equal(ruleset_add_cgrules(rs, c, false, &err), 0);
        assert_int_equal(ruleset_compile(rs, &env), 0);
        return rs;
}

static bool compare(const CgRules *c, const Ruleset *rs, const Meaning *m, const Process *p, const char *text) {
        CgPlace places[ELEMENTSOF(controllers)];
        CgProcess process = { .subject = &p->s, .realtime = p->realtime, .places = places };
        CgVerdict v;
        Expected e;

        for (unsigned i = 0; i < ELEMENTSOF(controllers); i++)
                if (p->place[i])
                        places[process.n_places++] = (CgPlace) { controllers[i], p->place[i] };
        judge(m, p, &e);
        assert_int_equal(cgrules_match(c, &process, &v), 0);
        bool same = same_indexed(rs, &process, &v) && (v.rule ? v.rule->line : 0) == (e.line ? e.line->line : 0) && v.ignored == e.ignored && (v.problem[0] != 0) == e.nowhere;
        for (unsigned i = 0; i < ELEMENTSOF(controllers); i++)
                same &= streq(strnull(cg_verdict_path(&v, controllers[i])), e.path[i]);
        if (!same)
                fail_msg("seed %u: line %u ignored %d problem '%s' cpu %s memory %s pids %s; expected line %u ignored %d nowhere %d %s %s %s\n"
                         "uid %u gid %u known %x comm %s exe %s arg0 %s\n%s", chance_seed, v.rule ? v.rule->line : 0, v.ignored, v.problem,
                         strnull(cg_verdict_path(&v, "cpu")), strnull(cg_verdict_path(&v, "memory")), strnull(cg_verdict_path(&v, "pids")),
                         e.line ? e.line->line : 0, e.ignored, e.nowhere, e.path[0], e.path[1], e.path[2], p->s.uid, p->s.gid, p->s.known, p->s.comm,
                         p->s.exe, p->s.arg0, text);
        cg_verdict_done(&v);
        return e.line;
}

static void test_oracle(void **state) {
        unsigned cases = 0, matches = 0;

        chance_start();
        for (unsigned i = 0; i < FILES; i++) {
                Meaning m[LINES];
                _cleanup_free_ char *text = write_file(m, false);
                _cleanup_(cgrules_freep) CgRules *c = read_file(text);
                _cleanup_(ruleset_freep) Ruleset *rs = live(c);
                for (unsigned k = 0; k < PROCESSES; k++, cases++) {
                        Process p;
                        proc_new(&p);
                        matches += compare(c, rs, m, &p, text);
                }
        }
        print_message("%u cases, %u matches\n", cases, matches);
        assert_true(cases >= 100000 && matches > cases / 5 && matches < cases * 19 / 20); /* else the generator says little */
}

/* ---- as rules of pclass --------------------------------------------------------------------------------------------- */

static Ruleset *import(const CgRules *c, char **ret_text) {
        static const RulesetEnv env = { .user_by_name = user_by_name, .group_by_name = group_by_name };
        TextError err = {};
        Ruleset *rs;
        size_t size;
        FILE *f = open_memstream(ret_text, &size);

        assert_true(f && cgrules_format(c, f) == 0 && fclose(f) == 0);
        assert_int_equal(ruleset_new(&rs), 0);
        if (strchr(*ret_text, '\n') == NULL || startswith(*ret_text, "# ") || strstr(*ret_text, "\n# "))
                fail_msg("seed %u: not said in full:\n%s", chance_seed, *ret_text);
        if (ruleset_add_text(rs, *ret_text, size, "f", &err) < 0)
                fail_msg("seed %u: %u:%u: %s\n%s", chance_seed, err.line, err.column, err.message, *ret_text);
        assert_int_equal(ruleset_compile(rs, &env), 0);
        return rs;
}

static const char *class_for(const Rule *rule, const char *controller) {
        const RuleTarget *t;
        size_t n = rule_targets(rule, &t);

        for (size_t i = 0; i < n; i++)
                for (char **name = t[i].controllers; *name; name++)
                        if (streq(*name, controller))
                                return t[i].class_name;
        return NULL;
}

static bool compare_import(const CgRules *c, const Ruleset *rs, const Process *p, const char *text, const char *imported) {
        const RuleEntry *e = ruleset_match(rs, &p->s, NULL);
        char name[CGRULE_NAME_SIZE] = "none";
        const char *rest = NULL;
        CgVerdict v;
        bool same, any;

        assert_int_equal(cgrules_match(c, &(CgProcess) { .subject = &p->s }, &v), 0);
        if (v.rule && e)
                rest = startswith(rule_name(e->rule), cgrule_name(v.rule, name));
        same = !e == !v.rule && (!e || (rest && (!*rest || *rest == '-')));
        for (unsigned i = 0; e && i < ELEMENTSOF(controllers); i++) {
                const char *path = cg_verdict_path(&v, controllers[i]), *class_name = class_for(e->rule, controllers[i]);
                same &= streq_ptr(path ? path + 1 : NULL, class_name);
        }
        if (!same)
                fail_msg("seed %u: %s, as rules of pclass %s; uid %u gid %u comm %s exe %s\n%s\n%s", chance_seed, name,
                         e ? rule_text(e->rule) : "none", p->s.uid, p->s.gid, p->s.comm, p->s.exe, text, imported);
        any = v.rule;
        cg_verdict_done(&v);
        return any;
}

static void test_import(void **state) {
        unsigned cases = 0, matches = 0;

        chance_start();
        for (unsigned i = 0; i < FILES / 4; i++) {
                Meaning m[LINES];
                _cleanup_free_ char *text = write_file(m, true), *imported = NULL;
                _cleanup_(cgrules_freep) CgRules *c = read_file(text);
                _cleanup_(ruleset_freep) Ruleset *rs = import(c, &imported);
                for (unsigned k = 0; k < PROCESSES; k++, cases++) {
                        Process p;
                        proc_new(&p);
                        p.s.known &= ~FACT_BIT(FACT_ARG0); /* rules do not look at the name of a link */
                        p.s.known |= FACT_BIT(FACT_UID); /* as "everybody" is said by the uid */
                        matches += compare_import(c, rs, &p, text, imported);
                }
        }
        print_message("%u cases, %u matches\n", cases, matches);
        assert_true(matches > cases / 5 && matches < cases * 19 / 20);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_oracle), cmocka_unit_test(test_import) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
