/* What pclassd and pclass-names may still ask of the kernel. */
#pragma once
#include "common/macro.h"

/* Files: everything is read as far as the user may, nothing is executed, and only `state_dir` is written. 1 = this kernel has no
 * landlock. -errno. */
int sandbox_listener_files(const char *state_dir);
/* System calls: any that is not in the list ends the process. -errno. */
int sandbox_listener_calls(void);

/* The same for the program that runs whatever name services the administrator has set up. Their libraries may call what nobody has heard
 * of: that fails with ENOSYS. What no name service needs (programs, other processes, mounts, the kernel itself) ends the process. */
int sandbox_names_files(void);
int sandbox_names_calls(void);

/* System calls of the reader of command lines, which has children that are ended. -errno. */
int sandbox_cmdline_calls(void);
