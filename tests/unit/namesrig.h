/* For the tests of names: a loop, a cache, the other end of its socket, and a directory in place of /etc. */
#pragma once
#include "tests/unit/test.h"

#include <time.h>
#include "daemon/names-protocol.h"
#include "daemon/names.h"

typedef struct Fixture {
        sd_event *event;
        Names *names;
        int helper;             /* the other end, or -1 */
        unsigned changed, gone;
        const char *held;       /* looked at while `changed` runs */
        char seen[64];
        char directory[64];
        pid_t program;
} Fixture;

int names_rig_setup(void **state);
int names_rig_teardown(void **state); /* waits for `program` too: it ends when its socket does */

/* Runs the loop until the condition holds. */
#define RUN_UNTIL(f, condition)                                                                    \
        do {                                                                                       \
                time_t _end = time(NULL) + 20;                                                     \
                while (!(condition)) {                                                             \
                        assert_true(time(NULL) < _end);                                            \
                        assert_true(sd_event_run((f)->event, 50000) >= 0);                         \
                }                                                                                  \
        } while (0)

void run_for(Fixture *f, unsigned msec);
/* Takes the next question off the socket. */
bool asked(Fixture *f, NamesRequest *ret);
NamesReply reply_to(const NamesRequest *q, int code, uint32_t id, const char *name);
void put(Fixture *f, const NamesReply *r);
/* Takes a question, whatever it is, and answers it so. */
void answer(Fixture *f, int code, uint32_t id, const char *name);
void write_file(Fixture *f, const char *name, const char *text);
