/* What of the files kept over a restart was not there or not whole at the start, and whether anything can be kept now: for those who ask how the service does. */
#pragma once
#include <stdint.h>
#include "common/kept.h"
#include "daemon/manager.h"

typedef enum Loss { LOSS_RULES, LOSS_DISABLED, LOSS_MODE, LOSS_ASSIGNMENTS, LOSS_MARKS, LOSS_ORIGINS, LOSS_TUNED, LOSS_RUNTIME_CLASSES, _LOSS_N } Loss;

typedef struct Losses {
        uint8_t how[_LOSS_N]; /* KeptState */
        char reason[256];     /* of the answer to the last losses_reason() */
} Losses;

/* "origins=3", as the broker says what it found: name of the file and KeptState. -EINVAL. */
int losses_parse(const char *text, uint8_t how[static _LOSS_N]);
/* Remembers, and says in the log unless all is well. */
void losses_note(Manager *m, Loss what, KeptState how);
/* Why the service is degraded for the sake of what it should keep; NULL: it is not. Until the next call. */
const char *losses_reason(Manager *m);
void losses_doctor(Manager *m, DoctorCallback callback, void *userdata);
/* A change that could not be stored: says so in err; what the disk said is never taken for an answer about rules. Returns the -errno for the caller. */
int losses_not_stored(Manager *m, int error, const char *what, TextError *err);
