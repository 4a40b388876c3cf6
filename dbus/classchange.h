/* SetProperties of org.pclass.Class: parts of a Method (dbus/call.h) for the table in classes.c. */
#pragma once
#include "dbus/call.h"

int set_properties_check(Call *c, sd_bus_error *e);
int set_properties_begin(Call *c, sd_bus_error *e);

/* The value (v) that comes next becomes another of the call's settings. */
int setting_read(Call *c, const char *name, sd_bus_error *e);
/* What the broker said to settings. */
int setting_error(int r, const char *why, sd_bus_error *e);
