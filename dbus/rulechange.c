/* Changes of the list of rules, methods of org.pclass.Rules: each checks all it can before polkit is asked, and again afterwards. */
#include "dbus/rulechange.h"

#include <inttypes.h>
#include <stdio.h>

#include "dbus/error.h"
#include "dbus/object.h"
#include "dbus/options.h"

#define SET_TEXT_MAX (8 * 1024 * 1024) /* bytes of all runtime rules together */
#define DETAIL_MAX 4096                /* bytes of a text that a rule of polkit may look at */

static int check_text(const char *text, sd_bus_error *e) {
        _cleanup_(rule_unrefp) Rule *rule = NULL;
        TextError err = {};
        int r;

        if (strlen(text) > RULE_TEXT_MAX)
                return sd_bus_error_setf(e, ERROR_INVALID_RULE, "A rule has at most %d bytes", RULE_TEXT_MAX);
        r = rule_parse(text, strlen(text), &rule, &err);
        return r < 0 ? error_of_rules(r, &err, e) : 0;
}

/* 0: whatever the generation is. */
static int check_generation(Call *c, sd_bus_error *e) {
        uint64_t now = manager_generation(c->manager);

        if (c->generation == 0 || c->generation == now)
                return 0;
        return sd_bus_error_setf(e, ERROR_GENERATION_CHANGED, "The rules have changed: their generation is %" PRIu64 ", not %" PRIu64
                                 "; look at them and try again", now, c->generation);
}

/* Sets rule_id. */
static int find_runtime_rule(Call *c, const char *path, sd_bus_error *e) {
        const RuleEntry *rule;
        int r = rule_path_to_id(path, &c->rule_id);

        rule = r < 0 ? NULL : manager_rule_by_id(c->manager, c->rule_id);
        if (!rule)
                return sd_bus_error_setf(e, ERROR_NO_SUCH_RULE, "There is no rule %s", path);
        if (rule->file[0])
                return sd_bus_error_setf(e, ERROR_NOT_SUPPORTED, "Rule %s stands in a file: change it there, or switch it off with SetEnabled",
                                         rule_name(rule->rule));
        return 0;
}

int rule_add_check(Call *c, sd_bus_error *e) {
        const Option options[] = {
                { "before", "s", &c->add.before },
                { "after", "s", &c->add.after },
                { "replace", "b", &c->add.replace },
        };
        int r;

        c->add = (RuleAddOptions) {};
        r = sd_bus_message_read(c->message, "s", &c->text);
        if (r < 0)
                return r;
        r = options_read(c->message, options, ELEMENTSOF(options), e);
        if (r < 0)
                return r;
        if (c->add.before && c->add.after)
                return sd_bus_error_set(e, SD_BUS_ERROR_INVALID_ARGS, "Options 'before' and 'after' exclude each other");
        r = check_text(c->text, e);
        if (r < 0)
                return r;
        call_detail(c, "rule", c->text);
        call_describe(c, "add", c->text);
        return 0;
}

int rule_add_act(Call *c, sd_bus_error *e) {
        TextError err = {};
        int r = manager_rule_add(c->manager, c->text, &c->add, &c->rule_id, &err);

        return r < 0 ? error_of_rules(r, &err, e) : 0;
}

int rule_add_answer(Call *c, sd_bus_message *reply, sd_bus_error *e) {
        char path[RULE_PATH_MAX];

        rule_path(c->rule_id, path);
        return sd_bus_message_append(reply, "o", path);
}

int rule_remove_check(Call *c, sd_bus_error *e) {
        const char *path;
        int r;

        r = sd_bus_message_read(c->message, "o", &path);
        if (r >= 0)
                r = options_read(c->message, NULL, 0, e);
        if (r >= 0)
                r = find_runtime_rule(c, path, e);
        if (r < 0)
                return r;
        c->text = rule_text(manager_rule_by_id(c->manager, c->rule_id)->rule);
        call_detail(c, "rule", c->text);
        call_describe(c, "remove", c->text);
        return 0;
}

int rule_remove_act(Call *c, sd_bus_error *e) {
        TextError err = {};
        int r = manager_rule_remove(c->manager, c->rule_id, &err);

        return r < 0 ? error_of_rules(r, &err, e) : 0;
}

int rule_replace_check(Call *c, sd_bus_error *e) {
        const Option options[] = { { "if_generation", "t", &c->generation } };
        const char *path;
        int r;

        c->generation = 0;
        r = sd_bus_message_read(c->message, "os", &path, &c->text);
        if (r >= 0)
                r = options_read(c->message, options, ELEMENTSOF(options), e);
        if (r >= 0)
                r = check_generation(c, e);
        if (r >= 0)
                r = check_text(c->text, e);
        if (r >= 0)
                r = find_runtime_rule(c, path, e);
        if (r < 0)
                return r;
        call_detail(c, "rule", c->text);
        call_describe(c, "replace by", c->text);
        return 0;
}

int rule_replace_act(Call *c, sd_bus_error *e) {
        TextError err = {};
        int r = manager_rule_replace(c->manager, c->rule_id, c->text, &err);

        return r < 0 ? error_of_rules(r, &err, e) : 0;
}

int rules_set_all_check(Call *c, sd_bus_error *e) {
        _cleanup_(ruleset_freep) Ruleset *rules = NULL;
        TextError err = {};
        char what[80];
        int r = sd_bus_message_read(c->message, "st", &c->text, &c->generation);

        if (r < 0)
                return r;
        if (strlen(c->text) > SET_TEXT_MAX)
                return sd_bus_error_setf(e, SD_BUS_ERROR_LIMITS_EXCEEDED, "The text is longer than %d bytes", SET_TEXT_MAX);
        r = check_generation(c, e);
        if (r >= 0)
                r = ruleset_new(&rules);
        if (r < 0)
                return r;
        r = ruleset_add_text(rules, c->text, strlen(c->text), "", &err);
        if (r < 0)
                return error_of_rules(r, &err, e);
        call_detail(c, "rule", strlen(c->text) <= DETAIL_MAX ? c->text : "(all of them, too many to show)");
        snprintf(what, sizeof(what), "put %zu rules in place of all that were added, the first", ruleset_size(rules));
        call_describe(c, what, ruleset_size(rules) > 0 ? rule_text(ruleset_get(rules, 0)->rule) : "");
        return 0;
}

int rules_set_all_act(Call *c, sd_bus_error *e) {
        TextError err = {};
        int r = manager_rules_set_all(c->manager, c->text, &err);

        if (r < 0)
                return error_of_rules(r, &err, e);
        c->generation = manager_generation(c->manager);
        return 0;
}

int rules_set_all_answer(Call *c, sd_bus_message *reply, sd_bus_error *e) {
        return sd_bus_message_append(reply, "t", c->generation);
}

static void on_reloaded(int error, bool restarts, const TextError *err, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;

        if (error == -EACCES || error == -ENOENT) /* of a file, which the text names, not of the caller or of a rule */
                error = -EINVAL;
        if (error < 0)
                error = error_of_rules(error, err, &e);
        call_finish(userdata, error, &e);
}

int rules_reload_begin(Call *c, sd_bus_error *e) {
        int r = manager_reload(c->manager, on_reloaded, c);

        return r < 0 ? error_of_daemon(r, e) : 0;
}
