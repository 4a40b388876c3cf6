/* The two methods of org.pclass.Classes that change which classes there are; classes.c has the table. */
#pragma once
#include "dbus/call.h"

int class_check_add(Call *c, sd_bus_error *e);
int class_begin_add(Call *c, sd_bus_error *e);
int class_answer_add(Call *c, sd_bus_message *reply, sd_bus_error *e);
int class_check_remove(Call *c, sd_bus_error *e);
int class_begin_remove(Call *c, sd_bus_error *e);
