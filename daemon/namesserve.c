/* The answers of pclass-names: one question, one look at NSS, which may take as long as it likes. */
#include "daemon/namesserve.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>

#define BUFFER_MIN 16384u
#define BUFFER_MAX (16u << 20) /* a group of a million members */

/* The texts that NSS answers with; grows. */
static char *buffer;
static size_t buffer_size;

static bool buffer_grow(void) {
        size_t size = buffer_size ? buffer_size * 2 : BUFFER_MIN;
        char *b = size <= BUFFER_MAX ? realloc(buffer, size) : NULL;

        if (!b)
                return false;
        buffer = b;
        buffer_size = size;
        return true;
}

/* POSIX leaves the errors for "no such name" open; these are the ones that getpwnam(3) lists. The others may pass. */
static int code_of(int error, const void *found) {
        if (found)
                return 0;
        switch (error) {
        case 0:
        case ENOENT:
        case ESRCH:
        case EBADF:
        case EPERM:
                return -ENOENT;
        default:
                return -EAGAIN;
        }
}

static int answer_text(NamesReply *a, const char *name, uint32_t id) {
        if (strlen(name) >= sizeof(a->name))
                return -ENOENT;
        strcpy(a->name, name);
        a->id = id;
        return 0;
}

static void answer_members(NamesReply *a, const struct passwd *pw) {
        int n = NAMES_GIDS_MAX;

        _Static_assert(sizeof(gid_t) == sizeof(a->gids[0]), "gids are sent as they are");
        a->n_gids = getgrouplist(pw->pw_name, pw->pw_gid, a->gids, &n) < 0 ? NAMES_GIDS_TOO_MANY : (uint32_t) n;
}

static int ask_user(const NamesRequest *q, NamesReply *a) {
        struct passwd pw, *found = NULL;
        int e;

        do
                e = q->kind == NAMES_UID_OF_USER ? getpwnam_r(q->name, &pw, buffer, buffer_size, &found)
                                                 : getpwuid_r(q->id, &pw, buffer, buffer_size, &found);
        while (e == EINTR || (e == ERANGE && buffer_grow()));
        int r = code_of(e, found);
        if (r < 0)
                return r;
        r = answer_text(a, pw.pw_name, pw.pw_uid);
        if (r >= 0 && q->kind == NAMES_USER_OF_UID)
                answer_members(a, &pw);
        return r;
}

static int ask_group(const NamesRequest *q, NamesReply *a) {
        struct group gr, *found = NULL;
        int e;

        do
                e = q->kind == NAMES_GID_OF_GROUP ? getgrnam_r(q->name, &gr, buffer, buffer_size, &found)
                                                  : getgrgid_r(q->id, &gr, buffer, buffer_size, &found);
        while (e == EINTR || (e == ERANGE && buffer_grow()));
        int r = code_of(e, found);
        return r < 0 ? r : answer_text(a, gr.gr_name, gr.gr_gid);
}

static int answer(const NamesRequest *q, NamesReply *a) {
        switch (q->kind) {
        case NAMES_UID_OF_USER:
        case NAMES_USER_OF_UID:
                return ask_user(q, a);
        case NAMES_GID_OF_GROUP:
        case NAMES_GROUP_OF_GID:
                return ask_group(q, a);
        default:
                return -ENOENT;
        }
}

int names_serve_one(int fd) {
        NamesRequest q;
        ssize_t n;

        do
                n = recv(fd, &q, sizeof(q), MSG_TRUNC);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return n < 0 && errno != ECONNRESET ? -errno : 0;
        if (n != sizeof(q) || !memchr(q.name, '\0', sizeof(q.name)))
                return -EPROTO;
        if (!buffer && !buffer_grow())
                return -ENOMEM;
        NamesReply a = { .seq = q.seq };
        a.code = answer(&q, &a);
        do
                n = send(fd, &a, sizeof(a), MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == EPIPE || errno == ECONNRESET ? 0 : -errno;
        return 1;
}

void names_serve_done(void) {
        free(buffer);
        buffer = NULL;
        buffer_size = 0;
}
