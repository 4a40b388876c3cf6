/* The methods of org.pclass.Processes that place by hand: parts of Methods (dbus/call.h) for the table in processes.c. */
#pragma once
#include "dbus/call.h"

/* Reads "h", a pidfd, and sets c->pid. Returns the descriptor (the message's) or a negative errno. */
int assign_read_handle(Call *c, sd_bus_error *e);

int assign_check(Call *c, sd_bus_error *e);
int assign_check_pid(Call *c, sd_bus_error *e);
int assign_begin(Call *c, sd_bus_error *e);
int release_check(Call *c, sd_bus_error *e);
int release_check_pid(Call *c, sd_bus_error *e);
int release_act(Call *c, sd_bus_error *e);
int assignments_check(Call *c, sd_bus_error *e);
int assignments_answer(Call *c, sd_bus_message *reply, sd_bus_error *e);
