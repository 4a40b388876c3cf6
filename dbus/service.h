/* org.pclass on the system bus: the objects of a Manager. */
#pragma once
#include "daemon/manager.h"

typedef struct Service Service;

/* Connects to the system bus (again and again, every second, while it is not there), registers objects, takes the name org.pclass.
 * Never fails for a missing bus; -ENOMEM and the like only. */
int service_new(Manager *m, Service **ret);
Service *service_free(Service *s);
DEFINE_CLEANUP(Service *, service_free)
