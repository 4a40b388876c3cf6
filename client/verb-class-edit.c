/* add-class, remove-class. */
#include "client/verbs.h"

#include <stdio.h>
#include "client/bus.h"
#include "common/classdef.h"

enum {
        OPTION_HIERARCHIES = CLI_OPTION_OWN,
        OPTION_DRAIN,
        OPTION_KILL,
};

static int hierarchies_option(Cli *cli, int value, const char *argument, void *userdata) {
        *(const char **) userdata = argument;
        return CLI_OK;
}

int verb_add_class(Cli *cli, int argc, char **argv) {
        static const struct option own[] = { { "hierarchies", required_argument, NULL, OPTION_HIERARCHIES }, {} };
        _cleanup_json_ json_object *path = NULL;
        _cleanup_free_ char *hierarchies = NULL;
        char *properties[_CLASS_PROPERTY_N + 2] = {};
        const char *list = NULL;
        int first, code;

        if (!cli_parse(cli, argc, argv, own, hierarchies_option, &list, 1, 1 + _CLASS_PROPERTY_N, &first, &code))
                return code;
        code = cli_check_assignments(cli, argv + first + 1);
        if (code != CLI_OK)
                return code;
        memcpy(properties, argv + first + 1, (size_t) (argc - first - 1) * sizeof(char *));
        if (list) {
                if (asprintf(&hierarchies, "Hierarchies=%s", list) < 0)
                        return cli_oom();
                properties[argc - first - 1] = hierarchies;
        }
        code = bus_call_texts(cli, CLASSES_PATH, CLASSES_INTERFACE, "Add", argv[first], properties, &path);
        return code == CLI_OK ? cli_answer(cli, "Path", path) : code;
}

static int mode_option(Cli *cli, int value, const char *argument, void *userdata) {
        const char **mode = userdata;

        if (*mode)
                return cli_usage_error(cli, "only one of --drain and --kill can be given");
        *mode = value == OPTION_DRAIN ? "drain" : "kill";
        return CLI_OK;
}

static int remove_class(Cli *cli, const char *name, const char *mode) {
        _cleanup_free_ char *path = NULL;

        if (sd_bus_path_encode(CLASSES_PATH, name, &path) < 0)
                return cli_oom();
        return bus_call(cli, CLASSES_PATH, CLASSES_INTERFACE, "Remove", NULL, "oa{sv}", path, 1, "mode", "s", mode ? mode : "refuse");
}

int verb_remove_class(Cli *cli, int argc, char **argv) {
        static const struct option own[] = { { "drain", no_argument, NULL, OPTION_DRAIN }, { "kill", no_argument, NULL, OPTION_KILL }, {} };
        const char *mode = NULL;
        int first, code;

        if (!cli_parse(cli, argc, argv, own, mode_option, &mode, 1, 1024, &first, &code))
                return code;
        if (!mode)
                cli->in_use_advice = "With --drain its processes go to the class above or where they came from, with --kill they are ended.";
        for (code = CLI_OK; argv[first] && code == CLI_OK; first++)
                code = remove_class(cli, argv[first], mode);
        return cli_changed(cli, code);
}
