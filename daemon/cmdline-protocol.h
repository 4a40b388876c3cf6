/* What pclassd asks the reader of command lines: one datagram of a fixed size each way over a SOCK_SEQPACKET pair, answered in any order. Both are
 * the same program. */
#pragma once
#include <stdint.h>
#include "daemon/cmdline.h"

#define CMDLINE_FD 3

typedef struct CmdLineRequest {
        uint32_t seq; /* chosen by the asker, returned */
        int32_t pid;
        uint32_t uid; /* who suffers if it does not answer */
        uint32_t reserved;
} CmdLineRequest;

typedef struct CmdLineReply {
        uint32_t seq;
        int32_t error; /* 0; -ETIMEDOUT: it does not answer, or another one of this user did not a moment ago; -ENOBUFS: nobody can be started to read it; -errno of the read */
        uint32_t n;    /* bytes of text */
        uint32_t cut;  /* 1: there was more */
        char text[CMDLINE_SIZE];
} CmdLineReply;
