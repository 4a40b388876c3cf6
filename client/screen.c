/* A terminal that is drawn upon again and again. */
#include "client/screen.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

struct Screen {
        int signals; /* signalfd */
        bool keys;
        struct termios before;
};

int screen_open(Screen **ret) {
        Screen *s = calloc(1, sizeof(*s));
        struct termios now;
        sigset_t set;

        if (!s)
                return -ENOMEM;
        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGHUP);
        sigaddset(&set, SIGWINCH);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || (s->signals = signalfd(-1, &set, SFD_CLOEXEC)) < 0) {
                int r = -errno;
                free(s);
                return r;
        }
        s->keys = isatty(STDOUT_FILENO) && tcgetattr(STDIN_FILENO, &s->before) == 0;
        if (s->keys) {
                now = s->before;
                now.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
                now.c_cc[VMIN] = 1;
                now.c_cc[VTIME] = 0;
                s->keys = tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
        }
        *ret = s;
        return 0;
}

Screen *screen_close(Screen *s) {
        if (!s)
                return NULL;
        if (s->keys)
                tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
        close(s->signals);
        free(s);
        return NULL;
}

size_t screen_lines(void) {
        struct winsize ws;

        return ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 ? ws.ws_row : 0;
}

/* Whether the signal that came asks to end. */
static bool should_end(const Screen *s) {
        struct signalfd_siginfo info;

        return read(s->signals, &info, sizeof(info)) != sizeof(info) || info.ssi_signo != SIGWINCH;
}

int screen_wait(Screen *s, uint64_t usec) {
        struct pollfd fds[] = {
                { .fd = s->signals, .events = POLLIN },
                { .fd = s->keys ? STDIN_FILENO : -1, .events = POLLIN },
        };
        struct timespec timeout = { .tv_sec = (time_t) (usec / 1000000), .tv_nsec = (long) (usec % 1000000) * 1000 };
        char key;
        int n = ppoll(fds, ELEMENTSOF(fds), &timeout, NULL);

        if (n < 0)
                return -errno;
        if (fds[0].revents)
                return should_end(s) ? -EINTR : 0;
        if (!fds[1].revents)
                return 0;
        if (read(STDIN_FILENO, &key, 1) == 1)
                return (unsigned char) key;
        s->keys = false; /* the terminal has gone away for input */
        return 0;
}
