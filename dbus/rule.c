/* org.pclass.Rule at /Rules/_N: one rule. N is the manager's number for its name: replaced, or read again
 * from a changed file, it keeps its object. */
#include <inttypes.h>
#include <stdio.h>

#include "common/log.h"
#include "common/str.h"
#include "dbus/error.h"
#include "dbus/object.h"
#include "dbus/options.h"
#include "polkit/actions.h"

void rule_path(uint64_t id, char buf[static RULE_PATH_MAX]) {
        snprintf(buf, RULE_PATH_MAX, "/Rules/_%" PRIu64, id);
}

int rule_path_to_id(const char *path, uint64_t *ret) {
        const char *number = startswith(path, "/Rules/_");

        return number && str_to_u64(number, ret) >= 0 ? 0 : -ENOENT;
}

static const RuleEntry *rule_at(Service *s, const char *path) {
        uint64_t id;

        return rule_path_to_id(path, &id) < 0 ? NULL : manager_rule_by_id(s->manager, id);
}

/* ---- methods ----------------------------------------------------------------------------------------------------- */

static int check_set_enabled(Call *c, sd_bus_error *e) {
        const RuleEntry *rule = rule_at(c->service, sd_bus_message_get_path(c->message));
        int enable, r;

        r = sd_bus_message_read(c->message, "b", &enable);
        if (r < 0)
                return r;
        r = options_read(c->message, NULL, 0, e);
        if (r < 0)
                return r;
        if (!rule)
                return sd_bus_error_set(e, ERROR_NO_SUCH_RULE, "The rule is gone");
        c->enable = enable;
        c->rule_id = rule->id;
        call_detail(c, "rule", rule_text(rule->rule));
        call_describe(c, enable ? "switch on" : "switch off", rule_text(rule->rule));
        return 0;
}

static int act_set_enabled(Call *c, sd_bus_error *e) {
        TextError err = {};
        int r = manager_rule_enable(c->manager, c->rule_id, c->enable, &err);

        return r < 0 ? error_of_rules(r, &err, e) : 0;
}

static const Method methods[] = {
        { "SetEnabled", ACTION_RULES_MODIFY, check_set_enabled, act_set_enabled, .settle = true },
};

static int on_method(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        return call_start(userdata, methods, ELEMENTSOF(methods), m, e);
}

/* ---- properties -------------------------------------------------------------------------------------------------- */

static int append_property(sd_bus_message *m, Manager *manager, const RuleEntry *rule, const char *property) {
        if (streq(property, "Name"))
                return row_append_text(m, rule_name(rule->rule));
        if (streq(property, "Text"))
                return row_append_text(m, rule_text(rule->rule));
        if (streq(property, "Source"))
                return row_append_text(m, rule->file);
        if (streq(property, "Target"))
                return row_append_text(m, rule_target_text(rule->rule));
        if (streq(property, "Reason"))
                return row_append_text(m, rule->reason);
        if (streq(property, "Position"))
                return sd_bus_message_append(m, "u", (uint32_t) rule->position);
        if (streq(property, "Enabled"))
                return sd_bus_message_append(m, "b", (int) rule->enabled);
        if (streq(property, "Active"))
                return sd_bus_message_append(m, "b", (int) rule->active);
        return sd_bus_message_append(m, "t", manager_rule_matches(manager, rule->id));
}

static int get(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
               sd_bus_error *e) {
        Service *s = userdata;
        const RuleEntry *rule = rule_at(s, path);

        if (!rule)
                return sd_bus_error_set(e, ERROR_NO_SUCH_RULE, "The rule is gone");
        return append_property(reply, s->manager, rule, property);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Name", "s", get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Text", "s", get, 0, 0),
        SD_BUS_PROPERTY("Source", "s", get, 0, 0),
        SD_BUS_PROPERTY("Target", "s", get, 0, 0),
        SD_BUS_PROPERTY("Position", "u", get, 0, 0),
        SD_BUS_PROPERTY("Enabled", "b", get, 0, 0),
        SD_BUS_PROPERTY("Active", "b", get, 0, 0),
        SD_BUS_PROPERTY("Reason", "s", get, 0, 0),
        SD_BUS_PROPERTY("Matches", "t", get, 0, 0),
        SD_BUS_METHOD_WITH_ARGS("SetEnabled", SD_BUS_ARGS("b", enabled, "a{sv}", options), SD_BUS_NO_RESULT, on_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};

static int find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *e) {
        *ret = userdata;
        return rule_at(userdata, path) != NULL;
}

static int enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e) {
        Service *s = userdata;
        const Ruleset *rules = manager_ruleset(s->manager);
        size_t n = ruleset_size(rules);
        char **paths = calloc(n + 1, sizeof(char *));

        for (size_t i = 0; paths && i < n; i++) {
                char path[RULE_PATH_MAX];

                rule_path(ruleset_get(rules, i)->id, path);
                paths[i] = strdup(path);
                if (!paths[i])
                        paths = strv_free(paths);
        }
        if (!paths)
                return -ENOMEM;
        *ret = paths;
        return 0;
}

const Interface rule_interface = { "org.pclass.Rule", "/Rules", vtable, find, enumerate };

/* ---- comings and goings ------------------------------------------------------------------------------------------ */

static int compare_ids(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return x < y ? -1 : x > y;
}

static int rule_ids(Manager *manager, uint64_t **ret, size_t *ret_n) {
        const Ruleset *rules = manager_ruleset(manager);
        size_t n = ruleset_size(rules);
        uint64_t *ids = calloc(n + 1, sizeof(*ids));

        if (!ids)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                ids[i] = ruleset_get(rules, i)->id;
        qsort(ids, n, sizeof(*ids), compare_ids);
        *ret = ids;
        *ret_n = n;
        return 0;
}

static void announce_one(Service *s, uint64_t id, bool added) {
        char path[RULE_PATH_MAX];
        int r;

        rule_path(id, path);
        r = added ? sd_bus_emit_object_added(s->bus, path) : sd_bus_emit_interfaces_removed(s->bus, path, rule_interface.name, NULL);
        if (r < 0)
                log_warning_errno(r, "Cannot announce %s on the bus", path);
}

void rules_remember(Service *s) {
        uint64_t *ids;
        size_t n;

        if (rule_ids(s->manager, &ids, &n) < 0)
                return; /* some comings and goings will be told late */
        free(s->rule_ids);
        s->rule_ids = ids;
        s->n_rule_ids = n;
}

void rules_announce(Service *s, uint64_t generation) {
        size_t n_old = s->n_rule_ids, i = 0, k = 0;
        _cleanup_free_ uint64_t *old = TAKE_PTR(s->rule_ids);

        s->n_rule_ids = 0;
        rules_remember(s);
        while (i < n_old || k < s->n_rule_ids) {
                if (k >= s->n_rule_ids || (i < n_old && old[i] < s->rule_ids[k]))
                        announce_one(s, old[i++], false);
                else if (i >= n_old || old[i] > s->rule_ids[k])
                        announce_one(s, s->rule_ids[k++], true);
                else
                        i++, k++;
        }
        (void) sd_bus_emit_properties_changed(s->bus, rules_interface.path, rules_interface.name, "Generation", "Count", NULL);
        (void) sd_bus_emit_signal(s->bus, rules_interface.path, rules_interface.name, "Changed", "t", generation);
}
