/* What the tests of names stand on. */
#include "tests/unit/namesrig.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "common/fd.h"

static void on_changed(void *userdata) {
        Fixture *f = userdata;

        f->changed++;
        if (f->held)
                snprintf(f->seen, sizeof(f->seen), "%s", f->held);
}

static void on_gone(void *userdata) {
        ((Fixture *) userdata)->gone++;
}

int names_rig_setup(void **state) {
        static Fixture f;
        int pair[2];

        f = (Fixture) { .directory = "/tmp/pclass-test-names-XXXXXX", .program = -1 };
        if (!mkdtemp(f.directory) || sd_event_new(&f.event) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -1;
        f.helper = pair[1];
        if (names_new_at(f.event, pair[0], f.directory, on_changed, &f, &f.names) < 0)
                return -1;
        names_on_gone(f.names, on_gone, &f);
        *state = &f;
        return 0;
}

int names_rig_teardown(void **state) {
        Fixture *f = *state;
        static const char *const files[] = { "passwd", "group", "other", "new" };
        char path[128];

        names_free(f->names);
        f->helper = fd_close(f->helper);
        sd_event_unref(f->event);
        if (f->program > 0 && waitpid(f->program, NULL, 0) != f->program) /* it ends when its socket does */
                return -1;
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                snprintf(path, sizeof(path), "%s/%s", f->directory, files[i]);
                (void) unlink(path);
        }
        return rmdir(f->directory);
}

void run_for(Fixture *f, unsigned msec) {
        struct timespec start, now;

        clock_gettime(CLOCK_MONOTONIC, &start);
        do {
                assert_true(sd_event_run(f->event, 10000) >= 0);
                clock_gettime(CLOCK_MONOTONIC, &now);
        } while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < msec);
}

bool asked(Fixture *f, NamesRequest *ret) {
        ssize_t n = recv(f->helper, ret, sizeof(*ret), MSG_DONTWAIT | MSG_TRUNC);

        assert_true(n == sizeof(*ret) || (n < 0 && errno == EAGAIN));
        return n > 0;
}

NamesReply reply_to(const NamesRequest *q, int code, uint32_t id, const char *name) {
        NamesReply r = { .seq = q->seq, .code = code, .id = id };

        strcpy(r.name, name);
        return r;
}

void put(Fixture *f, const NamesReply *r) {
        ssize_t n;

        while ((n = send(f->helper, r, sizeof(*r), MSG_DONTWAIT)) < 0 && errno == EAGAIN) /* full: the daemon's turn */
                assert_true(sd_event_run(f->event, 50000) >= 0);
        assert_int_equal(n, sizeof(*r));
}

void answer(Fixture *f, int code, uint32_t id, const char *name) {
        NamesRequest q;

        assert_true(asked(f, &q));
        NamesReply r = reply_to(&q, code, id, name);
        put(f, &r);
}

void write_file(Fixture *f, const char *name, const char *text) {
        char path[128];

        snprintf(path, sizeof(path), "%s/%s", f->directory, name);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
        close(fd);
}
