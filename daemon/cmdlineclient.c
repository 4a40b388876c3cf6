/* Open questions by pid; answers are taken as they come. */
#include "daemon/cmdlineclient.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include "common/fd.h"
#include "common/log.h"
#include "common/map.h"
#include "daemon/cmdline-protocol.h"

typedef struct Question {
        pid_t pid;
        uint64_t cookie;
        uint64_t event_ns;
        uint32_t seq;
        bool wanted; /* somebody waits */
        bool late;   /* asked for again while it was open: the process may have executed something since, and the line be that of before */
} Question;

struct CmdLineClient {
        int fd;
        sd_event_source *source;
        const CmdLineClientOps *ops;
        void *userdata;
        uint32_t counter;
        Map *open;          /* seq to Question */
        Map *by_pid;        /* pid to the Question that was asked last */
        size_t waiting;
        Question *at_hand;  /* whose answer is in `reply` */
        bool giving;        /* `reply` is still needed */
        CmdLineReply reply;
};

CmdLineClient *cmdlineclient_free(CmdLineClient *c) {
        size_t i = 0;
        Question *q;

        if (!c)
                return NULL;
        while (c->open && (q = map_next_u64(c->open, &i, NULL)))
                free(q);
        map_free(c->open);
        map_free(c->by_pid);
        sd_event_source_disable_unref(c->source);
        fd_close(c->fd);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(CmdLineClient *, cmdlineclient_free)

/* Takes one answer into c->reply and its question out of the tables. 1 with *ret to be freed; 0: nothing there; -errno: the talk is over. */
static int receive(CmdLineClient *c, Question **ret) {
        ssize_t n;

        do
                n = recv(c->fd, &c->reply, sizeof(c->reply), MSG_DONTWAIT | MSG_TRUNC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == EAGAIN ? 0 : -errno;
        if (n == 0)
                return -ECONNRESET;
        Question *q = n == sizeof(c->reply) ? map_remove_u64(c->open, c->reply.seq) : NULL;
        if (!q)
                return -EPROTO;
        if (map_get_u64(c->by_pid, (uint64_t) q->pid) == q)
                map_remove_u64(c->by_pid, (uint64_t) q->pid);
        c->waiting -= q->wanted;
        *ret = q;
        if (c->reply.n >= sizeof(c->reply.text) || c->reply.text[c->reply.n] || c->reply.error > 0)
                return -EPROTO;
        return 1;
}

static int take_bytes(const CmdLineClient *c, CmdLineBytes *ret) {
        if (c->reply.error < 0)
                return c->reply.error;
        *ret = (CmdLineBytes) { c->reply.text, c->reply.n, c->reply.cut };
        return 0;
}

/* The answer in c->reply to whom it concerns. Takes q. */
static void give(CmdLineClient *c, Question *q) {
        c->at_hand = q->late && c->reply.error == 0 ? NULL : q; /* else whoever asks now gets a line that is read from now on */
        c->giving = true;
        if (q->wanted)
                c->ops->answered(q->pid, q->event_ns, c->userdata);
        c->at_hand = NULL;
        c->giving = false;
        free(q);
}

static uint64_t now_ms(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        CmdLineClient *c = userdata;
        Question *q = NULL;
        int r;

        while ((r = receive(c, &q)) > 0 && q)
                give(c, TAKE_PTR(q));
        free(q);
        if (r == 0)
                return 0;
        if (r != -ECONNRESET)
                log_error_errno(r, "The reader of command lines answers nonsense");
        (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        c->ops->gone(c->userdata);
        return 0;
}

int cmdlineclient_new(sd_event *event, int fd, const CmdLineClientOps *ops, void *userdata, CmdLineClient **ret) {
        _cleanup_close_ int owned = fd;
        CmdLineClient *made = calloc(1, sizeof(*made));
        _cleanup_(cmdlineclient_freep) CmdLineClient *c = made;
        int r;

        if (!c)
                return -ENOMEM;
        c->fd = TAKE_FD(owned);
        c->ops = ops;
        c->userdata = userdata;
        r = map_new_u64(&c->open);
        if (r >= 0)
                r = map_new_u64(&c->by_pid);
        if (r >= 0)
                r = sd_event_add_io(event, &c->source, c->fd, EPOLLIN, on_readable, c);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(c->source, "command lines");
        *ret = TAKE_PTR(c);
        return 0;
}

static int send_question(CmdLineClient *c, Question *q, uint32_t uid) {
        CmdLineRequest request = { .pid = q->pid, .uid = uid };
        ssize_t n;
        int r;

        while (map_get_u64(c->open, c->counter))
                c->counter++;
        request.seq = q->seq = c->counter++;
        r = map_put_u64(c->open, q->seq, q);
        if (r < 0)
                return r;
        map_remove_u64(c->by_pid, (uint64_t) q->pid); /* an older one is another process's */
        r = map_put_u64(c->by_pid, (uint64_t) q->pid, q);
        if (r >= 0) {
                do
                        n = send(c->fd, &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL);
                while (n < 0 && errno == EINTR);
                r = n >= 0 ? 0 : errno == EAGAIN ? -ENOBUFS : -errno;
        }
        if (r < 0) {
                map_remove_u64(c->open, q->seq);
                map_remove_u64(c->by_pid, (uint64_t) q->pid);
        }
        return r;
}

/* Takes answers until its own is among them or the time is over. A talk that is over is noticed in the loop. */
static int wait_for_answer(CmdLineClient *c, const Question *mine, unsigned msec, CmdLineBytes *ret) {
        uint64_t until = now_ms() + msec, now;
        Question *q = NULL;
        int r;

        for (;;) {
                r = receive(c, &q);
                if (r < 0 || (r > 0 && !q)) {
                        free(q);
                        return -EIO;
                }
                if (r > 0) {
                        bool done = q == mine;
                        give(c, TAKE_PTR(q));
                        if (done)
                                return take_bytes(c, ret);
                        continue;
                }
                now = now_ms();
                struct pollfd p = { .fd = c->fd, .events = POLLIN };
                if (now >= until || poll(&p, 1, (int) (until - now)) <= 0)
                        return -EAGAIN;
        }
}

int cmdlineclient_ask(CmdLineClient *c, pid_t pid, uint64_t cookie, uint32_t uid, unsigned patience, CmdLineBytes *ret) {
        if (c->at_hand && c->at_hand->pid == pid && c->at_hand->cookie == cookie)
                return take_bytes(c, ret);
        unsigned wait = c->giving ? 0 : patience; /* the answer at hand must not be overwritten */
        Question *q = map_get_u64(c->by_pid, (uint64_t) pid);
        if (q && q->cookie == cookie) {
                q->late |= patience == 0; /* who is patient wants to know only, and nothing has happened for that */
                return wait ? wait_for_answer(c, q, wait, ret) : -EAGAIN;
        }
        if (map_size(c->open) >= CMDLINE_OPEN_MAX)
                return -ENOBUFS;
        if (map_size(c->open) == 0 && !c->giving)
                wait = MAX(wait, (unsigned) CMDLINE_SHORT_WAIT_MSEC);
        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        *q = (Question) { .pid = pid, .cookie = cookie };
        int r = send_question(c, q, uid);
        if (r < 0) {
                free(q);
                return r;
        }
        return wait ? wait_for_answer(c, q, wait, ret) : -EAGAIN;
}

void cmdlineclient_wait(CmdLineClient *c, pid_t pid, uint64_t event_ns) {
        Question *q = map_get_u64(c->by_pid, (uint64_t) pid);

        if (!q)
                return;
        c->waiting += !q->wanted;
        q->wanted = true;
        q->event_ns = event_ns;
}

size_t cmdlineclient_waiting(const CmdLineClient *c) {
        return c->waiting;
}
