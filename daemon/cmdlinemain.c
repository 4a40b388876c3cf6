/* pclass-cmdline: reads command lines for pclassd. A program of its own, so that it holds no more memory than reading takes. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include "common/log.h"
#include "daemon/cmdlinereader.h"
#include "daemon/sandbox.h"

static int restrict_self(void) {
        static const struct rlimit no_core = { 0, 0 }, few_files = { 64, 64 };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
            prctl(PR_SET_NAME, "pclass-cmdline", 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0 ||
            setrlimit(RLIMIT_NOFILE, &few_files) < 0)
                return -errno;
        int r = sandbox_names_files();
        return r < 0 ? r : sandbox_cmdline_calls();
}

int main(void) {
        int r;

        log_open("pclass-cmdline", LOG_INFO);
        r = restrict_self();
        if (r >= 0 && fcntl(CMDLINE_FD, F_SETFL, 0) < 0) /* it may come non-blocking */
                r = -errno;
        if (r < 0)
                return log_error_errno(r, "Cannot restrict the reader of command lines"), EXIT_FAILURE;
        r = cmdline_serve(CMDLINE_FD, cmdline_read_proc);
        return r < 0 ? log_error_errno(r, "The reader of command lines ends"), EXIT_FAILURE : EXIT_SUCCESS;
}
