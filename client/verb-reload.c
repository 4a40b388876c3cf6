/* reload: when classes or pclass.conf have changed the service starts anew, and who waits for this command finds it there again. */
#include "client/verbs.h"

#include <stdio.h>
#include <time.h>
#include "client/bus.h"

#define BACK_USEC (30 * UINT64_C(1000000))    /* for the service to be on the bus again */
#define SETTLED_USEC (10 * UINT64_C(1000000)) /* then for everybody to be in his class; as long as any change waits for its moves */
#define LOOK_USEC (50 * UINT64_C(1000))       /* between two looks: the end of a pass is not announced */

enum { OPTION_NO_BLOCK = CLI_OPTION_OWN };

typedef struct Owner {
        bool went, came;
} Owner;

static int no_block_option(Cli *cli, int value, const char *argument, void *userdata) {
        *(bool *) userdata = true;
        return CLI_OK;
}

static int on_owner(sd_bus_message *message, void *userdata, sd_bus_error *e) {
        const char *name, *old, *new;
        Owner *o = userdata;

        if (sd_bus_message_read(message, "sss", &name, &old, &new) >= 0) {
                o->went |= *old != '\0';
                o->came = *new != '\0';
        }
        return 0;
}

static uint64_t now_usec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

/* Handles what has come, without waiting. */
static int process_all(sd_bus *bus) {
        int r;

        while ((r = sd_bus_process(bus, NULL)) > 0)
                ;
        return r;
}

/* Nothing is said of a service that cannot be asked: it is on its way out. */
static bool starts_anew(Cli *cli, const Owner *owner) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *state = NULL;
        int r = sd_bus_get_property_string(cli->bus, BUS_NAME, STATUS_PATH, STATUS_INTERFACE, "State", &e, &state);

        (void) process_all(cli->bus);
        return r < 0 || owner->went || streq(state, "restarting");
}

static int wait_back(Cli *cli, const Owner *owner) {
        uint64_t deadline = now_usec() + BACK_USEC;
        int r = process_all(cli->bus);

        while (r >= 0 && !owner->came) {
                uint64_t now = now_usec();
                if (now >= deadline) {
                        cli_error("the new configuration was taken, but the service does not come back");
                        fputs("Look at: pclassctl status, journalctl -u pclass\n", stderr);
                        return CLI_NOT_RUNNING;
                }
                r = sd_bus_wait(cli->bus, deadline - now);
                if (r >= 0 || r == -EINTR)
                        r = process_all(cli->bus);
        }
        return r < 0 ? bus_ended(cli, r) : CLI_OK;
}

static int wait_settled(Cli *cli) {
        uint64_t deadline = now_usec() + SETTLED_USEC;

        for (;;) {
                _cleanup_json_ json_object *status = NULL;
                int code = bus_properties(cli, STATUS_PATH, STATUS_INTERFACE, &status);

                if (code != CLI_OK)
                        return code;
                if (row_bool(json_object_object_get(status, "Convergence"), "Converged") || now_usec() >= deadline)
                        return CLI_OK;
                (void) sd_bus_wait(cli->bus, LOOK_USEC);
                (void) process_all(cli->bus);
        }
}

int verb_reload(Cli *cli, int argc, char **argv) {
        static const struct option own[] = { { "no-block", no_argument, NULL, OPTION_NO_BLOCK }, {} };
        bool no_block = false;
        Owner owner = {};
        int first, code;

        if (!cli_parse(cli, argc, argv, own, no_block_option, &no_block, 0, 0, &first, &code))
                return code;
        code = bus_open(cli);
        if (code != CLI_OK)
                return code;
        if (!no_block && sd_bus_add_match(cli->bus, NULL, "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                                          "member='NameOwnerChanged',arg0='" BUS_NAME "'", on_owner, &owner) < 0)
                return cli_oom();
        code = bus_call(cli, RULES_PATH, RULES_INTERFACE, "Reload", NULL, NULL);
        if (code == CLI_OK && !no_block && starts_anew(cli, &owner)) {
                code = wait_back(cli, &owner);
                if (code == CLI_OK)
                        code = wait_settled(cli);
        }
        return cli_changed(cli, code);
}
