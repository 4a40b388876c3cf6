/* Any bytes as what the helpers of pclassd send: pclass-names, the reader of command lines, the exe reader. Nothing may crash; an answer that is taken is one
 * to a question that was asked, and nothing else ever becomes a fact.
 * The first byte says which helper; then datagrams, each with a byte of flags and two of size before it. */
#include <assert.h>
#include <stdio.h>
#include <sys/socket.h>
#include "common/fd.h"
#include "common/log.h"
#include "daemon/cmdline-protocol.h"
#include "daemon/cmdlineclient.h"
#include "daemon/execlient.h"
#include "daemon/names-protocol.h"
#include "daemon/names.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/place.h"

#define EXACT 1u     /* as long as the real ones, filled up with zeros */
#define ASKED 2u     /* for the number of a question that is open */
#define ENDS 4u      /* its text ends */
#define DATAGRAMS_MAX 16

static struct World {
        sd_event *event;
        unsigned gone, changed;
} world;

static void world_open(void) {
        if (world.event)
                return;
        log_open("fuzz", LOG_EMERG);
        assert(sd_event_new(&world.event) >= 0);
}

static void open_pair(int pair[static 2]) {
        assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
}

/* Cuts the next datagram out of the bytes; `exact` and `seq_size` are of the real ones. False at the end. */
static bool next(const uint8_t **data, size_t *size, uint8_t *buf, size_t room, size_t exact, size_t *ret_n, unsigned *ret_flags) {
        if (*size < 3)
                return false;
        *ret_flags = (*data)[0];
        size_t n = MIN((size_t) ((*data)[1] | (*data)[2] << 8), *size - 3);

        n = MIN(n, room);
        memset(buf, 0, room);
        memcpy(buf, *data + 3, n);
        *data += 3 + n;
        *size -= 3 + n;
        *ret_n = *ret_flags & EXACT ? exact : n;
        return true;
}

static void run(void) {
        while (sd_event_run(world.event, 0) > 0)
                ;
}

/* ---- pclass-names --------------------------------------------------------------------------------------------------- */

static void on_names_changed(void *userdata) {
        world.changed++;
}

static void on_gone(void *userdata) {
        world.gone++;
}

static void check_names_facts(Names *n, uid_t uid) {
        const char *text;
        const gid_t *gids;
        size_t n_gids;
        uint32_t id;
        int r = names_uid(n, "ann", &id);

        assert(r == 0 || r == -ENOENT || r == -EAGAIN);
        r = names_user(n, uid, &text);
        assert(r == -ENOENT || r == -EAGAIN || (r == 0 && strlen(text) < NAMES_TEXT_MAX));
        r = names_group(n, uid, &text);
        assert(r == -ENOENT || r == -EAGAIN || (r == 0 && strlen(text) < NAMES_TEXT_MAX));
        r = names_member(n, uid, &gids, &n_gids);
        assert(r == -ENOENT || r == -EAGAIN || r == -E2BIG || (r == 0 && n_gids <= NAMES_GIDS_MAX));
        for (size_t i = 0; r == 0 && i < n_gids; i++)
                id ^= gids[i];
}

static void check_names(const uint8_t *data, size_t size) {
        static NamesReply reply, before;
        int pair[2];
        Names *n;
        size_t len;
        unsigned flags;

        open_pair(pair);
        assert(names_new_at(world.event, pair[0], fuzz_place(), on_names_changed, NULL, &n) == 0);
        names_on_gone(n, on_gone, NULL);
        check_names_facts(n, 4);
        for (unsigned i = 0; i < DATAGRAMS_MAX && world.gone == 0 && next(&data, &size, (uint8_t *) &reply, sizeof(reply), sizeof(reply), &len, &flags); i++) {
                if (flags & ASKED)
                        reply.seq = i;
                if (flags & ENDS)
                        reply.name[sizeof(reply.name) - 1] = '\0';
                before = reply;
                assert(send(pair[1], &before, len, 0) == (ssize_t) len || len == 0);
                run();
                assert(world.gone > 0 || len == sizeof(reply) || len == 0); /* another size is never taken */
                check_names_facts(n, 4 + i % 2);
        }
        names_free(n);
        close(pair[1]);
}

/* ---- the reader of command lines ------------------------------------------------------------------------------------ */

typedef struct Lines {
        CmdLineClient *client;
        unsigned answered;
} Lines;

static void ask_line(Lines *l, pid_t pid) {
        CmdLineBytes b;
        int r = cmdlineclient_ask(l->client, pid, (uint64_t) pid * 3, 7, 0, &b);

        if (r == 0)
                assert(b.n < CMDLINE_SIZE && b.text[b.n] == '\0');
        else
                assert(r < 0);
}

static void on_line(pid_t pid, uint64_t event_ns, void *userdata) {
        Lines *l = userdata;

        assert(event_ns == (uint64_t) pid + 1);
        l->answered++;
        ask_line(l, pid);
}

static void check_lines(const uint8_t *data, size_t size) {
        static const CmdLineClientOps ops = { .answered = on_line, .gone = on_gone };
        static CmdLineReply reply;
        Lines l = {};
        int pair[2];
        size_t len;
        unsigned flags, asked = 3;

        open_pair(pair);
        assert(cmdlineclient_new(world.event, pair[0], &ops, &l, &l.client) == 0);
        for (pid_t pid = 10; pid < 10 + (pid_t) asked; pid++) {
                ask_line(&l, pid);
                cmdlineclient_wait(l.client, pid, (uint64_t) pid + 1);
        }
        for (unsigned i = 0; i < DATAGRAMS_MAX && world.gone == 0 && next(&data, &size, (uint8_t *) &reply, sizeof(reply), sizeof(reply), &len, &flags); i++) {
                if (flags & ASKED)
                        reply.seq = i;
                if (flags & ENDS && reply.n < sizeof(reply.text))
                        reply.text[reply.n] = '\0';
                assert(send(pair[1], &reply, len, 0) == (ssize_t) len || len == 0);
                run();
                assert(l.answered + cmdlineclient_waiting(l.client) + world.gone >= asked); /* each has its answer, or is open */
        }
        assert(l.answered <= asked);
        cmdlineclient_free(l.client);
        close(pair[1]);
}

/* ---- the exe reader ------------------------------------------------------------------------------------------------- */

typedef struct ExeDatagram {
        WireHeader header;
        WireExeReply reply;
        uint8_t more[64];
} ExeDatagram;

static void check_exe(const uint8_t *data, size_t size) {
        static ExeDatagram d;
        static ProcReader reader;
        ExeClient x = {};
        ProcInfo p;
        char buf[256];
        int pair[2];
        size_t len;
        unsigned flags;

        if (reader.proc <= 0)
                assert(proc_reader_init(&reader, NULL) == 0);
        open_pair(pair);
        x.fd = pair[0];
        procinfo_init(&p);
        assert(procinfo_open(&reader, getpid(), &p) == 0);
        for (unsigned i = 0; i < DATAGRAMS_MAX && next(&data, &size, (uint8_t *) &d, sizeof(d), sizeof(d.header) + sizeof(d.reply), &len, &flags); i++) {
                if (flags & EXACT)
                        d.header = (WireHeader) { .op = WIRE_EXE | WIRE_REPLY, .count = 1, .seq = d.header.seq };
                if (flags & ASKED)
                        d.header.seq = x.seq + 1;
                if (flags & ENDS)
                        d.reply.path[sizeof(d.reply.path) - 1] = '\0';
                assert(send(pair[1], &d, len, 0) == (ssize_t) len || len == 0);
                memset(buf, 'x', sizeof(buf));
                int r = len == 0 ? -ENOENT : execlient_ask(&x, &reader, &p, buf, sizeof(buf));
                if (r == 0)
                        assert(len == sizeof(d.header) + sizeof(d.reply) && d.header.seq == x.seq && streq(buf, d.reply.path) && d.reply.error >= 0);
                else
                        assert(x.failed == (r != -ENOENT && r != -EREMOTE && r != -EACCES && r != -ENAMETOOLONG));
                if (x.failed)
                        break;
        }
        procinfo_close(&p);
        execlient_done(&x);
        close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size == 0)
                return 0;
        world_open();
        world.gone = world.changed = 0;
        switch (data[0] % 3) {
        case 0: check_names(data + 1, size - 1); break;
        case 1: check_lines(data + 1, size - 1); break;
        default: check_exe(data + 1, size - 1); break;
        }
        return 0;
}
