/* Asking the reader of command lines (cmdlinereader.h). The answer is there at once when nothing is slow: a short wait, and only while no other question is open.
 * Otherwise the question stays open, nobody waits, and `answered` is called from the loop when the answer comes. */
#pragma once
#include <systemd/sd-event.h>
#include "common/macro.h"
#include "daemon/cmdline.h"

#define CMDLINE_SHORT_WAIT_MSEC 2
#define CMDLINE_OPEN_MAX 32768 /* questions */

typedef struct CmdLineClient CmdLineClient;
typedef struct CmdLineClientOps {
        void (*answered)(pid_t pid, uint64_t event_ns, void *userdata); /* ask again now: the answer is kept until this returns */
        void (*gone)(void *userdata);                                   /* the reader has ended or talks nonsense */
} CmdLineClientOps;

/* Takes fd, also on failure. */
int cmdlineclient_new(sd_event *event, int fd, const CmdLineClientOps *ops, void *userdata, CmdLineClient **ret);
CmdLineClient *cmdlineclient_free(CmdLineClient *c);

typedef struct CmdLineBytes {
        const char *text; /* n bytes and a NUL; valid until the next call of anything here */
        size_t n;
        bool cut;
} CmdLineBytes;
/* cookie tells processes of one number apart. patience: so many ms it may take, 0 for whoever handles events. 0; -EAGAIN: the question is open; -ETIMEDOUT: it does not answer; -ENOBUFS: too many are open, or nobody could read it; -EIO: who read it ended; -errno of the read. */
int cmdlineclient_ask(CmdLineClient *c, pid_t pid, uint64_t cookie, uint32_t uid, unsigned patience, CmdLineBytes *ret);
/* After -EAGAIN: `answered` is to be called for this process. */
void cmdlineclient_wait(CmdLineClient *c, pid_t pid, uint64_t event_ns);
/* Questions whose answers somebody waits for. */
size_t cmdlineclient_waiting(const CmdLineClient *c);
