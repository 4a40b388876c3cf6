/* The talk with pclass-names. Nothing blocks: what the socket does not take stays in line until an answer made room. */
#include "daemon/nameslink.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include "common/fd.h"
#include "common/log.h"

struct NamesLink {
        int fd;
        sd_event_source *source;
        const NamesLinkOps *ops;
        void *userdata;
        NamesQuestion *first, *last; /* the line */
        size_t n_line, n_under_way;
        uint32_t counter;
        NamesQuestion *under_way[NAMES_UNDER_WAY_MAX]; /* by seq modulo its size */
};

static int link_send(NamesLink *l, const NamesQuestion *q) {
        NamesRequest request = { .seq = q->seq, .kind = q->kind, .id = q->id };
        ssize_t n;

        strncpy(request.name, q->name, sizeof(request.name) - 1);
        do
                n = send(l->fd, &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

/* Sends from the line what may be under way. A broken socket is noticed where it is read. */
static void link_feed(NamesLink *l) {
        while (l->first && l->n_under_way < NAMES_UNDER_WAY_MAX) {
                NamesQuestion *q = l->first;
                while (l->under_way[l->counter % NAMES_UNDER_WAY_MAX])
                        l->counter++;
                q->seq = l->counter;
                if (link_send(l, q) < 0)
                        return;
                l->under_way[l->counter++ % NAMES_UNDER_WAY_MAX] = q;
                l->n_under_way++;
                q->sent = true;
                l->first = q->next;
                l->n_line--;
        }
}

void names_link_ask(NamesLink *l, NamesQuestion *q) {
        if (q->waiting)
                return;
        q->waiting = true;
        q->sent = false;
        q->next = NULL;
        if (l->first)
                l->last->next = q;
        else
                l->first = q;
        l->last = q;
        l->n_line++;
        link_feed(l);
}

size_t names_link_pending(const NamesLink *l) {
        return l->n_line + l->n_under_way;
}

static bool reply_ok(const NamesReply *r) {
        return memchr(r->name, '\0', sizeof(r->name)) && (r->n_gids <= NAMES_GIDS_MAX || r->n_gids == NAMES_GIDS_TOO_MANY) &&
               (r->code == 0 || r->code == -ENOENT || r->code == -EAGAIN);
}

/* 1: took one; 0: nothing there; -errno: the talk is over. */
static int link_receive(NamesLink *l) {
        NamesReply reply;
        ssize_t n;

        do
                n = recv(l->fd, &reply, sizeof(reply), MSG_DONTWAIT | MSG_TRUNC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == EAGAIN ? 0 : -errno;
        if (n == 0)
                return -ECONNRESET;
        NamesQuestion **slot = &l->under_way[reply.seq % NAMES_UNDER_WAY_MAX];
        if (n != sizeof(reply) || !*slot || (*slot)->seq != reply.seq || !reply_ok(&reply))
                return -EPROTO;
        NamesQuestion *q = *slot;
        *slot = NULL;
        l->n_under_way--;
        q->waiting = q->sent = false;
        l->ops->answered(q, &reply, l->userdata);
        return 1;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        NamesLink *l = userdata;
        int r = 1;

        for (int i = 0; i < NAMES_UNDER_WAY_MAX && r > 0; i++)
                r = link_receive(l);
        if (r < 0) {
                if (r != -ECONNRESET)
                        log_error_errno(r, "The names process answers nonsense");
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
                l->ops->gone(l->userdata);
                return 0;
        }
        link_feed(l);
        l->ops->batch_end(l->userdata);
        return 0;
}

int names_link_new(sd_event *event, int fd, const NamesLinkOps *ops, void *userdata, NamesLink **ret) {
        _cleanup_close_ int owned = fd;
        _cleanup_(names_link_freep) NamesLink *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        l->fd = TAKE_FD(owned);
        l->ops = ops;
        l->userdata = userdata;
        r = sd_event_add_io(event, &l->source, l->fd, EPOLLIN, on_readable, l);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(l->source, "names");
        *ret = TAKE_PTR(l);
        return 0;
}

NamesLink *names_link_free(NamesLink *l) {
        if (!l)
                return NULL;
        sd_event_source_disable_unref(l->source);
        fd_close(l->fd);
        free(l);
        return NULL;
}
