/* Messages to standard error, each one write. */
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char *log_name = "pclass";
static int log_level = LOG_INFO;
static bool log_journal;

void log_open(const char *name, int level) {
        log_name = name;
        log_level = level;
        log_journal = getenv("JOURNAL_STREAM") != NULL;
}

bool log_shows(int level) {
        return level <= log_level;
}

_printf_(3, 0) static void log_write(int level, int error, const char *format, va_list ap) {
        char line[2048];
        int n;

        n = log_journal ? snprintf(line, sizeof(line), "<%d>", level) : snprintf(line, sizeof(line), "%s: ", log_name);
        n += vsnprintf(line + n, sizeof(line) - n - 1, format, ap);
        n = MIN(n, (int) sizeof(line) - 2);
        if (error) {
                n += snprintf(line + n, sizeof(line) - n - 1, ": %s", strerror(error));
                n = MIN(n, (int) sizeof(line) - 2);
        }
        line[n++] = '\n';
        (void) !write(STDERR_FILENO, line, n);
}

void log_message(int level, const char *format, ...) {
        va_list ap;

        if (!log_shows(level))
                return;
        va_start(ap, format);
        log_write(level, 0, format, ap);
        va_end(ap);
}

int log_message_errno(int level, int error, const char *format, ...) {
        va_list ap;

        error = abs(error);
        if (log_shows(level)) {
                va_start(ap, format);
                log_write(level, error, format, ap);
                va_end(ap);
        }
        return -error;
}
