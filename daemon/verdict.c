/* Judging one process. */
#include "daemon/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include "common/log.h"
#include "daemon/birth.h"
#include "daemon/cgroupread.h"
#include "daemon/destination.h"
#include "daemon/internal.h"
#include "daemon/selinux.h"
#include "rules/cgset.h"
#include "rules/expand.h"

/* What the kernel itself tells about a process. */
#define KERNEL_FACTS (FACT_BIT(FACT_CONTEXT) | FACT_BIT(FACT_UID) | FACT_BIT(FACT_GID) | FACT_BIT(FACT_GROUPS) | FACT_BIT(FACT_COMM) | \
                      FACT_BIT(FACT_ARG0) | FACT_BIT(FACT_LABEL) | FACT_BIT(FACT_PID) | FACT_BIT(FACT_RUID) | FACT_BIT(FACT_LOGINUID) | \
                      FACT_BIT(FACT_SESSION) | FACT_BIT(FACT_SCRIPT))
#define ID_FACTS (FACT_BIT(FACT_UID) | FACT_BIT(FACT_GID) | FACT_BIT(FACT_GROUPS) | FACT_BIT(FACT_RUID)) /* of one file, where the pidfd does not tell them */
#define LINE_FACTS (FACT_BIT(FACT_ARG0) | FACT_BIT(FACT_SCRIPT))
#define LINE_PATIENCE_MSEC 50
#define ORIGIN_FACTS (FACT_BIT(FACT_CGROUP) | FACT_BIT(FACT_UNIT))

void verdict_init(Verdict *v) {
        memset(v, 0, offsetof(Verdict, path_text));
        v->unit = NULL;
        procinfo_init(&v->info);
}

void verdict_reset(Verdict *v) {
        procinfo_close(&v->info);
        free(v->unit);
        v->unit = NULL;
        v->entry = NULL;
        v->missing = v->wanted = v->in_place = v->held = 0;
        v->exe_error = v->line_error = 0;
        v->line_pending = v->patient = false;
        v->ignored = v->stuck = v->realtime = v->has_paths = v->origin_pending = false;
        v->names_pending = 0;
        v->n_targets = 0;
        v->order = 0;
        v->holder = HOLDER_NONE;
        v->detail[0] = v->by_id[0] = '\0';
}

int verdict_pin(Manager *m, Verdict *v, pid_t pid) {
        verdict_reset(v);
        v->looked_ns = now_ns();
        return procinfo_pin(&m->reader, pid, &v->info);
}

int verdict_complete(Manager *m, Verdict *v) {
        int r = procinfo_complete(&m->reader, &v->info);
        const Process *p = r >= 0 ? proctable_get(m->table, v->info.pid) : NULL;

        v->info.main_ended = p && p->main_ended && p->cookie == v->info.cookie;
        if (v->info.main_ended)
                v->info.v2_cgroup_id = 0; /* of the main thread */
        return r;
}

int verdict_open(Manager *m, Verdict *v, pid_t pid) {
        int r = verdict_pin(m, v, pid);

        return r < 0 ? r : verdict_complete(m, v);
}

int verdict_is_cookie(const Verdict *v, const char *cookie) {
        char *end;
        unsigned long long n;

        if (!*cookie)
                return 0;
        errno = 0;
        n = strtoull(cookie, &end, 16);
        if (errno || *end || strlen(cookie) > 16)
                return -EINVAL;
        return n == v->info.cookie ? 0 : -ESTALE;
}

/* New kernels tell the id of its group in cgroup2 with its uids. */
static bool has_cgroup_id(const Manager *m, const Verdict *v) {
        uint32_t h = m->classes.membership;

        return v->info.v2_cgroup_id && h != WIRE_NONE && m->classes.hierarchies[h].version == 2;
}

static void note_id(Manager *m, const Verdict *v) {
        const char *path = has_cgroup_id(m, v) ? v->paths[m->classes.membership] : NULL;

        if (path && strlen(path) < sizeof(v->by_id))
                (void) cgroup_ids_note(&m->cgroup_ids, m->classes.hierarchies[m->classes.membership].mount, path, v->info.v2_cgroup_id);
}

int verdict_paths(Manager *m, Verdict *v) {
        int r;

        if (v->has_paths)
                return 0;
        r = procinfo_cgroups(&m->reader, &v->info, m->classes.hierarchies, m->classes.n_hierarchies, v->path_text,
                             sizeof(v->path_text), v->paths);
        if (r < 0)
                return r;
        v->has_paths = true;
        note_id(m, v);
        return 0;
}

int verdict_membership_path(Manager *m, Verdict *v, const char **ret) {
        const char *path = v->has_paths || *v->by_id || !has_cgroup_id(m, v) ? NULL : cgroup_ids_get(&m->cgroup_ids, v->info.v2_cgroup_id);
        int r = 0;

        if (path) /* those that are remembered may be forgotten while this one is still needed */
                snprintf(v->by_id, sizeof(v->by_id), "%s", path);
        if (!*v->by_id)
                r = verdict_paths(m, v);
        if (r < 0)
                return r;
        *ret = *v->by_id ? v->by_id : m->classes.membership != WIRE_NONE ? v->paths[m->classes.membership] : NULL;
        return 0;
}

const char *verdict_seen_path(const Manager *m, const Verdict *v) {
        const char *path = v->has_paths && m->classes.membership != WIRE_NONE ? v->paths[m->classes.membership] : NULL;

        return path ?: v->by_id;
}

static void know(Verdict *v, Fact fact, int r) {
        if (r >= 0)
                v->info.subject.known |= FACT_BIT(fact);
        else if (r == -EAGAIN)
                v->names_pending |= FACT_BIT(fact);
}

static void name_facts(Manager *m, Verdict *v, uint32_t facts) {
        Subject *s = &v->info.subject;

        if ((facts & FACT_BIT(FACT_USER)) && (s->known & FACT_BIT(FACT_UID)))
                know(v, FACT_USER, names_user(m->names, s->uid, &s->user));
        if ((facts & FACT_BIT(FACT_GROUP)) && (s->known & FACT_BIT(FACT_GID)))
                know(v, FACT_GROUP, names_group(m->names, s->gid, &s->group));
        if ((facts & FACT_BIT(FACT_MEMBER)) && (s->known & FACT_BIT(FACT_UID)))
                know(v, FACT_MEMBER, names_member(m->names, s->uid, &s->members, &s->n_members));
}

static void exe_fact(Manager *m, Verdict *v) {
        v->exe_error = execlient_ask(&m->exe, &m->reader, &v->info, v->exe, sizeof(v->exe));
        m->stats.exe_asked++;
        if (v->exe_error >= 0) {
                v->info.subject.exe = v->exe;
                v->info.subject.known |= FACT_BIT(FACT_EXE);
        }
}

/* The line lies in memory of the process, which may not answer: another process reads it, and nobody waits for that one. */
static void line_facts(Manager *m, Verdict *v, uint32_t facts) {
        const Subject *s = &v->info.subject;
        CmdLineBytes line;

        v->line_error = cmdlineclient_ask(m->lines, v->info.pid, v->info.cookie, s->known & FACT_BIT(FACT_UID) ? s->uid : UINT32_MAX, v->patient ? LINE_PATIENCE_MSEC : 0, &line);
        v->line_pending = v->line_error == -EAGAIN;
        if (v->line_error == 0)
                procinfo_take_line(&v->info, line.text, line.n, line.cut, facts);
        else if (v->line_error == -ETIMEDOUT) {
                m->stats.lines_silent++;
                scan_look_again(m);
        } else if (v->line_error == -ENOBUFS || is_shortage(v->line_error))
                scan_request_later(m);
        else if (v->line_error == -EIO) /* who read it has ended meanwhile */
                scan_look_again(m);
        v->info.tried |= facts;
}

/* The hierarchy by which units are told: cgroup2 before name=systemd where both are. */
static uint32_t unit_hierarchy(const Classes *c) {
        uint32_t best = WIRE_NONE;

        for (uint32_t h = 0; h < c->n_hierarchies; h++)
                if (c->units & 1u << h) {
                        /* On a hybrid host without systemd's cgroup2 the unit paths are on name=systemd. */
                        if (best == WIRE_NONE || c->hierarchies[h].version == 2)
                                best = h;
                }
        return best;
}

/* Where the process was on hierarchy h before pclass: its recorded origin, or its place if it never came under the class root. */
static const char *origin_path(Manager *m, Verdict *v, uint32_t h, const Process *process) {
        const Place *place = process && process->origin ? classes_place(&m->classes, wire_place(process->origin->place[h])) : NULL;
        const char *path = NULL;

        if (place)
                return place->path;
        if (h == m->classes.membership)
                (void) verdict_membership_path(m, v, &path);
        else if (verdict_paths(m, v) >= 0)
                path = v->paths[h];
        if (!path)
                return NULL;
        if (!classes_inside(&m->classes, h, path))
                return path;
        v->origin_pending |= process && process->origin && process->origin->unanswered > 0;
        return NULL;
}

static void origin_facts(Manager *m, Verdict *v, const Process *process) {
        uint32_t units = unit_hierarchy(&m->classes);
        const char *path;

        if (m->classes.membership != WIRE_NONE && (path = origin_path(m, v, m->classes.membership, process))) {
                v->info.subject.cgroup = path;
                v->info.subject.known |= FACT_BIT(FACT_CGROUP);
        }
        if (units == WIRE_NONE || !(path = origin_path(m, v, units, process)))
                return;
        if (!v->unit && cgroup_path_unit(path, &v->unit) < 0)
                v->unit = strdup(""); /* known to be in no unit */
        if (v->unit) {
                v->info.subject.unit = v->unit;
                v->info.subject.known |= FACT_BIT(FACT_UNIT);
        }
}

/* A domain may be hidden from us by the policy. Said once until the policy changes: such processes can come by the thousand. */
static void tell_hidden_context(Manager *m, const Verdict *v) {
        if (m->hidden_context_told || !m->reader.contexts || (v->info.subject.known & FACT_BIT(FACT_CONTEXT)) || !procinfo_alive(&v->info))
                return;
        if (selinux_news_pending()) /* said when everybody is judged again, else it would be said twice of one policy */
                return;
        m->hidden_context_told = true;
        log_notice("The SELinux policy does not let pclassd read the context of process %d (it may be so with others, and is said once): "
                   "rules with context, seuser, role, type or range do not match it. Allow pclassd process:getattr on its domain",
                   v->info.pid);
}

int verdict_facts(Manager *m, Verdict *v, uint32_t facts, const Process *process) {
        int r;

        facts &= ~v->info.subject.known;
        if (facts & (FACT_BIT(FACT_USER) | FACT_BIT(FACT_MEMBER)))
                facts |= FACT_BIT(FACT_UID);
        if (facts & FACT_BIT(FACT_GROUP))
                facts |= FACT_BIT(FACT_GID);
        if (facts & LINE_FACTS)
                facts |= FACT_BIT(FACT_UID) & ~v->info.subject.known;
        r = procinfo_read(&m->reader, &v->info, facts & KERNEL_FACTS);
        if (r < 0)
                return r;
        if (facts & FACT_BIT(FACT_CONTEXT))
                tell_hidden_context(m, v);
        name_facts(m, v, facts);
        if (facts & FACT_BIT(FACT_EXE))
                exe_fact(m, v);
        if (m->lines && facts & LINE_FACTS & ~v->info.tried)
                line_facts(m, v, facts & LINE_FACTS & ~v->info.tried);
        if (facts & ORIGIN_FACTS)
                origin_facts(m, v, process);
        if (facts & FACT_BIT(FACT_PARENT_CLASS)) {
                v->info.subject.parent_class = birth_class(m, process, v->info.ppid);
                v->info.subject.known |= FACT_BIT(FACT_PARENT_CLASS);
        }
        /* procinfo_read() has made sure of what it read; the program's file and the command line were read by others meanwhile. */
        return !(facts & (FACT_BIT(FACT_EXE) | LINE_FACTS)) || procinfo_alive(&v->info) ? 0 : -ESRCH;
}

static int _printf_(3, 4) verdict_error(Verdict *v, Holder holder, const char *format, ...) {
        va_list ap;

        v->holder = holder;
        va_start(ap, format);
        vsnprintf(v->detail, sizeof(v->detail), format, ap);
        va_end(ap);
        return -EINVAL;
}

static uint32_t target_hierarchies(Manager *m, const RuleTarget *rt) {
        uint32_t mask = 0;

        if (!rt->controllers)
                return UINT32_MAX;
        for (char **controller = rt->controllers; *controller; controller++)
                mask |= classes_controller(&m->classes, *controller);
        return mask;
}

bool verdict_target_class(Manager *m, const char *text, VerdictTarget *t) {
        const Class *c;

        t->class = classes_find(&m->classes, t->name);
        if (t->class && t->class->flags & WIRE_CLASS_TEMPLATE)
                t->class = NULL;
        if (t->class && t->class->dropping) {
                t->template = t->class->template;
                t->class = NULL;
        } else if (!t->class)
                t->template = classes_find(&m->classes, text);
        c = t->class ?: t->template;
        if (!c || (!t->class && !(c->flags & WIRE_CLASS_TEMPLATE)))
                return false;
        t->hierarchies &= c->hierarchies;
        t->leaf2 = t->class && (c->flags & WIRE_CLASS_LEAF_V2) ? c->leaf : "";
        return true;
}

/* A class of that very name is taken before a template, so that [Class users/root] can differ from [Class users/%u]. */
static int target_class(Manager *m, Verdict *v, const RuleTarget *rt, VerdictTarget *t) {
        t->hierarchies = UINT32_MAX;
        if (!verdict_target_class(m, rt->class_name, t))
                return verdict_error(v, HOLDER_ERROR, "no such class: %s", t->name);
        t->hierarchies &= target_hierarchies(m, rt);
        if (!t->hierarchies)
                return verdict_error(v, HOLDER_ERROR, "class %s exists in none of the rule's hierarchies", t->name);
        return 0;
}

static int target_resolve(Manager *m, Verdict *v, const RuleTarget *rt, VerdictTarget *t) {
        _cleanup_free_ char *name = NULL;
        const char *component;
        Fact missing;
        int r;

        *t = (VerdictTarget) {};
        if (expand_facts(rt->class_name) & v->names_pending) /* a number would stand for the name */
                return verdict_error(v, HOLDER_UNKNOWN_FACT, "%s", "its name is being asked for");
        r = expand_class_name(rt->class_name, &v->info.subject, &name, &component, &missing);
        if (r == -ENODATA) {
                v->missing |= FACT_BIT(missing);
                return verdict_error(v, HOLDER_UNKNOWN_FACT, "%s", fact_name(missing));
        }
        if (r < 0 || strlen(name) >= sizeof(t->name))
                return verdict_error(v, HOLDER_ERROR, "%s does not expand to a legal class name", rt->class_name);
        strcpy(t->name, name);
        t->component = t->name + (component - name);
        return target_class(m, v, rt, t);
}

/* systemd hangs a unit's life, a login session and the journal's naming on membership: its processes are left there unless asked for. */
static void check_unit(Manager *m, Verdict *v, const VerdictTarget *t, uint32_t h, bool leave_unit) {
        const Class *c = t->class ?: t->template;
        _cleanup_free_ char *unit = NULL;

        if (!(m->classes.units & 1u << h) || leave_unit || (c && c->flags & WIRE_CLASS_LEAVE_UNIT))
                return;
        if (classes_inside(&m->classes, h, v->paths[h]) || cgroup_path_unit(v->paths[h], &unit) < 0)
                return;
        v->held |= 1u << h;
        v->holder = HOLDER_UNIT;
        snprintf(v->detail, sizeof(v->detail), "%s", unit);
}

static void target_places(Manager *m, Verdict *v, const VerdictTarget *t) {
        bool exact = rule_is_exact(v->entry->rule);

        for (uint32_t h = 0; h < m->classes.n_hierarchies; h++) {
                if (!(t->hierarchies & 1u << h) || !v->paths[h])
                        continue;
                const char *leaf = m->classes.hierarchies[h].version == 2 ? t->leaf2 : "";
                if ((t->class || t->root) && classes_in_place(&m->classes, h, t->name, leaf, v->paths[h], exact))
                        v->in_place |= 1u << h;
                else
                        check_unit(m, v, t, h, rule_is_leave_unit(v->entry->rule));
        }
}

/* The quick answer of new kernels: the process is in the one cgroup2 directory that it should be in. */
static bool in_place_by_id(Manager *m, Verdict *v) {
        const VerdictTarget *t = &v->targets[0];
        uint32_t h = m->classes.membership;

        if (v->n_targets != 1 || !t->class || !v->info.v2_cgroup_id || h == WIRE_NONE || t->hierarchies != 1u << h ||
            m->classes.hierarchies[h].version != 2 || t->class->inode[h] != v->info.v2_cgroup_id)
                return false;
        v->in_place = t->hierarchies;
        return true;
}

/* Where of its targets it is already. Other hierarchies are not read for targets that are in the membership hierarchy alone. */
static int find_places(Manager *m, Verdict *v) {
        uint32_t h = m->classes.membership;

        if (in_place_by_id(m, v))
                return 0;
        int r = h != WIRE_NONE && v->wanted == 1u << h ? verdict_membership_path(m, v, &v->paths[h]) : verdict_paths(m, v);
        if (r < 0)
                return r;
        for (size_t i = 0; i < v->n_targets; i++)
                target_places(m, v, &v->targets[i]);
        return 0;
}

static int verdict_targets(Manager *m, Verdict *v) {
        const RuleTarget *targets;
        size_t n = rule_targets(v->entry->rule, &targets);

        for (size_t i = 0; i < n && i < VERDICT_TARGETS_MAX; i++) {
                VerdictTarget *t = &v->targets[v->n_targets];
                if (target_resolve(m, v, &targets[i], t) < 0) {
                        v->n_targets = 0;
                        v->wanted = 0;
                        return 0; /* holder and detail say why */
                }
                t->hierarchies &= ~v->wanted; /* a hierarchy belongs to the first target that names it */
                v->wanted |= t->hierarchies;
                v->n_targets++;
        }
        return find_places(m, v);
}

/* What a sticky rule has placed belongs to it until it ends, whatever it has become; unless the rule is no longer there. */
static const RuleEntry *sticky_entry(const Ruleset *rs, const Process *p) {
        const RuleEntry *e = p && p->sticky && p->rule && p->wanted ? ruleset_find(rs, rule_name(p->rule)) : NULL;

        return e && e->active && streq(rule_text(e->rule), rule_text(p->rule)) ? e : NULL;
}

static int sticky_targets(Manager *m, Verdict *v, const Process *p) {
        for (uint32_t h = 0; h < m->classes.n_hierarchies; h++) {
                Class *c = p->wanted & 1u << h ? classes_get(&m->classes, p->class_index[h]) : NULL;
                VerdictTarget *t = v->targets;

                if (!c)
                        continue;
                while (t < v->targets + v->n_targets && t->class != c)
                        t++;
                if (t == v->targets + v->n_targets) {
                        *t = (VerdictTarget) { .class = c, .leaf2 = c->flags & WIRE_CLASS_LEAF_V2 ? c->leaf : "" };
                        snprintf(t->name, sizeof(t->name), "%s", c->name);
                        const char *slash = strrchr(t->name, '/');
                        t->component = slash ? slash + 1 : t->name;
                        v->n_targets++;
                }
                t->hierarchies |= 1u << h;
                v->wanted |= 1u << h;
        }
        v->stuck = true;
        return find_places(m, v);
}

/* Lines of cgrules.conf are matched elsewhere; a kernel thread (kthreadd or a child of it) is told by more than its ids. */
bool verdict_glance(Manager *m, Verdict *v) {
        const Ruleset *rs = m->rules->current;
        const RuleEntry *entry;

        if (v->info.pid <= 2 || v->info.ppid == 2 || !(v->info.subject.known & FACT_BIT(FACT_UID)) || ruleset_cgrules(rs))
                return false;
        name_facts(m, v, ruleset_facts(rs));
        return match_cache_try(m->rules->cache, rs, &v->info.subject, &entry, &v->missing) && !entry && !v->missing;
}

/* Only where the rule wants to know: threads have to be looked at, too. */
static int check_realtime(Manager *m, Verdict *v) {
        int r = rule_is_ignore_rt(v->entry->rule) ? procinfo_realtime(&m->reader, &v->info) : 0;

        if (r <= 0)
                return r;
        v->realtime = v->ignored = true;
        snprintf(v->detail, sizeof(v->detail), "real-time");
        return 0;
}

/* Of the facts that rules ask for, those that can decide here: whose it is rules most of them out. Nobody has to ask a program's file for the
 * sake of a rule for other users. */
static int read_deciding_facts(Manager *m, Verdict *v, const Ruleset *rs, const Process *process) {
        uint32_t facts = ruleset_facts(rs);
        const RuleEntry *entry;

        if (rs == m->rules->current && !ruleset_cgrules(rs)) {
                int r = v->info.subject.known & FACT_BIT(FACT_UID) ? 0 : verdict_facts(m, v, facts & ID_FACTS, process);
                if (r < 0)
                        return r;
                name_facts(m, v, facts);
                if (match_cache_try(m->rules->cache, rs, &v->info.subject, &entry, &v->missing) && !(v->missing & FACT_SHORTAGE))
                        facts = v->missing;
        }
        return verdict_facts(m, v, facts, process);
}

/* Patterns over groups ask for names themselves: that of a group which is seen for the first time is not here yet. */
static void find_rule(Manager *m, Verdict *v, const Ruleset *rs) {
        m->rules->groups_pending = false;
        v->entry = rs == m->rules->current ? match_cache_match(m->rules->cache, rs, &v->info.subject, &v->missing) :
                                             ruleset_match(rs, &v->info.subject, &v->missing);
        if (m->rules->groups_pending)
                v->names_pending |= v->missing & v->info.subject.known & (FACT_BIT(FACT_GROUPS) | FACT_BIT(FACT_MEMBER));
}

int verdict_judge(Manager *m, Verdict *v, const Ruleset *rs, const Process *process) {
        int r = read_deciding_facts(m, v, rs, process);

        if (r < 0)
                return r;
        find_rule(m, v, rs);
        if (v->missing & FACT_SHORTAGE)
                return -ENOMEM;
        if (v->entry && (r = verdict_facts(m, v, rule_facts(v->entry->rule), process)) < 0) /* its class's name may ask for more */
                return r;
        const RuleEntry *sticky = sticky_entry(rs, process);
        if (sticky) {
                v->entry = sticky;
                r = verdict_facts(m, v, rule_facts(sticky->rule) & FACT_BIT(FACT_PARENT_CLASS), process); /* which is noted with it */
                return r < 0 ? r : sticky_targets(m, v, process);
        }
        r = destination_judge(m, v, rs);
        if (r != 0)
                return r < 0 ? r : v->n_targets > 0 ? find_places(m, v) : 0;
        if (!v->entry)
                return 0;
        v->ignored = rule_is_ignore(v->entry->rule);
        r = check_realtime(m, v);
        return r < 0 || v->ignored ? r : verdict_targets(m, v);
}

int verdict_by_hand(Manager *m, Verdict *v, Class *c, uint64_t order, bool leave_unit) {
        VerdictTarget *t = &v->targets[0];
        int r = verdict_paths(m, v);

        if (r < 0)
                return r;
        *t = (VerdictTarget) { .class = c, .component = t->name, .leaf2 = c->flags & WIRE_CLASS_LEAF_V2 ? c->leaf : "", .hierarchies = c->hierarchies };
        snprintf(t->name, sizeof(t->name), "%s", c->name);
        v->n_targets = 1;
        v->order = order;
        v->wanted = c->hierarchies;
        v->in_place = v->held = 0;
        v->holder = HOLDER_NONE;
        v->detail[0] = '\0';
        for (uint32_t h = 0; h < m->classes.n_hierarchies; h++) {
                if (!(t->hierarchies & 1u << h) || !v->paths[h])
                        continue;
                /* A class below it is another class: one that was named is meant. */
                if (classes_of_path(&m->classes, h, v->paths[h]) == c)
                        v->in_place |= 1u << h;
                else
                        check_unit(m, v, t, h, leave_unit);
        }
        return 0;
}

uint32_t verdict_left(const Verdict *v, size_t i) {
        return v->targets[i].hierarchies & ~v->in_place & ~v->held;
}

const VerdictTarget *verdict_target(const Verdict *v, uint32_t h) {
        for (size_t i = 0; i < v->n_targets; i++)
                if (v->targets[i].hierarchies & 1u << h)
                        return &v->targets[i];
        return NULL;
}
