/* The proc connector socket, opened with privilege and handed to pclassd, where it keeps working without any. */
#pragma once

/* A bound, connected, listening, non-blocking netlink socket of the process events group: 16 MiB receive buffer, a locked filter
 * that drops the forks and exits of threads. -errno: there is no connector here (container, kernel without it, no right); -EXDEV: its
 * numbers are those of another pid namespace. */
int connector_open(void);

/* The same in reserve: nothing is queued on it until another filter is set. For kernels that let only privilege subscribe. */
int connector_open_spare(void);
