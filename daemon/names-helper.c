/* pclass-names: asks NSS for pclassd, one question after the other. NSS modules may ask the network and block for minutes, load libraries
 * and leave threads behind: all that happens in this process, which has no privilege and holds nothing but its socket. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include "common/log.h"
#include "daemon/namesserve.h"
#include "daemon/sandbox.h"

static int restrict_self(void) {
        static const struct rlimit no_core = { 0, 0 }, few_files = { 256, 256 };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
            prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || /* EOF is not seen while NSS blocks */
            setrlimit(RLIMIT_CORE, &no_core) < 0 || setrlimit(RLIMIT_NOFILE, &few_files) < 0)
                return -errno;
        int r = sandbox_names_files();
        return r < 0 ? r : sandbox_names_calls();
}

int main(void) {
        int r;

        log_open("pclass-names", LOG_INFO);
        r = restrict_self();
        if (r >= 0 && fcntl(NAMES_FD, F_SETFL, 0) < 0) /* it may come non-blocking, and here is nothing else to wait for */
                r = -errno;
        if (r < 0)
                return log_error_errno(r, "Cannot restrict the names process"), EXIT_FAILURE;
        while ((r = names_serve_one(NAMES_FD)) > 0)
                ;
        names_serve_done();
        if (r < 0)
                return log_error_errno(r, "The names process cannot talk to pclassd and ends"), EXIT_FAILURE;
        return EXIT_SUCCESS;
}
