/* set-property, freeze, thaw: changing a class while the service runs. */
#include "client/verbs.h"

#include "client/bus.h"
#include "common/classdef.h"

static int set_properties(Cli *cli, const char *class, char *const *assignments) {
        _cleanup_free_ char *path = NULL;

        if (sd_bus_path_encode(CLASSES_PATH, class, &path) < 0)
                return cli_oom();
        return bus_call_texts(cli, path, CLASS_INTERFACE, "SetProperties", NULL, assignments, NULL);
}

int verb_set_property(Cli *cli, int argc, char **argv) {
        int first, code;

        if (!cli_parse(cli, argc, argv, NULL, NULL, NULL, 2, 1 + _CLASS_PROPERTY_N, &first, &code))
                return code;
        code = cli_check_assignments(cli, argv + first + 1);
        return code == CLI_OK ? cli_changed(cli, set_properties(cli, argv[first], argv + first + 1)) : code;
}

static int freeze_all(Cli *cli, int argc, char **argv, const char *assignment) {
        char *const assignments[] = { (char *) assignment, NULL };
        int first, code;

        if (!cli_parse(cli, argc, argv, NULL, NULL, NULL, 1, 1024, &first, &code))
                return code;
        for (int i = first; code == CLI_OK && i < argc; i++)
                code = set_properties(cli, argv[i], assignments);
        return cli_changed(cli, code);
}

int verb_freeze(Cli *cli, int argc, char **argv) {
        return freeze_all(cli, argc, argv, "Freeze=yes");
}

int verb_thaw(Cli *cli, int argc, char **argv) {
        return freeze_all(cli, argc, argv, "Freeze=no");
}
