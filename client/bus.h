/* Calls to org.pclass on the system bus. Every function says its errors itself and returns an exit code. */
#pragma once
#include <json-c/json.h>
#include "client/busjson.h"
#include "client/cli.h"

#define BUS_NAME "org.pclass"
#define RULES_PATH "/Rules"
#define RULES_INTERFACE "org.pclass.Rules"
#define RULE_INTERFACE "org.pclass.Rule" /* of one rule, at its own path */
#define CLASSES_PATH "/Classes"
#define CLASSES_INTERFACE "org.pclass.Classes"
#define CLASS_INTERFACE "org.pclass.Class" /* of one class, at its own path */
#define PROCESSES_PATH "/Processes"
#define PROCESSES_INTERFACE "org.pclass.Processes"
#define STATUS_PATH "/Status"
#define STATUS_INTERFACE "org.pclass.Status"

/* For who listens; calls open the connection themselves. */
int bus_open(Cli *cli);
/* The connection has ended by itself, with -errno: says so, returns CLI_NOT_RUNNING. */
int bus_ended(const Cli *cli, int error);
/* Calls a method (arguments as sd_bus_message_append() takes them) and waits: minutes when a password may be asked for.
 * ret may be NULL; *ret is NULL for an empty reply. The connection is opened by the first call. */
int bus_call(Cli *cli, const char *path, const char *interface, const char *member, json_object **ret, const char *types, ...);
/* Calls a method that takes an a{sv}, with texts: "NAME=VALUE"s, NULL-terminated. A text before it, and the answer, as for bus_call(), unless NULL. */
int bus_call_texts(Cli *cli, const char *path, const char *interface, const char *member, const char *text, char *const *assignments, json_object **ret);
/* All properties of one interface as an object. */
int bus_properties(Cli *cli, const char *path, const char *interface, json_object **ret);

/* The exit code that a D-Bus error stands for. */
int bus_error_code(const char *name);
