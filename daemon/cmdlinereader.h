/* The reader of command lines, a process of its own. A command line lies in memory of the process, which may be memory that does not answer; whoever reads
 * it waits, maybe for ever. So children read, one line each at a time, and one that waits too long is given up and replaced. A user whose process
 * did that is not waited for again for a while. */
#pragma once
#include "common/macro.h"
#include "daemon/cmdline-protocol.h"

#define CMDLINE_WORKERS_MAX 8       /* lines read at the same time; also those that were given up and are still there */
#define CMDLINE_WAIT_MSEC 1000 /* much for a line, and not too little for a machine that has much to do */
#define CMDLINE_PENALTY_MSEC 10000

/* Reads one line into buf with a NUL behind it. Its size or -errno. */
typedef ssize_t (*CmdLineRead)(int pid, char *buf, size_t size);
ssize_t cmdline_read_proc(int pid, char *buf, size_t size);

/* Serves until the other end of fd closes. 0 or -errno. */
int cmdline_serve(int fd, CmdLineRead read_line);