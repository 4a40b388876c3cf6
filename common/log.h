/* Messages to standard error: with the journal's <N> priorities under systemd, plain elsewhere.
 * One statement logs what happened to whom and what to do, and the function returns; rules/ and common/ never log. */
#pragma once
#include <syslog.h>
#include "common/macro.h"

/* `name` (static) goes before plain messages; level is the least urgent syslog priority that is shown. */
void log_open(const char *name, int level);
bool log_shows(int level); /* is a message of that level shown? */

void log_message(int level, const char *format, ...) _printf_(2, 3);
/* The same with ": <text of the error>" behind it; returns -|error|. */
int log_message_errno(int level, int error, const char *format, ...) _printf_(3, 4);

#define log_debug(...) log_message(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_message(LOG_INFO, __VA_ARGS__)
#define log_notice(...) log_message(LOG_NOTICE, __VA_ARGS__)
#define log_warning(...) log_message(LOG_WARNING, __VA_ARGS__)
#define log_error(...) log_message(LOG_ERR, __VA_ARGS__)
#define log_warning_errno(e, ...) log_message_errno(LOG_WARNING, e, __VA_ARGS__)
#define log_error_errno(e, ...) log_message_errno(LOG_ERR, e, __VA_ARGS__)
