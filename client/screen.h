/* A terminal that is drawn upon again and again, and asked for single keys. */
#pragma once
#include <stdint.h>
#include "common/macro.h"

typedef struct Screen Screen;

/* Keys come at once and are not shown, if standard input is a terminal; SIGINT, SIGTERM and SIGHUP end screen_wait(). -errno. */
int screen_open(Screen **ret);
/* The terminal is as it was. */
Screen *screen_close(Screen *s);
DEFINE_CLEANUP(Screen *, screen_close)
size_t screen_lines(void); /* of standard output; 0 = unknown */
/* Waits for a key: the key, 0 after usec microseconds or when the terminal has another size, -EINTR when one of the signals has come. */
int screen_wait(Screen *s, uint64_t usec);
