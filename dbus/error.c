/* The one table from errno to D-Bus error name; messages are those of TextError, with file, line and column. */
#include "dbus/error.h"

#include <inttypes.h>

#include "common/str.h"

static const char *rule_error_name(int r) {
        switch (-r) {
        case EINVAL: return ERROR_INVALID_RULE;
        case ENOENT: return ERROR_NO_SUCH_RULE;
        case EBUSY: return ERROR_GENERATION_CHANGED;
        case EEXIST: return ERROR_IN_USE;
        case EPERM: return ERROR_NOT_SUPPORTED;
        case E2BIG: return SD_BUS_ERROR_LIMITS_EXCEEDED;
        default: return NULL;
        }
}

int error_of_rules(int r, const TextError *err, sd_bus_error *e) {
        const char *name = rule_error_name(r);
        _cleanup_free_ char *printable = NULL;
        char text[640];

        if (!name && !err->message[0])
                return error_of_daemon(r, e);
        if (err->message[0])
                text_error_format(err, text, sizeof(text));
        else
                strcpy(text, strerror(-r));
        if (!str_is_printable_utf8(text))
                printable = str_escape(text);
        return name ? sd_bus_error_set(e, name, printable ?: text) : sd_bus_error_set_errnof(e, r, "%s", printable ?: text);
}

int error_no_class(const char *path, sd_bus_error *e) {
        _cleanup_free_ char *name = NULL;

        if (sd_bus_path_decode(path, "/Classes", &name) > 0 && str_is_printable_utf8(name))
                return sd_bus_error_setf(e, ERROR_NO_SUCH_CLASS, "There is no class %s", name);
        return sd_bus_error_setf(e, ERROR_NO_SUCH_CLASS, "There is no class at %s", path);
}

int error_of_class(int r, const char *name, const char *text, sd_bus_error *e) {
        switch (-r) {
        case EINVAL:
                return sd_bus_error_setf(e, SD_BUS_ERROR_INVALID_ARGS, "Class %s cannot be made: a class above it does not exist or is not a run-time class", name);
        case EEXIST:
                return sd_bus_error_setf(e, ERROR_IN_USE, "There is a class %s already", name);
        case EBUSY:
                return sd_bus_error_setf(e, ERROR_IN_USE, "Class %s is in use: %s", name, text);
        case ENOSPC:
                return sd_bus_error_set(e, SD_BUS_ERROR_LIMITS_EXCEEDED, "There are as many run-time classes as RuntimeClassesMax= of pclass.conf allows");
        case EXDEV:
                return sd_bus_error_setf(e, ERROR_NOT_SUPPORTED, "Class %s cannot be in a hierarchy that root's classes do not use; see Hierarchies= of [Class runtime]", name);
        case EPERM:
                return sd_bus_error_setf(e, ERROR_NOT_SUPPORTED, "Class %s is not removed from here: %s", name, text);
        case EOPNOTSUPP:
                return sd_bus_error_setf(e, ERROR_NOT_SUPPORTED, "Class %s: %s", name, text);
        default:
                return error_of_daemon(r, e);
        }
}

int error_of_process(int r, uint32_t pid, sd_bus_error *e) {
        switch (-r) {
        case ESRCH:
        case ENOENT:
                return sd_bus_error_setf(e, ERROR_NO_SUCH_PROCESS, "There is no process %" PRIu32, pid);
        case ESTALE:
                return sd_bus_error_setf(e, ERROR_NO_SUCH_PROCESS, "Process %" PRIu32 " has ended, another one has its number now", pid);
        case EINVAL:
                return sd_bus_error_set(e, SD_BUS_ERROR_INVALID_ARGS, "The cookie of a process is a hex number, or empty for whoever has the pid now");
        default:
                return error_of_daemon(r, e);
        }
}

int error_of_daemon(int r, sd_bus_error *e) {
        switch (-r) {
        case ENOTCONN:
        case EPIPE:
                return sd_bus_error_set(e, ERROR_BROKER_UNAVAILABLE, "The broker is not connected");
        case EOPNOTSUPP:
                return sd_bus_error_set(e, ERROR_NOT_SUPPORTED, "This machine or build cannot do that");
        default:
                return sd_bus_error_set_errno(e, r);
        }
}
