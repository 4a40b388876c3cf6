/* A pager between standard output and the terminal, as systemd's tools have it. */
#pragma once
#include <sys/types.h>
#include "common/macro.h"

/* Starts $PCLASS_PAGER, else $PAGER, else the first of pager, less and more that is there; "" and "cat" stand for none. Standard output leads to it
 * from then on; *ret stays as it is where none is wanted or can be started. */
void pager_open(pid_t *ret);
/* Ends standard output and waits until the reader has seen enough. Nothing for 0. */
void pager_close(pid_t *pager);
