/* What the command line of a process tells: pure, of bytes that somebody else read. The process chooses them. */
#pragma once
#include "common/macro.h"

#define CMDLINE_SIZE 8192 /* so many bytes are looked at */
#define COMM_MAX 15       /* bytes of a name, TASK_COMM_LEN without its NUL */

typedef struct CmdLine {
        const char *arg0;   /* first word, up to its NUL */
        const char *script; /* "" when no script was started; NULL when comm is not known */
} CmdLine;

/* text: n bytes of /proc/PID/cmdline with a NUL behind them; cut: it went on. The kernel starts a script by putting its path behind the interpreter that
 * the #! line names, and at most one argument, and calls the process (comm) by the path's base name. *ret leads into text. -ENODATA: no command line, or the
 * first word was cut. */
int cmdline_parse(const char *text, size_t n, bool cut, const char *comm, CmdLine *ret);
