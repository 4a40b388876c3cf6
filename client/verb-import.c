/* import: files of libcgroup as files of pclass, on standard output. */
#include "client/verbs.h"

#include "client/cgrulesfile.h"
#include "client/rulefile.h"
#include "rules/cgconfig.h"

static void report_error(const TextError *where, void *userdata) {
        cli_text_error(where);
}

static int import_cgrules(char **files) {
        _cleanup_(cgrules_freep) CgRules *c = NULL;
        int errors = 0, r = cgrules_new(&c);

        for (; r >= 0 && *files; files++) {
                r = cgrules_file_add(c, *files, report_error, NULL);
                errors += r > 0 ? r : 0;
        }
        if (r >= 0 && errors > 0)
                return CLI_FAILED;
        if (r >= 0)
                r = cgrules_format_roots(c, stdout);
        if (r >= 0)
                r = cgrules_format(c, stdout);
        return r == -ENOMEM ? cli_oom() : CLI_OK; /* what cannot be written is noticed at the end of the program */
}

static int import_cgconfig(char **files) {
        _cleanup_(cgconfig_freep) CgConfig *c = NULL;
        TextError err = {};
        int r = cgconfig_new(&c);

        for (; r >= 0 && *files; files++) {
                _cleanup_free_ char *text = NULL;
                size_t size = 0;
                r = rule_file_read(*files, &text, &size, &err);
                if (r >= 0)
                        r = cgconfig_add_text(c, text, size, *files, &err);
        }
        if (r == -EINVAL)
                return cli_text_error(&err);
        if (r >= 0)
                r = cgconfig_format(c, stdout);
        return r == -ENOMEM ? cli_oom() : CLI_OK;
}

int verb_import(Cli *cli, int argc, char **argv) {
        int first, code;

        if (!cli_parse(cli, argc, argv, NULL, NULL, NULL, 2, argc, &first, &code))
                return code;
        if (streq(argv[first], "cgrules"))
                return import_cgrules(argv + first + 1);
        if (streq(argv[first], "cgconfig"))
                return import_cgconfig(argv + first + 1);
        return cli_usage_error(cli, "import: expected cgrules or cgconfig, got '%s'", argv[first]);
}
