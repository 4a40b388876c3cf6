/* The verbs of pclassctl, one file each family. Each parses its own arguments and returns an exit code (client/cli.h). */
#pragma once
#include "client/cli.h"

int verb_assign(Cli *cli, int argc, char **argv);
int verb_pin(Cli *cli, int argc, char **argv);
int verb_release(Cli *cli, int argc, char **argv);
int verb_list_assignments(Cli *cli, int argc, char **argv);
int verb_run(Cli *cli, int argc, char **argv);
int verb_list_classes(Cli *cli, int argc, char **argv);
int verb_show_class(Cli *cli, int argc, char **argv);
int verb_set_property(Cli *cli, int argc, char **argv);
int verb_freeze(Cli *cli, int argc, char **argv);
int verb_thaw(Cli *cli, int argc, char **argv);
int verb_list_processes(Cli *cli, int argc, char **argv);
int verb_add_class(Cli *cli, int argc, char **argv);
int verb_remove_class(Cli *cli, int argc, char **argv);
int verb_list_rules(Cli *cli, int argc, char **argv);
int verb_add_rule(Cli *cli, int argc, char **argv);
int verb_replace(Cli *cli, int argc, char **argv);
int verb_remove_rule(Cli *cli, int argc, char **argv);
int verb_enable_rule(Cli *cli, int argc, char **argv);
int verb_disable_rule(Cli *cli, int argc, char **argv);
int verb_reload(Cli *cli, int argc, char **argv);
int verb_plan(Cli *cli, int argc, char **argv);
int verb_enforce(Cli *cli, int argc, char **argv);
int verb_observe(Cli *cli, int argc, char **argv);
int verb_status(Cli *cli, int argc, char **argv);
int verb_doctor(Cli *cli, int argc, char **argv);
int verb_monitor(Cli *cli, int argc, char **argv);
int verb_top(Cli *cli, int argc, char **argv);
int verb_explain(Cli *cli, int argc, char **argv);
int verb_test(Cli *cli, int argc, char **argv);
int verb_lint(Cli *cli, int argc, char **argv);
int verb_import(Cli *cli, int argc, char **argv);
