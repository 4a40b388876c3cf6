/* pclass-broker: the privileged half. It moves processes, makes classes and sets limits, for pclassd, and trusts it in nothing. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/options.h"
#include "broker/service.h"
#include "broker/setup.h"
#include "broker/supervise.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/slice.h"

/* A service and the processes that it has started. */
static int short_turns(pid_t service) {
        char path[64], text[4096], *save = NULL;
        int r = slice_shorten(service);

        snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int) service, (int) service);
        ssize_t n = r < 0 ? r : fd_read_text(AT_FDCWD, path, text, sizeof(text));
        if (n < 0)
                return log_error_errno((int) n, "process %d and what it started cannot have short turns", (int) service);
        for (const char *child = strtok_r(text, " ", &save); child; child = strtok_r(NULL, " ", &save))
                (void) slice_shorten((pid_t) strtol(child, NULL, 10)); /* it may have ended */
        return 0;
}

static int run_supervised(void *userdata) {
        Options *o = userdata;

        o->supervisor = getppid();
        return service_run(o);
}

int main(int argc, char **argv) {
        Options o;

        log_open("pclass-broker", LOG_INFO);
        int r = options_parse(argc, argv, &o);
        if (r <= 0)
                return r == -ENOMEM ? EXIT_FAILURE : r < 0 ? 2 : EXIT_SUCCESS;
        log_open("pclass-broker", o.log_level);
        (void) slice_shorten(0); /* for all that we start, too; where a unit forbids it, its ExecStartPost= does the same */
        umask(022); /* the listener reads class directories, whatever the service manager's mask is */
        if (geteuid() != 0) {
                log_error("pclass-broker has to be started as root");
                r = EXIT_FAILURE;
        } else if (o.short_turns)
                r = short_turns(o.short_turns) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        else if (o.mount_hierarchies)
                r = setup_mount_hierarchies(&o) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        else
                r = o.supervise ? supervise(run_supervised, &o) : service_run(&o);
        options_free(&o);
        return r;
}
