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

        if (!name)
                return error_of_daemon(r, e);
        if (err->message[0])
                text_error_format(err, text, sizeof(text));
        else
                strcpy(text, strerror(-r));
        if (!str_is_printable_utf8(text))
                printable = str_escape(text);
        return sd_bus_error_set(e, name, printable ?: text);
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
