/* Results as D-Bus errors: org.pclass.Error.* where the caller can act on the difference, the standard ones elsewhere. */
#pragma once
#include <systemd/sd-bus.h>
#include "common/texterror.h"

#define ERROR_INVALID_RULE "org.pclass.Error.InvalidRule"
#define ERROR_NO_SUCH_RULE "org.pclass.Error.NoSuchRule"
#define ERROR_NO_SUCH_CLASS "org.pclass.Error.NoSuchClass"
#define ERROR_NO_SUCH_ASSIGNMENT "org.pclass.Error.NoSuchAssignment"
#define ERROR_NO_SUCH_PROCESS "org.pclass.Error.NoSuchProcess"
#define ERROR_GENERATION_CHANGED "org.pclass.Error.GenerationChanged"
#define ERROR_HELD "org.pclass.Error.Held"
#define ERROR_IN_USE "org.pclass.Error.InUse"
#define ERROR_PROTECTED "org.pclass.Error.Protected"
#define ERROR_BROKER_UNAVAILABLE "org.pclass.Error.BrokerUnavailable"
#define ERROR_NOT_TUNABLE "org.pclass.Error.NotTunable"
#define ERROR_NOT_SUPPORTED "org.pclass.Error.NotSupported"

/* All return a negative errno for sd-bus. */
/* What a change of rules said (manager.h); err may be empty. */
int error_of_rules(int r, const TextError *err, sd_bus_error *e);
/* Nothing is there; the path may be of anything. */
int error_no_class(const char *path, sd_bus_error *e);
/* What making or removing a class said (manager.h); text: more about it, may be empty. */
int error_of_class(int r, const char *name, const char *text, sd_bus_error *e);
/* What a look at a process said. */
int error_of_process(int r, uint32_t pid, sd_bus_error *e);
/* What the broker or the disk said to a change of mode or the like. */
int error_of_daemon(int r, sd_bus_error *e);
