/* The journal's record of moves. */
#include "daemon/decisionlog.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#include "common/log.h"
#include "common/str.h"

/* sd-journal waits for room in journald's queue and cannot be told not to. So a socket of our own, connected to the same place, is asked first.
 * 0, -EAGAIN: journald takes nothing now, another error: no journal here. */
static int journal_ready(void) {
        static const struct sockaddr_un address = { AF_UNIX, "/run/systemd/journal/socket" };
        static int fd = -EBADF; /* kept; connected anew each time, for the journal may be another one by now */
        struct pollfd room = { .events = POLLOUT };

        if (fd < 0)
                fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        room.fd = fd;
        if (poll(&room, 1, 0) < 0)
                return -errno;
        return room.revents & POLLOUT ? 0 : -EAGAIN;
}

bool decision_log_wanted(void) {
        return journal_ready() == 0;
}

static char *describe(pid_t pid, const char *program, const char *rule, const char *class_name, const char *from) {
        char *message;
        int n;

        if (rule)
                n = asprintf(&message, "Moved %s[%d] to class %s (rule %s)", program, pid, strnull(class_name), rule);
        else if (class_name)
                n = asprintf(&message, "Moved %s[%d] to class %s (by hand, or where its parent is)", program, pid, class_name);
        else
                n = asprintf(&message, "Moved %s[%d] out of %s, back to where it came from", program, pid, strnull(from));
        return n < 0 ? NULL : message;
}

int decision_log_move(pid_t pid, const char *comm, const char *rule, const char *class_name, const char *from) {
        _cleanup_free_ char *program = NULL, *message = NULL;
        int r = journal_ready();

        if (r == -EAGAIN || (r < 0 && !log_shows(LOG_DEBUG)))
                return r == -EAGAIN ? r : 0;
        program = str_escape(comm ? comm : "?");
        message = program ? describe(pid, program, rule, class_name, from) : NULL;
        if (!message)
                return -ENOMEM;
        if (r < 0) {
                log_debug("%s", message);
                return 0;
        }
        return sd_journal_send("MESSAGE=%s", message, "PRIORITY=%d", LOG_INFO, "MESSAGE_ID=%s", DECISION_LOG_MOVED_ID,
                               "OBJECT_PID=%d", pid, "PCLASS_RULE=%s", strnull(rule), "PCLASS_CLASS=%s", strnull(class_name),
                               "PCLASS_FROM=%s", strnull(from), "PCLASS_COMM=%s", program, NULL);
}
