/* The running broker: children, signals, the loop, the end. */
#pragma once
#include "broker/options.h"

/* From reading the configuration to the end. Returns the exit status: 0 after SIGTERM or a restart that was asked for, else pclassd's. */
int service_run(const Options *o);
