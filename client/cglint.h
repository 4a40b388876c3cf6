/* lint --cgrules: reads files of cgrules.conf(5) and prints what is in them. */
#pragma once
#include "client/cli.h"
#include "client/host.h"

/* An exit code: CLI_FAILED when there are errors. */
int cglint_run(const Cli *cli, Host *host, char *const *files);
