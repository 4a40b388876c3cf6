/* What changes the list of rules, as rows of the method table of org.pclass.Rules. */
#pragma once
#include "dbus/call.h"

int rule_add_check(Call *c, sd_bus_error *e);
int rule_add_act(Call *c, sd_bus_error *e);
int rule_add_answer(Call *c, sd_bus_message *reply, sd_bus_error *e);
int rule_replace_check(Call *c, sd_bus_error *e);
int rule_replace_act(Call *c, sd_bus_error *e);
int rule_remove_check(Call *c, sd_bus_error *e);
int rule_remove_act(Call *c, sd_bus_error *e);
int rules_set_all_check(Call *c, sd_bus_error *e);
int rules_set_all_act(Call *c, sd_bus_error *e);
int rules_set_all_answer(Call *c, sd_bus_message *reply, sd_bus_error *e);
int rules_reload_begin(Call *c, sd_bus_error *e);
