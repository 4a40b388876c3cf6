/* Asking the exe reader for the program file of processes. */
#pragma once
#include "common/macro.h"
#include "daemon/procinfo.h"

typedef struct ExeClient {
        int fd;        /* -EBADF: there is no reader */
        uint32_t seq;
        bool failed;   /* the reader does not answer: the daemon should end and be started anew */
} ExeClient;

/* Answers within EXE_TIMEOUT_MSEC or counts as failed: the reader does three system calls that do not block.
 * 0 with buf set (NUL-terminated); -ENOTCONN no reader; -ENOENT kernel thread or gone; -EREMOTE the path is another mount namespace's and
 * not the host's file; other -errno. */
#define EXE_TIMEOUT_MSEC 1000
int execlient_ask(ExeClient *x, ProcReader *r, ProcInfo *p, char *buf, size_t size);
void execlient_done(ExeClient *x);
