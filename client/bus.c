/* Calls to org.pclass on the system bus. */
#include "client/bus.h"

#include <stdarg.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include "client/agent.h"

#define PROMPT_TIMEOUT_USEC (10 * 60 * 1000000ULL) /* somebody has to find the password */
#define SILENT_USEC (3 * 1000000ULL)               /* before somebody is told what he waits for */
#define CALL_TIMEOUT_USEC (90 * 1000000ULL)        /* a change is answered when its moves are done, at most 10 s */

static inline void messagep(sd_bus_message **m) {
        sd_bus_message_unref(*m);
}
#define _cleanup_message_ _cleanup_(messagep)
#define _cleanup_error_ _cleanup_(sd_bus_error_free)

/* What errors of the bus and of the service mean here. A name that ends in a dot stands for all that begin so. */
static const struct {
        const char *name;
        int code;
        const char *advice;
} errors[] = {
        { "org.freedesktop.DBus.Error.AccessDenied", CLI_NOT_AUTHORISED,
          "Run it as root, or as a user that polkit allows this (see the pclass actions in pkaction)." },
        { "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", CLI_NOT_AUTHORISED,
          "Run it on a terminal without --no-ask-password, or as root." },
        { "org.freedesktop.DBus.Error.AuthFailed", CLI_NOT_AUTHORISED, NULL },
        { "org.freedesktop.DBus.Error.ServiceUnknown", CLI_NOT_RUNNING, "Start it with: systemctl start pclass" },
        { "org.freedesktop.DBus.Error.NameHasNoOwner", CLI_NOT_RUNNING, "Start it with: systemctl start pclass" },
        { "org.freedesktop.DBus.Error.NoReply", CLI_NOT_RUNNING, "The service ended or hangs; look at: journalctl -u pclass" },
        { "org.freedesktop.DBus.Error.Disconnected", CLI_NOT_RUNNING, "The bus ended the connection." },
        { "org.freedesktop.DBus.Error.Spawn.", CLI_NOT_RUNNING, "It could not be started; look at: journalctl -u pclass" },
        { "org.freedesktop.DBus.Error.TimedOut", CLI_NOT_RUNNING, "It does not come up; look at: systemctl status pclass, journalctl -u pclass" },
        { "org.freedesktop.systemd1.", CLI_NOT_RUNNING, "It could not be started; look at: journalctl -u pclass" },
        { "org.freedesktop.DBus.Error.UnknownObject", CLI_NO_SUCH_OBJECT, NULL },
        { "org.freedesktop.DBus.Error.UnixProcessIdUnknown", CLI_NO_SUCH_OBJECT, NULL },
        { "org.pclass.Error.NoSuchRule", CLI_NO_SUCH_OBJECT, "See: pclassctl list-rules" },
        { "org.pclass.Error.NoSuchClass", CLI_NO_SUCH_OBJECT, "See: pclassctl list-classes" },
        { "org.pclass.Error.NoSuchProcess", CLI_NO_SUCH_OBJECT, NULL },
        { "org.pclass.Error.NoSuchAssignment", CLI_NO_SUCH_OBJECT, "See: pclassctl list-assignments" },
        { "org.pclass.Error.NotTunable", CLI_FAILED, "Tunable= in the file of the class says what may be changed; see pclass.classes(5)." },
        { "org.pclass.Error.BrokerUnavailable", CLI_FAILED, "It comes back by itself; look at: journalctl -u pclass" },
        { "org.pclass.Error.InUse", CLI_FAILED, NULL }, /* the verb knows */
        { "org.pclass.Error.GenerationChanged", CLI_FAILED, "Somebody else changed the rules meanwhile; try again." },
        { "org.freedesktop.DBus.Error.UnknownMethod", CLI_FAILED, "The service that runs is older than pclassctl: restart it." },
};

static const char *const denied[] = { "Permission denied", "Access denied" };

static ssize_t find_error(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                size_t n = strlen(errors[i].name);
                if (errors[i].name[n - 1] == '.' ? strncmp(name, errors[i].name, n) == 0 : streq(name, errors[i].name))
                        return i;
        }
        return -ENOENT;
}

int bus_error_code(const char *name) {
        ssize_t i = find_error(name);

        return i < 0 ? CLI_FAILED : errors[i].code;
}

/* Texts that say no more than the error's name does. */
static bool says_little(const char *message) {
        for (size_t i = 0; i < ELEMENTSOF(denied); i++)
                if (streq(message, denied[i]))
                        return true;
        return !*message;
}

/* "Unknown object" is what the bus library says of a path that stands for no class. */
static bool say_no_class(sd_bus_message *call) {
        _cleanup_free_ char *class = NULL;

        if (sd_bus_path_decode(strnull(sd_bus_message_get_path(call)), CLASSES_PATH, &class) <= 0)
                return false;
        cli_error("There is no class %s", class);
        fputs("See: pclassctl list-classes\n", stderr);
        return true;
}

/* Without systemd there is a service script, which D-Bus cannot call. Of another machine nothing is known. */
static bool has_script(const Cli *cli) {
        return !cli->host && sd_booted() == 0;
}

/* Nobody is asked for a password on behalf of another machine. */
static void advise(const Cli *cli, const char *name, const char *advice) {
        if (cli->host && bus_error_code(name) == CLI_NOT_AUTHORISED)
                fputs("Log in there as root (-H root@HOST), or as a user that polkit allows this without a password.\n", stderr);
        else if (bus_error_code(name) == CLI_NOT_RUNNING && has_script(cli))
                fputs("Start it with: service pclass start (syslog says why it ended)\n", stderr);
        else if (advice)
                fprintf(stderr, "%s\n", advice);
        else if (cli->in_use_advice && streq(name, "org.pclass.Error.InUse"))
                fprintf(stderr, "%s\n", cli->in_use_advice);
}

static int say_error(const Cli *cli, sd_bus_message *call, const sd_bus_error *e) {
        ssize_t i = find_error(strnull(e->name));
        int code = i < 0 ? CLI_FAILED : errors[i].code;
        const char *message = strnull(e->message);

        if (streq(strnull(e->name), SD_BUS_ERROR_UNKNOWN_OBJECT) && say_no_class(call))
                return code;
        if (code == CLI_NOT_RUNNING)
                cli_error("the pclass service is not running: %s", *message ? message : e->name);
        else if (code == CLI_NOT_AUTHORISED)
                cli_error("not authorised%s%s", says_little(message) ? "" : ": ", says_little(message) ? "" : message);
        else
                cli_error("%s", *message ? message : strnull(e->name));
        if (i >= 0)
                advise(cli, e->name, errors[i].advice);
        return code;
}

static int remote_advice(void) {
        fputs("It needs ssh to that machine, and systemd-stdio-bridge there (package systemd).\n", stderr);
        return CLI_NOT_RUNNING;
}

int bus_ended(const Cli *cli, int error) {
        if (!cli->host) {
                cli_error("the bus has ended the connection: %s", strerror(-error));
                return CLI_NOT_RUNNING;
        }
        cli_error("the connection to %s has ended", cli->host); /* ssh has said why */
        return remote_advice();
}

/* ssh may end before something is sent, while it is sent, or while an answer is awaited. */
static bool has_ended(int r) {
        return r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE;
}

/* A service that hangs must not make this hang without a word. Asked before anything else, for a call may take long for good reasons: moves, a password. */
static void say_if_silent(Cli *cli) {
        _cleanup_message_ sd_bus_message *ping = NULL;

        if (!cli->host && sd_bus_message_new_method_call(cli->bus, &ping, BUS_NAME, "/", "org.freedesktop.DBus.Peer", "Ping") >= 0 &&
            sd_bus_call(cli->bus, ping, SILENT_USEC, NULL, NULL) == -ETIMEDOUT)
                cli_error("pclass does not answer yet, waiting for it; journalctl -u pclass may say why");
}

int bus_open(Cli *cli) {
        int r;

        if (cli->bus)
                return CLI_OK;
        r = cli->host ? sd_bus_open_system_remote(&cli->bus, cli->host) : sd_bus_open_system(&cli->bus);
        if (cli->host && has_ended(r))
                return bus_ended(cli, r);
        if (r < 0 && cli->host) {
                cli_error("cannot reach the system bus of %s: %s", cli->host, strerror(-r));
                return remote_advice();
        }
        if (r < 0) {
                const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
                cli_error("there is no system bus to talk to%s%s: %s", address ? " at " : "", strnull(address), strerror(-r));
                fputs(has_script(cli) ? "Start the bus (service dbus start), then the service (service pclass start).\n" :
                                        "Start the bus (systemctl start dbus), then the service (systemctl start pclass).\n", stderr);
                return CLI_NOT_RUNNING;
        }
        say_if_silent(cli);
        if (cli->no_ask_password)
                return CLI_OK;
        sd_bus_set_allow_interactive_authorization(cli->bus, true);
        /* root is never asked; without a terminal nobody could answer; whom another machine asks is for that machine to know. */
        if (!cli->host && cli->verb->may_prompt && geteuid() != 0 && isatty(STDIN_FILENO))
                agent_start(&cli->agent);
        return CLI_OK;
}

static int call_failed(int r, const char *what) {
        if (r == -ENOMEM)
                return cli_oom();
        cli_error("%s: %s", what, strerror(-r));
        return CLI_FAILED;
}

static int send_call(Cli *cli, sd_bus_message *call, json_object **ret) {
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        json_object *answer = NULL;
        int r = sd_bus_call(cli->bus, call, cli->no_ask_password ? CALL_TIMEOUT_USEC : PROMPT_TIMEOUT_USEC, &error, &reply);

        if (r < 0) {
                if (cli->host && has_ended(r))
                        return bus_ended(cli, r);
                if (!sd_bus_error_is_set(&error))
                        sd_bus_error_set_errno(&error, r);
                return say_error(cli, call, &error);
        }
        r = busjson_from_message(reply, &answer);
        if (r < 0)
                return call_failed(r, "the service's answer cannot be read");
        if (ret)
                *ret = answer;
        else
                json_object_put(answer);
        return CLI_OK;
}

int bus_call(Cli *cli, const char *path, const char *interface, const char *member, json_object **ret, const char *types, ...) {
        _cleanup_message_ sd_bus_message *call = NULL;
        va_list ap;
        int r = bus_open(cli);

        if (r != CLI_OK)
                return r;
        r = sd_bus_message_new_method_call(cli->bus, &call, BUS_NAME, path, interface, member);
        if (r < 0)
                return call_failed(r, member);
        if (types) {
                va_start(ap, types);
                r = sd_bus_message_appendv(call, types, ap);
                va_end(ap);
                if (r < 0)
                        return call_failed(r, "an argument cannot be sent over D-Bus");
        }
        return send_call(cli, call, ret);
}

int bus_call_texts(Cli *cli, const char *path, const char *interface, const char *member, const char *text, char *const *assignments, json_object **ret) {
        _cleanup_message_ sd_bus_message *call = NULL;
        int r = bus_open(cli);

        if (r != CLI_OK)
                return r;
        r = sd_bus_message_new_method_call(cli->bus, &call, BUS_NAME, path, interface, member);
        if (r >= 0 && text)
                r = sd_bus_message_append(call, "s", text);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        for (; r >= 0 && *assignments; assignments++) {
                size_t n = strcspn(*assignments, "=");
                _cleanup_free_ char *name = strndup(*assignments, n);
                r = name ? sd_bus_message_append(call, "{sv}", name, "s", *assignments + n + ((*assignments)[n] == '=')) : -ENOMEM;
        }
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? call_failed(r, member) : send_call(cli, call, ret);
}

int bus_properties(Cli *cli, const char *path, const char *interface, json_object **ret) {
        return bus_call(cli, path, "org.freedesktop.DBus.Properties", "GetAll", ret, "s", interface);
}
