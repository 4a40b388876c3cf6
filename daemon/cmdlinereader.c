/* One parent that never reads a line itself, and the children that do. */
#include "daemon/cmdlinereader.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "common/fd.h"
#include "common/log.h"

#define PENALTIES_MAX 256 /* users; the oldest is forgotten first */
#define REAP_MSEC 20

typedef struct Worker {
        pid_t pid;          /* 0: nobody */
        int fd;             /* -EBADF: it was given up and is not gone yet */
        bool busy;
        CmdLineRequest q;
        uint64_t since_ms;  /* it is busy, or was given up */
} Worker;

typedef struct Penalty {
        uint32_t uid;
        uint64_t until_ms;
} Penalty;

typedef struct Reader {
        int fd;
        CmdLineRead read_line;
        Worker workers[CMDLINE_WORKERS_MAX];
        Penalty penalties[PENALTIES_MAX];
        size_t next_penalty;
} Reader;

static uint64_t now_ms(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

ssize_t cmdline_read_proc(int pid, char *buf, size_t size) {
        char path[32];

        snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
        return fd_read_text(AT_FDCWD, path, buf, size);
}

/* ---- a child -------------------------------------------------------------------------------------------------------- */

static void work(int fd, pid_t parent, CmdLineRead read_line) {
        static CmdLineReply a;
        CmdLineRequest q;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);
        while (recv(fd, &q, sizeof(q), 0) == sizeof(q)) {
                ssize_t n = read_line(q.pid, a.text, sizeof(a.text));
                a.seq = q.seq;
                a.error = n < 0 ? (int32_t) n : 0;
                a.n = n < 0 ? 0 : (uint32_t) n;
                a.cut = n == (ssize_t) sizeof(a.text) - 1;
                a.text[a.n] = '\0';
                if (send(fd, &a, sizeof(a), MSG_NOSIGNAL) != sizeof(a))
                        break;
        }
        _exit(EXIT_SUCCESS);
}

static int start_worker(Reader *r, Worker *w) {
        int pair[2];
        pid_t parent = getpid();

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        pid_t pid = fork();
        if (pid == 0) {
                close(pair[0]);
                close(r->fd);
                for (size_t i = 0; i < CMDLINE_WORKERS_MAX; i++)
                        fd_close(r->workers[i].fd);
                work(pair[1], parent, r->read_line);
        }
        int e = errno;
        close(pair[1]);
        if (pid < 0) {
                close(pair[0]);
                return -e;
        }
        *w = (Worker) { .pid = pid, .fd = pair[0] };
        return 0;
}

/* Its memory may hold it fast even now: it is gone when it is gone. */
static void give_up(Worker *w) {
        (void) kill(w->pid, SIGKILL);
        w->fd = fd_close(w->fd);
        w->busy = false;
        w->since_ms = now_ms();
}

static void reap(Reader *r) {
        for (size_t i = 0; i < CMDLINE_WORKERS_MAX; i++) {
                Worker *w = &r->workers[i];
                if (w->pid > 0 && w->fd < 0 && waitpid(w->pid, NULL, WNOHANG) != 0)
                        w->pid = 0;
        }
}

/* ---- the parent ----------------------------------------------------------------------------------------------------- */

static int answer_error(Reader *r, uint32_t seq, int error) {
        static CmdLineReply a;
        ssize_t n;

        a.seq = seq;
        a.error = error;
        do
                n = send(r->fd, &a, sizeof(a), MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

static bool is_penalised(const Reader *r, uint32_t uid) {
        uint64_t now = now_ms();

        for (size_t i = 0; i < PENALTIES_MAX; i++)
                if (r->penalties[i].uid == uid && r->penalties[i].until_ms > now)
                        return true;
        return false;
}

/* One that is free, or a new one. -ETIMEDOUT: all of those that there may be do not answer; -ENOBUFS: a new one cannot be started now. */
static int find_worker(Reader *r, Worker **ret) {
        Worker *room = NULL;

        for (size_t i = 0; i < CMDLINE_WORKERS_MAX; i++) {
                Worker *w = &r->workers[i];
                if (w->pid > 0 && w->fd >= 0 && !w->busy) {
                        *ret = w;
                        return 0;
                }
                if (w->pid == 0)
                        room = w;
        }
        *ret = room;
        return !room ? -ETIMEDOUT : start_worker(r, room) < 0 ? -ENOBUFS : 0;
}

/* Someone reads and will be done, or be given up, in time; or was given up just now, and mostly is gone in a moment. */
static bool is_room_to_come(const Reader *r) {
        uint64_t now = now_ms();

        for (size_t i = 0; i < CMDLINE_WORKERS_MAX; i++) {
                const Worker *w = &r->workers[i];
                if (w->busy || (w->pid > 0 && w->fd < 0 && now - w->since_ms < CMDLINE_WAIT_MSEC))
                        return true;
        }
        return false;
}

static bool has_room(const Reader *r) {
        for (size_t i = 0; i < CMDLINE_WORKERS_MAX; i++)
                if (r->workers[i].pid == 0 || (r->workers[i].fd >= 0 && !r->workers[i].busy))
                        return true;
        return !is_room_to_come(r); /* every one of them was given up and stays: the question is answered without a look */
}

/* 1: taken; 0: the asker is gone; -errno. */
static int take_question(Reader *r) {
        CmdLineRequest q;
        ssize_t n;

        do
                n = recv(r->fd, &q, sizeof(q), MSG_TRUNC);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return n < 0 && errno != ECONNRESET ? -errno : 0;
        if (n != sizeof(q))
                return -EPROTO;
        Worker *w = NULL;
        int k = is_penalised(r, q.uid) ? -ETIMEDOUT : find_worker(r, &w);
        if (k == 0 && send(w->fd, &q, sizeof(q), MSG_NOSIGNAL) != sizeof(q))
                k = -ENOBUFS; /* it has ended, as is noticed next */
        if (k == 0) {
                w->busy = true;
                w->q = q;
                w->since_ms = now_ms();
                return 1;
        }
        k = answer_error(r, q.seq, k);
        return k < 0 ? k : 1;
}

static int take_answer(Reader *r, Worker *w) {
        static CmdLineReply a;
        ssize_t n = recv(w->fd, &a, sizeof(a), 0);
        bool busy = w->busy;

        w->busy = false;
        if (n == sizeof(a) && busy && a.seq == w->q.seq) {
                do
                        n = send(r->fd, &a, sizeof(a), MSG_NOSIGNAL);
                while (n < 0 && errno == EINTR);
                return n < 0 ? -errno : 0;
        }
        give_up(w);
        return busy ? answer_error(r, w->q.seq, -EIO) : 0;
}

static int check_deadlines(Reader *r) {
        uint64_t now = now_ms();
        int k = 0;

        for (size_t i = 0; i < CMDLINE_WORKERS_MAX && k >= 0; i++) {
                Worker *w = &r->workers[i];
                if (!w->busy || now - w->since_ms < CMDLINE_WAIT_MSEC)
                        continue;
                r->penalties[r->next_penalty++ % PENALTIES_MAX] = (Penalty) { w->q.uid, now + CMDLINE_PENALTY_MSEC };
                give_up(w);
                k = answer_error(r, w->q.seq, -ETIMEDOUT);
        }
        return k;
}

static int next_timeout(const Reader *r) {
        uint64_t now = now_ms();
        int least = -1;

        for (size_t i = 0; i < CMDLINE_WORKERS_MAX; i++) {
                const Worker *w = &r->workers[i];
                uint64_t waited = now - w->since_ms;
                int mine = w->busy ? (waited >= CMDLINE_WAIT_MSEC ? 0 : (int) (CMDLINE_WAIT_MSEC - waited) + 1) : w->pid > 0 && w->fd < 0 ? REAP_MSEC : -1;
                if (mine >= 0 && (least < 0 || mine < least))
                        least = mine;
        }
        return least;
}

/* 1: go on; 0: the asker is gone; -errno. */
static int serve_once(Reader *r) {
        struct pollfd p[CMDLINE_WORKERS_MAX + 1];
        int k = 1;

        for (size_t i = 0; i < CMDLINE_WORKERS_MAX; i++)
                p[i] = (struct pollfd) { .fd = r->workers[i].fd, .events = POLLIN };
        p[CMDLINE_WORKERS_MAX] = (struct pollfd) { .fd = r->fd, .events = has_room(r) ? POLLIN : 0 };
        if (poll(p, ELEMENTSOF(p), next_timeout(r)) < 0)
                return errno == EINTR ? 1 : -errno;
        for (size_t i = 0; i < CMDLINE_WORKERS_MAX && k >= 0; i++)
                if (p[i].fd >= 0 && p[i].revents)
                        k = take_answer(r, &r->workers[i]);
        if (k >= 0)
                k = check_deadlines(r);
        reap(r);
        if (k < 0)
                return k;
        return p[CMDLINE_WORKERS_MAX].revents ? take_question(r) : 1;
}

int cmdline_serve(int fd, CmdLineRead read_line) {
        Reader r = { .fd = fd, .read_line = read_line };
        int k;

        for (size_t i = 0; i < CMDLINE_WORKERS_MAX; i++)
                r.workers[i].fd = -EBADF;
        while ((k = serve_once(&r)) > 0)
                ;
        for (size_t i = 0; i < CMDLINE_WORKERS_MAX; i++)
                if (r.workers[i].pid > 0 && r.workers[i].fd >= 0)
                        give_up(&r.workers[i]);
        return k == -EPIPE || k == -ECONNRESET ? 0 : k;
}
