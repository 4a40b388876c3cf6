/* test --cgrules: what cgrules.conf says of one made-up process. */
#pragma once
#include "client/cli.h"
#include "client/facts.h"
#include "client/host.h"
#include "rules/cgrules.h"

typedef struct CgTest {
        char **files;      /* --cgrules */
        bool realtime;     /* --sched */
        CgPlace *places;   /* --current; both texts of a place owned */
        size_t n_places;
} CgTest;

void cgtest_done(CgTest *t);
/* "fifo", "rr" or "other". -EINVAL. */
int cgtest_set_sched(CgTest *t, const char *text);
/* "cpu:/a" or "cpu,cpuacct:/a". -EINVAL, -ENOMEM. */
int cgtest_add_current(CgTest *t, const char *text);

/* Judges and prints. host has the classes, if any were given (has_classes). controllers: those to show, NULL for those that the rule names.
 * An exit code. */
int cgtest_run(const CgTest *t, const Cli *cli, Host *host, bool has_classes, Facts *facts, char *const *controllers);
