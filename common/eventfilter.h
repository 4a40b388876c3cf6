/* Filters of proc connector sockets, run by the kernel before anything is queued. */
#pragma once
#include "common/macro.h"

/* Drops the forks and exits of threads, and locks the filter: it can neither be changed nor removed. -errno. */
int event_filter_threads(int fd);
/* Drops everything, until another filter takes its place: for a socket that is kept in reserve. -errno. */
int event_filter_all(int fd);
