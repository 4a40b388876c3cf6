/* What somebody who has taken over a process would try next: prints each deed and the errno that stopped it, or "done".
 * Run as root with every capability, so that only SELinux can say no. Usage: attack CGROUP_PROCS PID FILE_OF_ANOTHER_USER */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

static void tell(const char *deed, int r) {
        printf("%s: %s\n", deed, r >= 0 ? "done" : strerrorname_np(errno));
}

int main(int argc, char **argv) {
        if (argc != 4)
                return 2;
        pid_t pid = atoi(argv[2]);

        tell("write-cgroup", open(argv[1], O_WRONLY));
        tell("ptrace", ptrace(PTRACE_SEIZE, pid, 0, 0));
        tell("read-file", open(argv[3], O_RDONLY));
        tell("kill", kill(pid, SIGCONT));
        tell("run-program", access("/usr/bin/id", X_OK));
        tell("write-etc", open("/etc/passwd", O_WRONLY | O_APPEND));
        tell("write-config", open("/etc/pclass/pclass.conf", O_WRONLY));
        return 0;
}
