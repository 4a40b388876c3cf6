/* Makes up rules and processes from one small vocabulary, so that they meet often. */
#include "tests/unit/rulegen.h"

#include <stdio.h>
#include <time.h>

/* ---- chance ------------------------------------------------------------------------------------------------------- */

static uint64_t chance;
unsigned chance_seed;

unsigned below(unsigned n) {
        chance ^= chance << 13; /* xorshift64 */
        chance ^= chance >> 7;
        chance ^= chance << 17;
        return (unsigned) (chance >> 33) % n;
}
void chance_start(void) {
        const char *env = getenv("PCLASS_SEED");

        chance_seed = env ? (unsigned) strtoul(env, NULL, 10) : (unsigned) time(NULL);
        chance = chance_seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
        printf("PCLASS_SEED=%u\n", chance_seed);
}
static bool one_in(unsigned n) {
        return below(n) == 0;
}
#define PICK(array) (array)[below(ELEMENTSOF(array))]

/* ---- the machine and its vocabulary ------------------------------------------------------------------------------- */

static const char *const words[] = { "httpd_t", "nginx", "a", "ab", "my prog", "x|y", "#c", "it's", "q\"q", "b\\s", "*star", "[b]",
                                     "/usr/bin/cc", "/usr/bin/gcc", "=eq", ">gt", "what?", "", "-", "a]b", "!no", "{1}", "(p)", "a.b" };
static const char *const seusers[] = { "system_u", "user_u", "root" }, *const roles[] = { "system_r", "user_r" };
static const char *const types[] = { "httpd_t", "nginx_t", "container_t", "t" };

static const Named users[] = { { "root", 0, 0 }, { "ann", 1000, 0 }, { "bob", 1001, 0 }, { "ghost", 0, -ENOENT },
                               { "phantom", 0, -ENOENT }, { "dom user", 1002, 0 }, { "late", 0, -EAGAIN } };
static const Named groups[] = { { "wheel", 10, 0 }, { "users", 100, 0 }, { "stud ents", 200, 0 }, { "nogroup", 0, -ENOENT },
                                { "late", 0, -EAGAIN } };
static const uint32_t uids[] = { 0, 5, 1000, 1001, 1002, 4294967294u }, gids[] = { 10, 100, 200, 300 /* has no name */ };

static int find(const Named *list, size_t n, const char *name, uint32_t *ret) {
        for (size_t i = 0; i < n; i++)
                if (streq(list[i].name, name)) {
                        if (list[i].known == 0)
                                *ret = list[i].id;
                        return list[i].known;
                }
        return -ENOENT;
}
static int user_by_name(const char *name, uid_t *ret, void *userdata) {
        return find(users, ELEMENTSOF(users), name, ret);
}
static int group_by_name(const char *name, gid_t *ret, void *userdata) {
        return find(groups, ELEMENTSOF(groups), name, ret);
}
static const char *group_name(gid_t gid, void *userdata) {
        for (size_t i = 0; i < ELEMENTSOF(groups); i++)
                if (groups[i].known == 0 && groups[i].id == gid)
                        return groups[i].name;
        return NULL;
}
static bool class_exists(const char *name, void *userdata) {
        return !streq(name, "nowhere");
}

const RulesetEnv rulegen_machine = {
        .user_by_name = user_by_name, .group_by_name = group_by_name, .group_name = group_name, .class_exists = class_exists,
};

static const unsigned categories[CATEGORIES] = { 0, 1, 2, 3, 64, 1023 };
const char *const k_names[K_N] = { "context", "seuser", "role", "type", "range", "uid", "gid", "user", "group", "member",
                                       "comm", "exe", "arg0", "cgroup", "unit", "label", "ruid", "loginuid", "session", "script", "parent-class" };

/* ---- making it up ------------------------------------------------------------------------------------------------- */

static Glob make_glob(const char *word, bool plain) {
        Glob g = {};

        for (const char *p = word; *p; p++) {
                Piece x = { .kind = BYTE, .c = *p };
                unsigned dice = plain ? 99 : below(14);
                if (dice == 0) {
                        x.kind = STAR;
                        for (unsigned skip = below(4); skip > 0 && p[1]; skip--)
                                p++;
                } else if (dice == 1)
                        x.kind = ONE;
                else if (dice == 2) {
                        x = (Piece) { .kind = SET, .not = one_in(2), .from = one_in(2) ? 'a' : '\0', .to = 'f' };
                        x.members[0] = one_in(4) ? "]-!^[|\\\"#"[below(9)] : *p;
                }
                g.piece[g.n++] = x;
        }
        if (!plain && one_in(6))
                g.piece[g.n++] = (Piece) { .kind = STAR };
        return g;
}

static Regex make_regex(const char *word) {
        static const struct {
                unsigned least, most;
                const char *suffix;
        } times[] = { { 1, 1, "" }, { 1, 1, "" }, { 1, 1, "" }, { 0, 1, "?" }, { 0, 99, "*" }, { 1, 99, "+" }, { 2, 2, "{2}" }, { 0, 2, "{0,2}" } };
        Regex r = {};

        for (const char *p = word; *p; p++) {
                unsigned t = below(ELEMENTSOF(times));
                Atom a = { .c = one_in(6) ? '\0' : *p, .least = times[t].least, .most = times[t].most, .suffix = times[t].suffix };
                if (one_in(8)) {
                        a.one = PICK(words);
                        a.other = "ab";
                        if (!*a.one) { /* it can be empty, and is not repeated */
                                a.least = a.most = 1;
                                a.suffix = "";
                        }
                }
                r.atom[r.n++] = a;
        }
        if (r.n == 0)
                r.atom[r.n++] = (Atom) { .least = 0, .most = 99, .suffix = "*" };
        return r;
}

static Lvl make_level(void) {
        Lvl l = { .s = below(3) };

        for (unsigned i = 0; i < CATEGORIES; i++)
                l.c[i] = one_in(2);
        return l;
}

static const char *word_for(K key) {
        switch (key) {
        case SEUSER:
                return PICK(seusers);
        case ROLE:
                return PICK(roles);
        case TYPE:
                return PICK(types);
        case RANGE:
                return one_in(2) ? "s0" : "s0:c0.c3";
        case USER:
                return users[below(ELEMENTSOF(users))].name;
        case GROUP:
        case MEMBER:
                return groups[below(ELEMENTSOF(groups))].name;
        default:
                return PICK(words);
        }
}

static bool takes_names(K key) {
        return key == USER || key == GROUP || key == MEMBER;
}

static bool is_wild(const Glob *g) {
        for (unsigned i = 0; i < g->n; i++)
                if (g->piece[i].kind != BYTE)
                        return true;
        return false;
}

static Alt make_name(K key) {
        Alt a = { .at = key == GROUP && one_in(2) };

        if (one_in(4)) {
                a.number = true;
                a.from = a.to = key == USER ? PICK(uids) : PICK(gids);
                return a;
        }
        a.glob[0] = make_glob(word_for(key), one_in(2));
        if (!is_wild(&a.glob[0]))
                a.named = key == USER ? &PICK(users) : &PICK(groups);
        return a;
}

static Alt make_alt(const Cond *c) {
        Alt a = {};

        if (takes_names(c->key))
                return make_name(c->key);
        if (IS_NUMBER(c->key)) {
                a.number = true;
                a.from = a.to = c->key != GID ? PICK(uids) : PICK(gids);
                if (*c->op == '=' && one_in(3)) {
                        uint32_t other = c->key != GID ? PICK(uids) : PICK(gids);
                        a.from = MIN(a.from, other);
                        a.to = MAX(a.to, other);
                }
        } else if (c->key == RANGE && *c->op != '=')
                a.level = make_level();
        else if (c->key == CONTEXT) {
                static const K field[] = { SEUSER, ROLE, TYPE, RANGE };
                a.fields = 3 + below(2);
                for (unsigned i = 0; i < a.fields; i++)
                        a.glob[i] = one_in(3) ? (Glob) { .piece = { { .kind = STAR } }, .n = 1 } : make_glob(word_for(field[i]), one_in(2));
        } else
                a.glob[0] = make_glob(word_for(c->key), one_in(2));
        return a;
}

static Cond make_cond(void) {
        Cond c = { .key = (K) below(K_N), .op = "=", .not = one_in(4), .n = 1 };

        if ((IS_NUMBER(c.key) || c.key == RANGE) && one_in(2))
                c.op = one_in(2) ? "<=" : ">=";
        else if (!IS_NUMBER(c.key) && one_in(6)) {
                c.op = "~";
                c.regex = make_regex(word_for(c.key));
                return c;
        }
        c.n = 1 + below(3);
        for (unsigned i = 0; i < c.n; i++)
                c.alt[i] = make_alt(&c);
        return c;
}

/* ---- writing it down ---------------------------------------------------------------------------------------------- */

static bool has(const char *set, char c) {
        return c && strchr(set, c);
}

static void print_glob(FILE *f, const Glob *g, bool quoted) {
        for (unsigned i = 0; i < g->n; i++) {
                const Piece *p = &g->piece[i];
                if (p->kind == STAR || p->kind == ONE)
                        fputc(p->kind == STAR ? '*' : '?', f);
                else if (p->kind == BYTE)
                        fprintf(f, "%s%c", quoted && (has("\"\\*?[", p->c) || one_in(12)) ? "\\" : "", p->c);
                else {
                        fprintf(f, "[%s", p->not ? "!" : "");
                        for (const char *m = p->members; *m; m++)
                                fprintf(f, "%s%c", quoted && (has("]-!^[\"\\", *m) || one_in(12)) ? "\\" : "", *m);
                        if (p->from)
                                fprintf(f, "%c-%c", p->from, p->to);
                        fputc(']', f);
                }
        }
}

static bool needs_quotes(const Glob *g) {
        if (g->n == 0 || (g->piece[0].kind == BYTE && has("=>", g->piece[0].c)))
                return true;
        for (unsigned i = 0; i < g->n; i++)
                if (g->piece[i].kind == BYTE ? has(" |#\"'\\*?[", g->piece[i].c) :
                    g->piece[i].kind == SET && has(" |#\"'\\]-!^[", g->piece[i].members[0]))
                        return true;
        return false;
}

static void print_level(FILE *f, const Lvl *l) {
        const char *separator = ":";

        fprintf(f, "s%u", l->s);
        for (unsigned i = 0; i < CATEGORIES; i++) {
                unsigned last = i;
                if (!l->c[i])
                        continue;
                while (last + 1 < CATEGORIES && l->c[last + 1] && categories[last + 1] == categories[last] + 1 && !one_in(4))
                        last++;
                fprintf(f, "%sc%u", separator, categories[i]);
                if (last > i)
                        fprintf(f, ".c%u", categories[last]);
                separator = ",";
                i = last;
        }
}

static void print_alt(FILE *f, const Cond *c, const Alt *a) {
        Glob named = a->named ? make_glob(a->named->name, true) : a->glob[0];
        bool quoted = one_in(4);

        if (a->number) {
                fprintf(f, "%s%u", a->at ? "@" : "", *c->op == '<' ? a->to : a->from);
                if (a->from != a->to)
                        fprintf(f, "-%u", a->to);
        } else if (c->key == RANGE && *c->op != '=')
                print_level(f, &a->level);
        else {
                for (unsigned i = 0; i < MAX(a->fields, 1u); i++)
                        quoted = quoted || needs_quotes(a->fields ? &a->glob[i] : &named);
                fprintf(f, "%s%s", quoted ? "\"" : "", a->at ? "@" : "");
                for (unsigned i = 0; i < MAX(a->fields, 1u); i++) {
                        fputs(i > 0 ? ":" : "", f);
                        print_glob(f, a->fields ? &a->glob[i] : &named, quoted);
                }
                fputs(quoted ? "\"" : "", f);
        }
}

static void print_regex_text(FILE *f, const char *s) {
        for (; *s; s++)
                fprintf(f, "%s%c", has(".[]{}()*+?|^$\\\"", *s) ? "\\" : "", *s);
}

static void print_regex(FILE *f, const Regex *r) {
        fputc('"', f);
        for (unsigned i = 0; i < r->n; i++) {
                const Atom *a = &r->atom[i];
                if (a->other) {
                        fputc('(', f);
                        print_regex_text(f, a->one);
                        fputc('|', f);
                        print_regex_text(f, a->other);
                        fputc(')', f);
                } else if (a->c)
                        print_regex_text(f, (char[]) { a->c, '\0' });
                else
                        fputc('.', f);
                fputs(a->suffix, f);
        }
        fputc('"', f);
}

static void print_rule(Meant *m) {
        FILE *f = fmemopen(m->text, sizeof(m->text), "w");

        fprintf(f, "%s:", m->name);
        for (unsigned i = 0; i < m->n; i++) {
                const Cond *c = &m->cond[i];
                fprintf(f, "%s%s%s%s", one_in(5) ? "\t  " : " ", c->not ? "!" : "", k_names[c->key], c->op);
                if (*c->op == '~')
                        print_regex(f, &c->regex);
                else
                        for (unsigned k = 0; k < c->n; k++) {
                                fputs(k > 0 ? "|" : "", f);
                                print_alt(f, c, &c->alt[k]);
                        }
        }
        fprintf(f, " => %s", m->ignore ? "ignore" : m->prefix);
        for (unsigned i = 0; i < m->parts; i++)
                fprintf(f, "%s%c", m->is_spec[i] ? "%" : "", m->spec[i][0]);
        fprintf(f, "%s\n", m->disabled ? " disabled" : "");
        fclose(f);
}

void make_rule(Meant *m, unsigned i) {
        static const char *const prefixes[] = { "web", "tenants/", "a/b/", "nowhere" };

        *m = (Meant) { .n = 1 + below(3), .ignore = one_in(10), .disabled = one_in(20), .prefix = PICK(prefixes) };
        snprintf(m->name, sizeof(m->name), "r%u", i);
        for (unsigned k = 0; k < m->n; k++)
                m->cond[k] = make_cond();
        if (endswith(m->prefix, "/") && !m->ignore)
                m->parts = 1 + below(3);
        for (unsigned k = 0; k < m->parts; k++) {
                m->is_spec[k] = one_in(2);
                m->spec[k][0] = m->is_spec[k] ? "uUgGpPtrsl"[below(10)] : "xy.-"[below(4)];
        }
        m->spec[0][0] = m->parts > 0 && !m->is_spec[0] ? 'z' : m->spec[0][0]; /* a name does not begin with a dot */
        print_rule(m);
}

static void print_context(Proc *p) {
        FILE *f = fmemopen(p->range, sizeof(p->range), "w");

        if (one_in(2))
                fputs("s0-", f);
        if (p->context_kind == 3)
                fputs("SystemHigh", f);
        else
                print_level(f, &p->high);
        fclose(f);
        if (p->context_kind == 2)
                snprintf(p->context, sizeof(p->context), "kernel");
        else
                snprintf(p->context, sizeof(p->context), "%s:%s:%s%s%s", p->seuser, p->role, p->type,
                         p->context_kind == 1 ? "" : ":", p->context_kind == 1 ? "" : p->range);
}

void make_proc(Proc *p) {
        static const unsigned masks[] = { ~0u, ~0u, 0 };

        *p = (Proc) { .seuser = PICK(seusers), .role = PICK(roles), .type = PICK(types), .high = make_level(), .context_kind = (int) below(8) };
        p->s = (Subject) {
                .known = PICK(masks), .pid = 4711, .uid = PICK(uids), .gid = PICK(gids), .groups = p->groups, .members = p->members,
                .n_groups = below(4), .n_members = below(4), .context = p->context, .comm = PICK(words), .exe = PICK(words),
                .arg0 = PICK(words), .cgroup = PICK(words), .unit = PICK(words), .label = PICK(words),
                .ruid = PICK(uids), .loginuid = PICK(uids), .session = PICK(uids), .script = PICK(words), .parent_class = PICK(words),
                .user = word_for(USER), .group = word_for(GROUP),
        };
        if (p->s.known == 0 || one_in(3))
                p->s.known = below(1u << _FACT_N) | below(1u << _FACT_N);
        for (unsigned i = 0; i < 3; i++) {
                p->groups[i] = PICK(gids);
                p->members[i] = PICK(gids);
        }
        print_context(p);
}
