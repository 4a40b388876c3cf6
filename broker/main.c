/* pclass-broker: the privileged half. It moves processes, makes classes and sets limits, for pclassd, and trusts it in nothing. */
#include <sys/stat.h>
#include <unistd.h>

#include "broker/options.h"
#include "broker/service.h"
#include "broker/setup.h"
#include "broker/supervise.h"
#include "common/log.h"
#include "common/slice.h"

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
                return r < 0 ? 2 : EXIT_SUCCESS;
        log_open("pclass-broker", o.log_level);
        (void) slice_shorten(); /* for all that we start, too: each has little to do at a time, and somebody waits for it */
        umask(022); /* the listener reads class directories, whatever the service manager's mask is */
        if (geteuid() != 0) {
                log_error("pclass-broker has to be started as root");
                r = EXIT_FAILURE;
        } else if (o.mount_hierarchies)
                r = setup_mount_hierarchies(&o) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        else
                r = o.supervise ? supervise(run_supervised, &o) : service_run(&o);
        options_free(&o);
        return r;
}
