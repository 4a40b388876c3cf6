/* Clients of libcgroup. */
#include "daemon/cgred.h"

#include <stdio.h>
#include <sys/socket.h>
#include "common/fd.h"
#include "common/log.h"
#include "daemon/internal.h"
#include "daemon/verdict.h"

#define DEADLINE_USEC UINT64_C(2000000)

/* What libcgroup.h and its daemon say to each other. */
#define FLAG_CHILDREN 1
#define FLAG_CANCEL 2
static const char answer[] = "SUCCESS_STORE_PID"; /* with its NUL */

typedef struct CgredHeld {
        uint64_t cookie; /* 0: a child that nobody has looked at yet */
        uid_t user;      /* who asked */
        bool children;
} CgredHeld;

typedef struct CgredClient CgredClient;
struct CgredClient {
        CgredClient *next;
        Manager *m;
        int fd;
        uid_t user;
        sd_event_source *io, *deadline;
        size_t got;
        struct {
                int32_t pid, flags;
        } request;
};

/* ---- who is held ---------------------------------------------------------------------------------------------------- */

static CgredHeld *held_get(const Manager *m, pid_t pid) {
        return m->cgred.held ? map_get_u64(m->cgred.held, (uint64_t) pid) : NULL;
}

void cgred_forget(Manager *m, pid_t pid) {
        if (m->cgred.held)
                free(map_remove_u64(m->cgred.held, (uint64_t) pid));
}

static const CgredHeld *held_find(Manager *m, const Verdict *v) {
        CgredHeld *h = held_get(m, v->info.pid);

        if (!h)
                return NULL;
        if (h->cookie == 0)
                h->cookie = v->info.cookie;
        if (h->cookie == v->info.cookie)
                return h;
        cgred_forget(m, v->info.pid); /* another process of that number */
        return NULL;
}

bool cgred_any(const Manager *m) {
        return m->cgred.held && map_size(m->cgred.held) > 0;
}

bool cgred_holds(Manager *m, const Verdict *v) {
        return held_find(m, v) != NULL;
}

bool cgred_describe(Manager *m, const Verdict *v, char *buf, size_t size) {
        const CgredHeld *h = held_find(m, v);

        if (h)
                snprintf(buf, size, "registered by user %u on the socket for cgexec and cgclassify", h->user);
        return h != NULL;
}

/* Entries whose exit was not seen. */
static void forget_gone(Manager *m) {
        size_t i = 0;
        uint64_t pid;
        const CgredHeld *h;

        while ((h = map_next_u64(m->cgred.held, &i, &pid))) {
                ProcInfo info;
                procinfo_init(&info);
                int r = procinfo_open(&m->reader, (pid_t) pid, &info);
                bool lives = r < 0 ? is_shortage(r) : !h->cookie || h->cookie == info.cookie;
                procinfo_close(&info);
                if (!lives)
                        cgred_forget(m, (pid_t) pid);
        }
}

static bool has_room(Manager *m, uid_t user) {
        size_t i = 0, own = 0;
        const CgredHeld *h;

        if (map_size(m->cgred.held) >= CGRED_HELD_MAX)
                return false;
        while (user != 0 && (h = map_next_u64(m->cgred.held, &i, NULL)))
                own += h->user == user;
        return own < CGRED_HELD_PER_USER;
}

static int hold(Manager *m, pid_t pid, const CgredHeld *wanted) {
        CgredHeld *h = held_get(m, pid);

        if (h) {
                *h = *wanted;
                return 0;
        }
        if (!has_room(m, wanted->user))
                forget_gone(m);
        if (!has_room(m, wanted->user))
                return -EDQUOT;
        h = malloc(sizeof(*h));
        if (!h)
                return -ENOMEM;
        *h = *wanted;
        int r = map_put_u64(m->cgred.held, (uint64_t) pid, h);
        if (r < 0)
                free(h);
        return r;
}

void cgred_on_fork(Manager *m, const ProcEvent *e) {
        const CgredHeld *parent = held_get(m, e->parent);
        const CgredHeld child = { .user = parent ? parent->user : 0, .children = true };

        if (e->pid != e->parent)
                cgred_forget(m, e->pid); /* the number is a new process's */
        if (parent && parent->children && hold(m, e->pid, &child) < 0)
                log_warning("Process %d, child of one that was registered by the cgred socket, is not held: too many are", (int) e->pid);
}

/* ---- one request ---------------------------------------------------------------------------------------------------- */

/* -EACCES: not theirs. */
static int may_register(Manager *m, ProcInfo *info, uid_t user) {
        int r = procinfo_read(&m->reader, info, FACT_BIT(FACT_UID));

        if (r < 0)
                return r;
        if (info->kernel_thread || !(info->subject.known & FACT_BIT(FACT_UID)))
                return -EACCES;
        return user == 0 || info->subject.uid == user ? 0 : -EACCES;
}

static int serve(const CgredClient *c) {
        Manager *m = c->m;
        pid_t pid = c->request.pid;
        ProcInfo info;
        int r;

        if (pid <= 2 || (c->request.flags & ~(FLAG_CHILDREN | FLAG_CANCEL)))
                return -EINVAL;
        procinfo_init(&info);
        r = procinfo_open(&m->reader, pid, &info);
        if (r >= 0)
                r = may_register(m, &info, c->user);
        const CgredHeld wanted = { .cookie = info.cookie, .user = c->user, .children = c->request.flags & FLAG_CHILDREN };
        procinfo_close(&info);
        if (r < 0)
                return r;
        if (!(c->request.flags & FLAG_CANCEL))
                return hold(m, pid, &wanted);
        cgred_forget(m, pid);
        (void) classifier_judge(m, pid, now_ns());
        return 0;
}

static void client_end(CgredClient *c) {
        Cgred *g = &c->m->cgred;

        for (CgredClient **p = &g->clients; *p; p = &(*p)->next)
                if (*p == c) {
                        *p = c->next;
                        g->n_clients--;
                        break;
                }
        sd_event_source_disable_unref(c->io);
        sd_event_source_disable_unref(c->deadline);
        fd_close(c->fd);
        free(c);
        if (g->source && g->n_clients < CGRED_CLIENTS_MAX)
                (void) sd_event_source_set_enabled(g->source, SD_EVENT_ON);
}

static int on_client(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        CgredClient *c = userdata;
        ssize_t n = recv(fd, (uint8_t *) &c->request + c->got, sizeof(c->request) - c->got, MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n > 0)
                c->got += n;
        if (n > 0 && c->got < sizeof(c->request))
                return 0;
        if (c->got == sizeof(c->request)) {
                int r = serve(c);
                if (r >= 0)
                        (void) !send(fd, answer, sizeof(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
                else
                        log_notice("Process %d is not registered for user %u by the cgred socket: %s", (int) c->request.pid, c->user, strerror(-r));
        }
        client_end(c);
        return 0;
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata) {
        client_end(userdata);
        return 0;
}

/* ---- clients -------------------------------------------------------------------------------------------------------- */

static bool is_welcome(const Cgred *g, uid_t user) {
        size_t own = 0;

        for (const CgredClient *c = g->clients; c; c = c->next)
                own += c->user == user;
        return user == 0 || own < CGRED_CLIENTS_PER_USER;
}

/* Takes the descriptor over when it succeeds. */
static int client_new(Manager *m, int fd) {
        struct ucred peer;
        socklen_t size = sizeof(peer);
        CgredClient *c;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        if (!is_welcome(&m->cgred, peer.uid))
                return -EDQUOT;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (CgredClient) { .m = m, .fd = fd, .user = peer.uid };
        int r = sd_event_add_io(m->event, &c->io, fd, EPOLLIN, on_client, c);
        if (r >= 0)
                r = sd_event_add_time_relative(m->event, &c->deadline, CLOCK_MONOTONIC, DEADLINE_USEC, 1000, on_deadline, c);
        if (r < 0) {
                sd_event_source_disable_unref(c->io);
                free(c);
                return r;
        }
        c->next = m->cgred.clients;
        m->cgred.clients = c;
        m->cgred.n_clients++;
        return 0;
}

/* With every place taken the next ones wait in the kernel, not here. */
static int on_listen(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Manager *m = userdata;
        _cleanup_close_ int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (client >= 0 && client_new(m, client) >= 0)
                (void) TAKE_FD(client);
        if (m->cgred.n_clients >= CGRED_CLIENTS_MAX || (client < 0 && (errno == EMFILE || errno == ENFILE)))
                (void) sd_event_source_set_enabled(s, m->cgred.n_clients > 0 ? SD_EVENT_OFF : SD_EVENT_ON);
        return 0;
}

int cgred_init(Manager *m, int fd) {
        int r = fd < 0 ? 0 : map_new_u64(&m->cgred.held);

        m->cgred.fd = fd;
        if (fd < 0 || r < 0)
                return r;
        r = sd_event_add_io(m->event, &m->cgred.source, fd, EPOLLIN, on_listen, m);
        return r < 0 ? r : sd_event_source_set_description(m->cgred.source, "cgred");
}

void cgred_done(Manager *m) {
        Cgred *g = &m->cgred;
        size_t i = 0;
        CgredHeld *h;

        while (g->clients)
                client_end(g->clients);
        sd_event_source_disable_unref(g->source);
        while (g->held && (h = map_next_u64(g->held, &i, NULL)))
                free(h);
        map_free(g->held);
        fd_close(g->fd);
        *g = (Cgred) { .fd = -EBADF };
}
