/* SetProperties of org.pclass.Class: parts of a Method (dbus/call.h) for the table in classes.c. */
#pragma once
#include "dbus/call.h"

int set_properties_check(Call *c, sd_bus_error *e);
int set_properties_begin(Call *c, sd_bus_error *e);
