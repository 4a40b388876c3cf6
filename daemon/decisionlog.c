/* The journal's record of moves. */
#include "daemon/decisionlog.h"

#include <stdio.h>
#include <unistd.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#include "common/log.h"
#include "common/str.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket" /* sd-journal says nothing when it is missing */

void decision_log_move(pid_t pid, const char *comm, const char *rule, const char *class_name, const char *from) {
        _cleanup_free_ char *program = str_escape(comm ? comm : "?"), *message = NULL;
        int n;

        if (!program)
                return;
        if (rule)
                n = asprintf(&message, "Moved %s[%d] to class %s (rule %s)", program, pid, strnull(class_name), rule);
        else if (class_name)
                n = asprintf(&message, "Moved %s[%d] to class %s (by hand, or where its parent is)", program, pid, class_name);
        else
                n = asprintf(&message, "Moved %s[%d] back to %s (no rule matches any more)", program, pid, strnull(from));
        if (n < 0)
                return;
        if (access(JOURNAL_SOCKET, F_OK) < 0) {
                log_debug("%s", message);
                return;
        }
        (void) sd_journal_send("MESSAGE=%s", message, "PRIORITY=%d", LOG_INFO, "MESSAGE_ID=%s", DECISION_LOG_MOVED_ID,
                               "OBJECT_PID=%d", pid, "PCLASS_RULE=%s", strnull(rule), "PCLASS_CLASS=%s", strnull(class_name),
                               "PCLASS_FROM=%s", strnull(from), "PCLASS_COMM=%s", program, NULL);
}
