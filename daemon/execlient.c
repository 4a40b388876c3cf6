/* Requests to the exe reader, one at a time. */
#include "daemon/execlient.h"

#include <poll.h>
#include "common/channel.h"
#include "common/fd.h"

static int exe_receive(ExeClient *x, char *buf, size_t size) {
        uint64_t buffer[WIRE_SIZE_MAX / 8];
        const WireHeader *header;
        const void *items;
        struct pollfd p = { .fd = x->fd, .events = POLLIN };
        ssize_t n;

        n = poll(&p, 1, EXE_TIMEOUT_MSEC);
        if (n <= 0)
                return n < 0 ? -errno : -ETIMEDOUT;
        n = channel_receive(x->fd, buffer, &header, &items, NULL, NULL);
        if (n <= 0)
                return n < 0 ? (int) n : -ECONNRESET;
        const WireExeReply *reply = items;
        if (header->op != (WIRE_EXE | WIRE_REPLY) || header->seq != x->seq || header->count != 1 ||
            !wire_text_ok(reply->path, sizeof(reply->path)))
                return -EPROTO;
        if (reply->error < 0) {
                buf[0] = '\0';
                return reply->error == -EREMOTE || reply->error == -ENOENT ? reply->error : -EACCES;
        }
        if (strlen(reply->path) >= size)
                return -ENAMETOOLONG;
        strcpy(buf, reply->path);
        return 0;
}

int execlient_ask(ExeClient *x, ProcReader *r, ProcInfo *p, char *buf, size_t size) {
        WireExe item = { .pid = p->pid };
        int result;

        if (x->fd < 0 || x->failed)
                return -ENOTCONN;
        result = procinfo_dir(r, p);
        if (result < 0)
                return result;
        result = channel_send(x->fd, WIRE_EXE, ++x->seq, &item, 1, &p->dir, 1);
        if (result >= 0)
                result = exe_receive(x, buf, size);
        if (result < 0 && result != -ENOENT && result != -EREMOTE && result != -EACCES && result != -ENAMETOOLONG)
                x->failed = true;
        return result;
}

void execlient_done(ExeClient *x) {
        x->fd = fd_close(x->fd);
}
