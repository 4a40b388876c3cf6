/* The socket of libcgroup's clients. */
#include "broker/cgredsocket.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/macro.h"

#define BACKLOG 64

int cgred_socket_open(const char *path) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct stat st;

        if (fd < 0)
                return log_error_errno(errno, "cannot make the socket %s", path);
        if ((size_t) snprintf(a.sun_path, sizeof(a.sun_path), "%s", path) >= sizeof(a.sun_path))
                return log_error_errno(ENAMETOOLONG, "cannot make the socket %s", path);
        if (lstat(path, &st) >= 0 && S_ISSOCK(st.st_mode))
                (void) unlink(path);
        mode_t mask = umask(0111); /* everybody may connect: who it is, the kernel tells */
        int r = bind(fd, (const struct sockaddr *) &a, sizeof(a)) < 0 || listen(fd, BACKLOG) < 0 ? -errno : 0;
        umask(mask);
        if (r == -EROFS)
                return log_error_errno(r, "cannot listen on %s (under systemd the drop-in cgred.conf allows it)", path);
        if (r < 0)
                return log_error_errno(r, "cannot listen on %s", path);
        return TAKE_FD(fd);
}
