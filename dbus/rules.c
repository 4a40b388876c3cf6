/* org.pclass.Rules at /Rules: the list of rules and questions to it; rulechange.c changes it. */
#include "common/str.h"
#include "dbus/error.h"
#include "dbus/object.h"
#include "dbus/options.h"
#include "dbus/rulechange.h"
#include "polkit/actions.h"
#include "rules/expand.h"

#define TEXT_MAX (1024 * 1024) /* bytes of a text of many rules */
#define VALIDATE_MAX 1000      /* errors in one answer */
#define LIST_BYTES_MAX (8 * 1024 * 1024) /* of one answer; dbus-daemon takes 32 MiB by default */
#define RULE_ROW_BYTES 320     /* keys, types and numbers of one row */

/* ---- questions --------------------------------------------------------------------------------------------------- */

static int check_list(Call *c, sd_bus_error *e) {
        const Option options[] = {
                { "offset", "u", &c->after },
                { "limit", "u", &c->limit, &c->paged },
        };
        int r;

        c->after = 0;
        c->limit = UINT32_MAX;
        c->paged = false;
        r = options_read(c->message, options, ELEMENTSOF(options), e);
        if (r < 0)
                return r;
        return c->limit > 0 ? 0 : sd_bus_error_set(e, SD_BUS_ERROR_INVALID_ARGS, "Option 'limit' is at least 1");
}

/* About what append_rule() makes of it. */
static size_t rule_bytes(const RuleEntry *rule) {
        return RULE_ROW_BYTES + strlen(rule_text(rule->rule)) + strlen(rule_target_text(rule->rule)) + strlen(rule->file) + strlen(rule->reason);
}

static int append_rule(sd_bus_message *m, Manager *manager, const RuleEntry *rule) {
        char path[RULE_PATH_MAX];
        int r = row_open(m);

        rule_path(rule->id, path);
        if (r >= 0)
                r = row_text(m, "Name", rule_name(rule->rule));
        if (r >= 0)
                r = row_text(m, "Text", rule_text(rule->rule));
        if (r >= 0)
                r = row_text(m, "Source", rule->file);
        if (r >= 0)
                r = row_u32(m, "Line", rule->line);
        if (r >= 0)
                r = row_text(m, "Target", rule_target_text(rule->rule));
        if (r >= 0)
                r = row_u32(m, "Position", rule->position);
        if (r >= 0)
                r = row_bool(m, "Enabled", rule->enabled);
        if (r >= 0)
                r = row_bool(m, "Active", rule->active);
        if (r >= 0)
                r = row_text(m, "Reason", rule->reason);
        if (r >= 0)
                r = row_u64(m, "Matches", manager_rule_matches(manager, rule->id));
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "Path", "o", path);
        return r < 0 ? r : row_close(m);
}

/* A page ends early rather than that the bus throws the answer away; a list that was asked for as a whole is whole or not at all. */
static int answer_list(Call *c, sd_bus_message *reply, sd_bus_error *e) {
        const Ruleset *rules = manager_ruleset(c->manager);
        size_t n = ruleset_size(rules), end = MIN((size_t) c->after + c->limit, n), bytes = 0;
        int r = rows_open(reply);

        for (size_t i = c->after; r >= 0 && i < end; i++) {
                const RuleEntry *rule = ruleset_get(rules, i);

                bytes += rule_bytes(rule);
                if (bytes > LIST_BYTES_MAX && i > c->after) {
                        if (c->paged)
                                break;
                        return sd_bus_error_setf(e, SD_BUS_ERROR_LIMITS_EXCEEDED, "%zu rules do not fit into one answer: ask page by page, with the "
                                                 "options 'offset' and 'limit'", n);
                }
                r = append_rule(reply, c->manager, rule);
        }
        return r < 0 ? r : rows_close(reply);
}

static int read_text(Call *c, sd_bus_error *e) {
        int r = sd_bus_message_read(c->message, "s", &c->text);

        if (r < 0)
                return r;
        if (strlen(c->text) > TEXT_MAX)
                return sd_bus_error_setf(e, SD_BUS_ERROR_LIMITS_EXCEEDED, "The text is longer than %d bytes", TEXT_MAX);
        return 0;
}

typedef struct Report {
        sd_bus_message *reply;
        unsigned n;
        int r;
} Report;

static void report_error(const TextError *err, void *userdata) {
        Report *report = userdata;

        if (report->r < 0 || report->n++ >= VALIDATE_MAX)
                return;
        report->r = sd_bus_message_open_container(report->reply, 'r', "uus");
        if (report->r >= 0)
                report->r = sd_bus_message_append(report->reply, "uu", err->line, err->column);
        if (report->r >= 0)
                report->r = row_append_text(report->reply, err->message);
        if (report->r >= 0)
                report->r = sd_bus_message_close_container(report->reply);
}

static int answer_validate(Call *c, sd_bus_message *reply, sd_bus_error *e) {
        _cleanup_(ruleset_freep) Ruleset *rules = NULL;
        Report report = { .reply = reply };
        int r;

        r = ruleset_new(&rules);
        if (r < 0)
                return r;
        report.r = sd_bus_message_open_container(reply, 'a', "(uus)");
        r = ruleset_lint_text(rules, c->text, strlen(c->text), "", report_error, &report);
        if (r < 0)
                return r;
        return report.r < 0 ? report.r : sd_bus_message_close_container(reply);
}

typedef struct Facts {
        Subject subject;
        uint32_t pid, uid, gid;
        OptionNumbers groups, members;
        bool given[_FACT_N];
} Facts;

static int read_facts(sd_bus_message *m, Facts *f, sd_bus_error *e) {
        Subject *s = &f->subject;
        const Option options[] = {
                { fact_name(FACT_CONTEXT), "s", &s->context, &f->given[FACT_CONTEXT] },
                { fact_name(FACT_UID), "u", &f->uid, &f->given[FACT_UID] },
                { fact_name(FACT_GID), "u", &f->gid, &f->given[FACT_GID] },
                { fact_name(FACT_GROUPS), "au", &f->groups, &f->given[FACT_GROUPS] },
                { fact_name(FACT_USER), "s", &s->user, &f->given[FACT_USER] },
                { fact_name(FACT_GROUP), "s", &s->group, &f->given[FACT_GROUP] },
                { fact_name(FACT_MEMBER), "au", &f->members, &f->given[FACT_MEMBER] },
                { fact_name(FACT_COMM), "s", &s->comm, &f->given[FACT_COMM] },
                { fact_name(FACT_EXE), "s", &s->exe, &f->given[FACT_EXE] },
                { fact_name(FACT_ARG0), "s", &s->arg0, &f->given[FACT_ARG0] },
                { fact_name(FACT_CGROUP), "s", &s->cgroup, &f->given[FACT_CGROUP] },
                { fact_name(FACT_UNIT), "s", &s->unit, &f->given[FACT_UNIT] },
                { fact_name(FACT_LABEL), "s", &s->label, &f->given[FACT_LABEL] },
                { fact_name(FACT_PID), "u", &f->pid, &f->given[FACT_PID] },
                { fact_name(FACT_RUID), "u", &s->ruid, &f->given[FACT_RUID] },
                { fact_name(FACT_LOGINUID), "u", &s->loginuid, &f->given[FACT_LOGINUID] },
                { fact_name(FACT_SESSION), "u", &s->session, &f->given[FACT_SESSION] },
                { fact_name(FACT_SCRIPT), "s", &s->script, &f->given[FACT_SCRIPT] },
                { fact_name(FACT_PARENT_CLASS), "s", &s->parent_class, &f->given[FACT_PARENT_CLASS] },
        };
        int r = options_read(m, options, ELEMENTSOF(options), e);

        if (r < 0)
                return r;
        for (int i = 0; i < _FACT_N; i++)
                if (f->given[i])
                        s->known |= FACT_BIT(i);
        s->pid = f->pid;
        s->uid = f->uid;
        s->gid = f->gid;
        s->groups = f->groups.values;
        s->n_groups = f->groups.n;
        s->members = f->members.values;
        s->n_members = f->members.n;
        return 0;
}

static int check_test(Call *c, sd_bus_error *e) {
        Facts f = {};

        return read_facts(c->message, &f, e);
}

/* The class of the rule's first target, with the facts put in. */
static int append_expanded_class(sd_bus_message *m, const Rule *rule, const Subject *s) {
        _cleanup_free_ char *class = NULL;
        const RuleTarget *targets;
        const char *component;
        char reason[64] = "";
        Fact missing;
        int r = 0;

        if (!rule_is_ignore(rule) && rule_targets(rule, &targets) > 0)
                r = expand_class_name(targets[0].class_name, s, &class, &component, &missing);
        if (r == -ENOMEM)
                return r;
        if (r == -ENODATA)
                snprintf(reason, sizeof(reason), "%s is unknown", fact_name(missing));
        else if (r < 0)
                strcpy(reason, "the expanded name is not a legal class name");
        r = row_text(m, "Class", class);
        return r < 0 ? r : row_text(m, "Reason", reason);
}

static int answer_test(Call *c, sd_bus_message *reply, sd_bus_error *e) {
        const RuleEntry *rule;
        uint32_t missing;
        Facts f = {};
        int r;

        r = sd_bus_message_rewind(c->message, true);
        if (r >= 0)
                r = read_facts(c->message, &f, e);
        if (r >= 0)
                r = row_open(reply);
        if (r < 0)
                return r;
        rule = ruleset_match(manager_ruleset(c->manager), &f.subject, &missing);
        if (missing & FACT_SHORTAGE)
                return -ENOMEM;
        r = row_text(reply, "Rule", rule ? rule_name(rule->rule) : "");
        if (r >= 0)
                r = row_text(reply, "Source", rule ? rule->file : "");
        if (r >= 0)
                r = row_u32(reply, "Line", rule ? rule->line : 0);
        if (r >= 0)
                r = rule ? append_expanded_class(reply, rule->rule, &f.subject) : row_text(reply, "Class", "");
        if (r >= 0)
                r = row_bool(reply, "Ignored", rule && rule_is_ignore(rule->rule));
        return r < 0 ? r : row_close(reply);
}

static int check_plan(Call *c, sd_bus_error *e) {
        const Option options[] = { { "alone", "b", &c->alone } };
        int r;

        c->alone = false;
        r = read_text(c, e);
        return r < 0 ? r : options_read(c->message, options, ELEMENTSOF(options), e);
}

static int append_plan_entry(sd_bus_message *m, const PlanEntry *p) {
        int r = row_open(m);

        if (r >= 0)
                r = row_u32(m, "PID", p->pid);
        if (r >= 0)
                r = row_text(m, "Cookie", p->cookie);
        if (r >= 0)
                r = row_text(m, "Comm", p->comm);
        if (r >= 0)
                r = row_u32(m, "UID", p->uid);
        if (r >= 0)
                r = row_text(m, "Rule", p->rule);
        if (r >= 0)
                r = row_text(m, "Source", p->file);
        if (r >= 0)
                r = row_u32(m, "Line", p->line);
        if (r >= 0)
                r = row_text(m, "From", p->from);
        if (r >= 0)
                r = row_text(m, "To", p->to);
        if (r >= 0)
                r = row_text(m, "Class", p->class_name);
        if (r >= 0)
                r = row_text(m, "Reason", p->reason);
        if (r >= 0)
                r = row_text(m, "Holder", holder_name(p->holder));
        if (r >= 0)
                r = row_text(m, "HolderDetail", p->holder_detail);
        return r < 0 ? r : row_close(m);
}

static int append_plan(sd_bus_message *m, const PlanEntry *entries, size_t n) {
        int r = rows_open(m);

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append_plan_entry(m, entries + i);
        return r < 0 ? r : rows_close(m);
}

/* An empty text asks for the rules in force (*ret is NULL then): what observe mode would move. */
static int plan_rules(Call *c, Ruleset **ret, sd_bus_error *e) {
        TextError err = {};
        int r = 0;

        *ret = NULL;
        if (c->text[0] || c->alone)
                r = manager_candidate(c->manager, c->text, c->alone, ret, &err);
        return r < 0 ? error_of_rules(r, &err, e) : 0;
}

/* The first look asks for what the answer needs, which is made when that has come. */
static int act_plan(Call *c, sd_bus_error *e) {
        _cleanup_(ruleset_freep) Ruleset *rules = NULL;
        int r = plan_rules(c, &rules, e);

        if (r < 0)
                return r;
        r = manager_plan_ask(c->manager, rules);
        return r < 0 ? error_of_daemon(r, e) : 0;
}

static int answer_plan(Call *c, sd_bus_message *reply, sd_bus_error *e) {
        _cleanup_(ruleset_freep) Ruleset *rules = NULL;
        PlanEntry *entries = NULL;
        size_t n = 0;
        int r = plan_rules(c, &rules, e);

        if (r < 0)
                return r;
        r = manager_plan(c->manager, rules, c->waited, &entries, &n);
        if (r < 0)
                return error_of_daemon(r, e);
        if (r == 1)
                return -EINPROGRESS;
        r = append_plan(reply, entries, n);
        plan_entries_free(entries, n);
        return r;
}

static const Method methods[] = {
        { "Add", ACTION_RULES_MODIFY, rule_add_check, rule_add_act, rule_add_answer, .settle = true },
        { "Replace", ACTION_RULES_MODIFY, rule_replace_check, rule_replace_act, .settle = true },
        { "Remove", ACTION_RULES_MODIFY, rule_remove_check, rule_remove_act, .settle = true },
        { "SetAll", ACTION_RULES_MODIFY, rules_set_all_check, rules_set_all_act, rules_set_all_answer, .settle = true },
        { "Reload", ACTION_DAEMON_CONTROL, .begin = rules_reload_begin, .settle = true },
        { "List", NULL, check_list, NULL, answer_list },
        { "Validate", NULL, read_text, NULL, answer_validate },
        { "Test", NULL, check_test, NULL, answer_test },
        { "Plan", ACTION_PROCESSES_INSPECT, check_plan, act_plan, answer_plan, .settle = true },
};

/* ---- the object -------------------------------------------------------------------------------------------------- */

static int on_method(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        return call_start(userdata, methods, ELEMENTSOF(methods), m, e);
}

static int get_generation(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                          void *userdata, sd_bus_error *e) {
        Service *s = userdata;

        return sd_bus_message_append(reply, "t", manager_generation(s->manager));
}

static int get_count(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                     void *userdata, sd_bus_error *e) {
        Service *s = userdata;

        return sd_bus_message_append(reply, "u", (uint32_t) ruleset_size(manager_ruleset(s->manager)));
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Generation", "t", get_generation, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Count", "u", get_count, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD_WITH_ARGS("Add", SD_BUS_ARGS("s", rule, "a{sv}", options), SD_BUS_RESULT("o", path), on_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Replace", SD_BUS_ARGS("o", path, "s", rule, "a{sv}", options), SD_BUS_NO_RESULT, on_method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetAll", SD_BUS_ARGS("s", text, "t", if_generation), SD_BUS_RESULT("t", generation), on_method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Remove", SD_BUS_ARGS("o", path, "a{sv}", options), SD_BUS_NO_RESULT, on_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("List", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("aa{sv}", rules), on_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Validate", SD_BUS_ARGS("s", text), SD_BUS_RESULT("a(uus)", errors), on_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Test", SD_BUS_ARGS("a{sv}", facts), SD_BUS_RESULT("a{sv}", decision), on_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Plan", SD_BUS_ARGS("s", text, "a{sv}", options), SD_BUS_RESULT("aa{sv}", moves), on_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("Changed", SD_BUS_ARGS("t", generation), 0),
        SD_BUS_VTABLE_END
};

/* A fallback as its children have one: one path cannot have both kinds. */
static int find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *e) {
        *ret = userdata;
        return streq(path, "/Rules");
}

const Interface rules_interface = { "org.pclass.Rules", "/Rules", vtable, find };
