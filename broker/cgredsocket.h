/* CgredSocket=: made while the broker is still root of everything; pclassd serves it (daemon/cgred.h). */
#pragma once

/* A listening socket, or -errno, which is told. A socket that an earlier start left at `path` is replaced, nothing else is. */
int cgred_socket_open(const char *path);
