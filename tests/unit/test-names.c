/* Names. Most tests play the helper themselves, so that every answer and its moment can be chosen; the last ones start the real program in a
 * mount namespace with a passwd and a group file of ours. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include "common/fd.h"
#include "daemon/names-protocol.h"
#include "daemon/names.h"
#include "daemon/nameslink.h"

typedef struct Fixture {
        sd_event *event;
        Names *names;
        int helper;             /* the other end, or -1 */
        unsigned changed, gone;
        const char *held;       /* looked at while `changed` runs */
        char seen[64];
        char directory[64];
        pid_t program;
} Fixture;

static void on_changed(void *userdata) {
        Fixture *f = userdata;

        f->changed++;
        if (f->held)
                snprintf(f->seen, sizeof(f->seen), "%s", f->held);
}

static void on_gone(void *userdata) {
        ((Fixture *) userdata)->gone++;
}

static int setup(void **state) {
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

static int teardown(void **state) {
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

/* Runs the loop until the condition holds. */
#define RUN_UNTIL(f, condition)                                                                    \
        do {                                                                                       \
                time_t _end = time(NULL) + 20;                                                     \
                while (!(condition)) {                                                             \
                        assert_true(time(NULL) < _end);                                            \
                        assert_true(sd_event_run((f)->event, 50000) >= 0);                         \
                }                                                                                  \
        } while (0)

static void run_for(Fixture *f, unsigned msec) {
        struct timespec start, now;

        clock_gettime(CLOCK_MONOTONIC, &start);
        do {
                assert_true(sd_event_run(f->event, 10000) >= 0);
                clock_gettime(CLOCK_MONOTONIC, &now);
        } while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < msec);
}

static bool asked(Fixture *f, NamesRequest *ret) {
        ssize_t n = recv(f->helper, ret, sizeof(*ret), MSG_DONTWAIT | MSG_TRUNC);

        assert_true(n == sizeof(*ret) || (n < 0 && errno == EAGAIN));
        return n > 0;
}

static NamesReply reply_to(const NamesRequest *q, int code, uint32_t id, const char *name) {
        NamesReply r = { .seq = q->seq, .code = code, .id = id };

        strcpy(r.name, name);
        return r;
}

static void put(Fixture *f, const NamesReply *r) {
        ssize_t n;

        while ((n = send(f->helper, r, sizeof(*r), MSG_DONTWAIT)) < 0 && errno == EAGAIN) /* full: the daemon's turn */
                assert_true(sd_event_run(f->event, 50000) >= 0);
        assert_int_equal(n, sizeof(*r));
}

static void answer(Fixture *f, int code, uint32_t id, const char *name) {
        NamesRequest q;

        assert_true(asked(f, &q));
        NamesReply r = reply_to(&q, code, id, name);
        put(f, &r);
}

static void write_file(Fixture *f, const char *name, const char *text) {
        char path[128];

        snprintf(path, sizeof(path), "%s/%s", f->directory, name);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
        close(fd);
}

/* ---- one question ---- */

static void test_question_and_answer(void **state) {
        Fixture *f = *state;
        NamesRequest q;
        uid_t uid = 7;
        gid_t gid = 7;

        assert_int_equal(names_uid(f->names, "joe", &uid), -EAGAIN);
        assert_int_equal(names_uid(f->names, "joe", &uid), -EAGAIN); /* asked once only */
        assert_int_equal(names_gid(f->names, "joe", &gid), -EAGAIN); /* another question */
        assert_int_equal(names_pending(f->names), 2);
        assert_true(asked(f, &q));
        assert_int_equal(q.kind, NAMES_UID_OF_USER);
        assert_string_equal(q.name, "joe");
        NamesReply r = reply_to(&q, 0, 1234, "joe");
        assert_true(asked(f, &q));
        assert_int_equal(q.kind, NAMES_GID_OF_GROUP);
        assert_false(asked(f, &(NamesRequest){}));
        put(f, &r);
        r = reply_to(&q, -ENOENT, 0, "");
        put(f, &r);
        RUN_UNTIL(f, names_pending(f->names) == 0);
        assert_int_equal(f->changed, 1);
        assert_int_equal(uid, 7);
        assert_int_equal(names_uid(f->names, "joe", &uid), 0);
        assert_int_equal(uid, 1234);
        assert_int_equal(names_gid(f->names, "joe", &gid), -ENOENT);
        assert_int_equal(gid, 7);
        assert_false(asked(f, &q));
}

static void test_by_id(void **state) {
        Fixture *f = *state;
        const char *user = NULL, *group = NULL;
        const gid_t *gids = NULL;
        NamesRequest q;
        size_t n;

        assert_int_equal(names_user(f->names, 1000, &user), -EAGAIN);
        assert_int_equal(names_member(f->names, 1000, &gids, &n), -EAGAIN); /* the same question */
        assert_int_equal(names_group(f->names, 1000, &group), -EAGAIN);
        assert_true(asked(f, &q));
        assert_int_equal(q.kind, NAMES_USER_OF_UID);
        assert_int_equal(q.id, 1000);
        NamesReply r = reply_to(&q, 0, 1000, "ann");
        r.n_gids = 2;
        r.gids[0] = 50;
        r.gids[1] = 4000000000u;
        put(f, &r);
        assert_true(asked(f, &q));
        assert_int_equal(q.kind, NAMES_GROUP_OF_GID);
        r = reply_to(&q, 0, 1000, "staff");
        put(f, &r);
        RUN_UNTIL(f, f->changed == 1);
        assert_int_equal(names_user(f->names, 1000, &user), 0);
        assert_string_equal(user, "ann");
        assert_int_equal(names_group(f->names, 1000, &group), 0);
        assert_string_equal(group, "staff");
        assert_int_equal(names_member(f->names, 1000, &gids, &n), 0);
        assert_int_equal(n, 2);
        assert_int_equal(gids[0], 50);
        assert_int_equal(gids[1], 4000000000u);
        assert_false(asked(f, &q));
}

static void test_limits_of_texts(void **state) {
        Fixture *f = *state;
        char longest[NAMES_TEXT_MAX + 1];
        const gid_t *gids;
        NamesRequest q;
        uid_t uid;
        size_t n;

        memset(longest, 'a', sizeof(longest) - 1);
        longest[NAMES_TEXT_MAX] = '\0';
        assert_int_equal(names_uid(f->names, longest, &uid), -ENOENT);
        assert_false(asked(f, &q));
        longest[NAMES_TEXT_MAX - 1] = '\0';
        assert_int_equal(names_uid(f->names, longest, &uid), -EAGAIN);
        assert_true(asked(f, &q));
        assert_string_equal(q.name, longest);

        assert_int_equal(names_member(f->names, 5, &gids, &n), -EAGAIN);
        assert_true(asked(f, &q));
        NamesReply r = reply_to(&q, 0, 5, "x");
        r.n_gids = NAMES_GIDS_TOO_MANY;
        put(f, &r);
        RUN_UNTIL(f, names_pending(f->names) == 1);
        assert_int_equal(names_member(f->names, 5, &gids, &n), -E2BIG);
}

/* ---- many questions ---- */

static void test_line_and_order(void **state) {
        Fixture *f = *state;
        NamesRequest q[NAMES_UNDER_WAY_MAX], more;
        const char *name;

        for (uid_t u = 0; u < 100; u++)
                assert_int_equal(names_user(f->names, u, &name), -EAGAIN);
        assert_int_equal(names_pending(f->names), 100);
        for (size_t i = 0; i < ELEMENTSOF(q); i++) {
                assert_true(asked(f, &q[i]));
                assert_int_equal(q[i].id, i);
        }
        assert_false(asked(f, &more)); /* the others wait in line */
        for (size_t i = ELEMENTSOF(q); i-- > 0;) { /* answers need not keep the order */
                char text[16];
                snprintf(text, sizeof(text), "u%u", q[i].id);
                NamesReply r = reply_to(&q[i], 0, q[i].id, text);
                put(f, &r);
        }
        RUN_UNTIL(f, names_pending(f->names) == 36);
        for (uid_t u = 64; u < 100; u++) {
                assert_true(asked(f, &more));
                assert_int_equal(more.id, u);
                NamesReply r = reply_to(&more, -ENOENT, 0, "");
                put(f, &r);
        }
        RUN_UNTIL(f, names_pending(f->names) == 0);
        for (uid_t u = 0; u < 100; u++) {
                char text[16];
                snprintf(text, sizeof(text), "u%u", u);
                assert_int_equal(names_user(f->names, u, &name), u < 64 ? 0 : -ENOENT);
                if (u < 64)
                        assert_string_equal(name, text);
        }
}

/* Answers that come while others are still awaited are told of within a moment. */
static void test_told_while_waiting(void **state) {
        Fixture *f = *state;
        const char *name;

        assert_int_equal(names_user(f->names, 1, &name), -EAGAIN);
        assert_int_equal(names_user(f->names, 2, &name), -EAGAIN);
        answer(f, 0, 1, "one");
        RUN_UNTIL(f, names_pending(f->names) == 1);
        assert_int_equal(f->changed, 0); /* more may come */
        RUN_UNTIL(f, f->changed == 1);
        assert_int_equal(names_pending(f->names), 1);
        assert_int_equal(names_user(f->names, 1, &name), 0);
        assert_int_equal(names_user(f->names, 2, &name), -EAGAIN);
}

static void answer_ids(Fixture *f, uint32_t from, uint32_t to) {
        const char *name;

        for (uint32_t u = from; u < to;) {
                uint32_t batch = MIN(u + NAMES_UNDER_WAY_MAX / 4, to);
                for (uint32_t i = u; i < batch; i++)
                        assert_int_equal(names_user(f->names, i, &name), -EAGAIN);
                for (; u < batch; u++)
                        answer(f, 0, u, "somebody");
                RUN_UNTIL(f, names_pending(f->names) == 0);
        }
}

static void test_full_cache(void **state) {
        Fixture *f = *state;
        const char *first, *name;
        uid_t uid;

        assert_int_equal(names_uid(f->names, "joe", &uid), -EAGAIN);
        answer(f, 0, 1234, "joe");
        answer_ids(f, 0, NAMES_CACHE_MAX);
        assert_int_equal(names_user(f->names, 0, &first), 0);
        assert_int_equal(names_user(f->names, NAMES_CACHE_MAX - 1, &name), 0);
        unsigned before = f->changed;
        assert_int_equal(names_user(f->names, NAMES_CACHE_MAX, &name), -EAGAIN); /* one too many */
        assert_string_equal(first, "somebody");                                  /* still there for who holds it */
        assert_int_equal(f->changed, before);
        f->held = first;
        RUN_UNTIL(f, f->changed == before + 1); /* told without any answer */
        assert_string_equal(f->seen, "somebody");
        f->held = NULL;
        answer(f, 0, NAMES_CACHE_MAX, "last");
        RUN_UNTIL(f, f->changed == before + 2);
        assert_int_equal(names_user(f->names, NAMES_CACHE_MAX, &name), 0);
        assert_int_equal(names_user(f->names, 0, &name), -EAGAIN);
        assert_int_equal(names_uid(f->names, "joe", &uid), 0); /* rules keep their names */
}

/* Names of rules: numbers, so nobody holds a string and nobody need be told. */
static void test_full_of_names(void **state) {
        Fixture *f = *state;
        char name[32];
        uid_t uid;

        for (uint32_t u = 0; u < NAMES_CACHE_MAX; u++) {
                snprintf(name, sizeof(name), "name%u", u);
                assert_int_equal(names_uid(f->names, name, &uid), -EAGAIN);
                answer(f, 0, u, name);
                if (u % 32 == 31)
                        RUN_UNTIL(f, names_pending(f->names) == 0);
        }
        unsigned before = f->changed;
        assert_int_equal(names_uid(f->names, "name0", &uid), 0);
        assert_int_equal(names_uid(f->names, "one more", &uid), -EAGAIN);
        assert_int_equal(names_uid(f->names, "name0", &uid), -EAGAIN);
        assert_int_equal(names_pending(f->names), 2);
        run_for(f, 150);
        assert_int_equal(f->changed, before);
}

/* None of them answered, so none can be dropped: the next is refused, and `changed` says when to try again. */
static void test_full_of_questions(void **state) {
        Fixture *f = *state;
        const char *name;
        NamesRequest q;

        for (uint32_t u = 0; u < NAMES_CACHE_MAX; u++)
                assert_int_equal(names_user(f->names, u, &name), -EAGAIN);
        assert_int_equal(names_user(f->names, 4000000000u, &name), -EAGAIN);
        assert_int_equal(names_pending(f->names), NAMES_CACHE_MAX);
        RUN_UNTIL(f, f->changed == 1);
        for (uint32_t u = 0; u < NAMES_UNDER_WAY_MAX; u++) {
                assert_true(asked(f, &q));
                assert_int_equal(q.id, u);
        }
        NamesReply r = reply_to(&q, -ENOENT, 0, "");
        put(f, &r);
        RUN_UNTIL(f, names_pending(f->names) == NAMES_CACHE_MAX - 1);
        assert_int_equal(names_user(f->names, 4000000000u, &name), -EAGAIN);
        assert_int_equal(names_pending(f->names), NAMES_CACHE_MAX); /* in the place of the answered one */

        RUN_UNTIL(f, f->changed == 2);
        for (uint32_t u = 0; u <= NAMES_CACHE_MAX; u++) { /* the same by name, one more than there is room for */
                char text[32];
                uid_t uid;
                snprintf(text, sizeof(text), "name%u", u);
                assert_int_equal(names_uid(f->names, text, &uid), -EAGAIN);
        }
        assert_int_equal(names_pending(f->names), 2 * NAMES_CACHE_MAX);
        RUN_UNTIL(f, f->changed == 3);
}

/* ---- changes ---- */

/* Uids 1 and 2, in whatever order they are asked for. */
static void answer_both(Fixture *f, const char *name_of_1) {
        for (int i = 0; i < 2; i++) {
                NamesRequest q;
                assert_true(asked(f, &q));
                NamesReply r = reply_to(&q, 0, q.id, q.id == 1 ? name_of_1 : "two");
                put(f, &r);
        }
}

static void test_refresh_keeps_old_answers(void **state) {
        Fixture *f = *state;
        const char *name, *old;

        assert_int_equal(names_user(f->names, 1, &name), -EAGAIN);
        assert_int_equal(names_user(f->names, 2, &name), -EAGAIN);
        answer(f, 0, 1, "one");
        answer(f, 0, 2, "two");
        RUN_UNTIL(f, f->changed == 1);
        assert_int_equal(names_user(f->names, 1, &old), 0);

        names_refresh(f->names);
        assert_int_equal(names_pending(f->names), 2);
        assert_int_equal(names_user(f->names, 1, &name), 0);
        assert_ptr_equal(name, old);
        answer_both(f, "one");
        RUN_UNTIL(f, names_pending(f->names) == 0);
        run_for(f, 150);
        assert_int_equal(f->changed, 1); /* nothing new, nobody is told */

        names_refresh(f->names);
        answer_both(f, "uno");
        f->held = old; /* readable until told: the sanitizer watches */
        RUN_UNTIL(f, f->changed == 2);
        assert_string_equal(f->seen, "one");
        assert_int_equal(names_user(f->names, 1, &name), 0);
        assert_string_equal(name, "uno");
}

/* What was under way when the change came may be the old truth. */
static void test_refresh_under_way(void **state) {
        Fixture *f = *state;
        uid_t uid;

        assert_int_equal(names_uid(f->names, "joe", &uid), -EAGAIN);
        names_refresh(f->names);
        answer(f, -ENOENT, 0, "");
        RUN_UNTIL(f, poll(&(struct pollfd){ .fd = f->helper, .events = POLLIN }, 1, 0) == 1);
        assert_int_equal(names_uid(f->names, "joe", &uid), -EAGAIN);
        answer(f, 0, 99, "joe");
        RUN_UNTIL(f, f->changed == 1);
        assert_int_equal(names_uid(f->names, "joe", &uid), 0);
        assert_int_equal(uid, 99);
        assert_int_equal(names_pending(f->names), 0);
}

static void test_every_part_of_an_answer_counts(void **state) {
        Fixture *f = *state;
        const gid_t *gids;
        NamesRequest q;
        size_t n;

        assert_int_equal(names_member(f->names, 1, &gids, &n), -EAGAIN);
        for (unsigned i = 1; i <= 5; i++) { /* first, another gid, one gid more, another name, none */
                assert_true(asked(f, &q));
                NamesReply r = reply_to(&q, i == 5 ? -ENOENT : 0, 1, i < 4 ? "one" : "two");
                r.n_gids = i < 3 ? 1 : 2;
                r.gids[0] = i > 1;
                put(f, &r);
                RUN_UNTIL(f, f->changed == i);
                names_refresh(f->names);
        }
        assert_int_equal(names_member(f->names, 1, &gids, &n), -ENOENT);
}

static void test_another_id(void **state) {
        Fixture *f = *state;
        uid_t uid;

        assert_int_equal(names_uid(f->names, "joe", &uid), -EAGAIN);
        answer(f, 0, 1, "joe");
        RUN_UNTIL(f, f->changed == 1);
        names_refresh(f->names);
        answer(f, 0, 2, "joe");
        RUN_UNTIL(f, f->changed == 2);
        assert_int_equal(names_uid(f->names, "joe", &uid), 0);
        assert_int_equal(uid, 2);
}

static void assert_asks_again(Fixture *f, bool expected) {
        struct pollfd p = { .fd = f->helper, .events = POLLIN };

        if (!expected) {
                run_for(f, 400);
                assert_int_equal(poll(&p, 1, 0), 0);
                return;
        }
        RUN_UNTIL(f, poll(&p, 1, 0) == 1);
        answer(f, 0, 1234, "joe");
        RUN_UNTIL(f, names_pending(f->names) == 0);
}

static void test_files_change(void **state) {
        Fixture *f = *state;
        char from[128], to[128];
        uid_t uid;

        assert_int_equal(names_uid(f->names, "joe", &uid), -EAGAIN);
        answer(f, 0, 1234, "joe");
        RUN_UNTIL(f, f->changed == 1);
        write_file(f, "other", "x");
        assert_asks_again(f, false);
        write_file(f, "passwd", "x");
        assert_asks_again(f, true);
        assert_asks_again(f, false); /* once for creating, writing and closing */
        write_file(f, "new", "x");
        assert_asks_again(f, false);
        snprintf(from, sizeof(from), "%s/new", f->directory);
        snprintf(to, sizeof(to), "%s/group", f->directory);
        assert_int_equal(rename(from, to), 0);
        assert_asks_again(f, true);
        assert_int_equal(f->changed, 1);
}

/* NSS cannot tell: the old answer stands, and it is asked again by itself. */
static void test_failure(void **state) {
        Fixture *f = *state;
        struct timespec start, end;
        uid_t uid;

        assert_int_equal(names_uid(f->names, "joe", &uid), -EAGAIN);
        answer(f, -EAGAIN, 0, "");
        RUN_UNTIL(f, names_pending(f->names) == 0);
        clock_gettime(CLOCK_MONOTONIC, &start);
        assert_int_equal(f->changed, 0);
        assert_int_equal(names_uid(f->names, "joe", &uid), -EAGAIN);
        assert_int_equal(names_pending(f->names), 0);
        assert_int_equal(names_uid(f->names, "ann", &uid), -EAGAIN);
        answer(f, 0, 5, "ann");
        RUN_UNTIL(f, f->changed == 1);
        RUN_UNTIL(f, names_pending(f->names) > 0);
        assert_int_equal(names_pending(f->names), 1); /* what was answered is not asked again */
        clock_gettime(CLOCK_MONOTONIC, &end);
        assert_in_range(end.tv_sec - start.tv_sec, 9, 12);
        answer(f, 0, 1234, "joe");
        RUN_UNTIL(f, f->changed == 2);
        names_refresh(f->names);
        answer(f, -EAGAIN, 0, "");
        answer(f, -EAGAIN, 0, "");
        RUN_UNTIL(f, names_pending(f->names) == 0);
        assert_int_equal(names_uid(f->names, "joe", &uid), 0);
        assert_int_equal(uid, 1234);
        assert_int_equal(f->changed, 2);
}

/* ---- a helper that is broken or gone ---- */

static void assert_gone(Fixture *f, const NamesReply *r, size_t size) {
        uid_t uid;

        assert_int_equal(send(f->helper, r, size, 0), size);
        RUN_UNTIL(f, f->gone == 1);
        assert_int_equal(names_uid(f->names, "x", &uid), -EAGAIN);
        run_for(f, 20);
        assert_int_equal(f->gone, 1);
        assert_int_equal(f->changed, 0);
}

/* A good answer to "joe", to be spoilt. */
static NamesReply good_reply(Fixture *f) {
        NamesRequest q;
        uid_t uid;

        assert_int_equal(names_uid(f->names, "joe", &uid), -EAGAIN);
        assert_true(asked(f, &q));
        return reply_to(&q, 0, 1, "joe");
}

static void test_nonsense_size(void **state) {
        NamesReply r = good_reply(*state);
        assert_gone(*state, &r, sizeof(r) - 1);
}

static void test_nonsense_seq(void **state) {
        NamesReply r = good_reply(*state);
        r.seq += NAMES_UNDER_WAY_MAX;
        assert_gone(*state, &r, sizeof(r));
}

static void test_nonsense_slot(void **state) {
        NamesReply r = good_reply(*state);
        r.seq++;
        assert_gone(*state, &r, sizeof(r));
}

static void test_nonsense_text(void **state) {
        NamesReply r = good_reply(*state);
        memset(r.name, 'x', sizeof(r.name));
        assert_gone(*state, &r, sizeof(r));
}

static void test_nonsense_gids(void **state) {
        NamesReply r = good_reply(*state);
        r.n_gids = NAMES_GIDS_MAX + 1;
        assert_gone(*state, &r, sizeof(r));
}

static void test_nonsense_code(void **state) {
        NamesReply r = good_reply(*state);
        r.code = 1;
        assert_gone(*state, &r, sizeof(r));
}

static void test_closed(void **state) {
        Fixture *f = *state;

        f->helper = fd_close(f->helper);
        RUN_UNTIL(f, f->gone == 1);
        run_for(f, 20);
        assert_int_equal(f->gone, 1);
}

/* ---- the real program ---- */

static void bind_file(const char *directory, const char *name) {
        char from[128], to[64];

        snprintf(from, sizeof(from), "%s/%s", directory, name);
        snprintf(to, sizeof(to), "/etc/%s", name);
        if (mount(from, to, NULL, MS_BIND, NULL) < 0)
                _exit(99);
}

static void program_child(const char *directory, int fd) {
        if (directory) {
                if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                        _exit(99);
                bind_file(directory, "passwd");
                bind_file(directory, "group");
        }
        if (dup2(fd, NAMES_FD) < 0 || (fd == NAMES_FD && fcntl(fd, F_SETFD, 0) < 0))
                _exit(99);
        execl(PCLASS_NAMES_PROGRAM, "pclass-names", NULL);
        _exit(99);
}

static void start_program(Fixture *f, const char *directory) {
        f->program = fork();
        assert_true(f->program >= 0);
        if (f->program == 0)
                program_child(directory, f->helper);
        f->helper = fd_close(f->helper);
}

/* The next answer of the cache that is not "asked". */
#define AWAIT(f, r, call) RUN_UNTIL(f, (r = (call)) != -EAGAIN)

static void test_program_here(void **state) {
        Fixture *f = *state;
        const gid_t *gids;
        const char *name;
        size_t n;
        uid_t uid;
        gid_t gid;
        int r;

        start_program(f, NULL);
        AWAIT(f, r, names_uid(f->names, "root", &uid));
        assert_int_equal(r, 0);
        assert_int_equal(uid, 0);
        AWAIT(f, r, names_gid(f->names, "root", &gid));
        assert_int_equal(r, 0);
        assert_int_equal(gid, 0);
        AWAIT(f, r, names_uid(f->names, "pclass-nobody-is-called-so", &uid));
        assert_int_equal(r, -ENOENT);
        AWAIT(f, r, names_group(f->names, 0, &name));
        assert_string_equal(name, "root");
        AWAIT(f, r, names_user(f->names, 0, &name));
        assert_string_equal(name, "root");
        assert_int_equal(names_member(f->names, 0, &gids, &n), 0);
        assert_int_equal(gids[0], 0);
}

static void write_group_file(Fixture *f) {
        _cleanup_free_ char *text = malloc(1 << 20);
        size_t n = 0;

        assert_non_null(text);
        n += sprintf(text + n, "home:x:500:\nextra:x:700:ann\nother:x:800:ben\nempty:x:900:\n");
        for (int i = 0; i < 1100; i++)
                n += sprintf(text + n, "g%d:x:%d:busy%s\n", i, 10000 + i, i < 1023 ? ",full" : "");
        n += sprintf(text + n, "huge:x:901:"); /* a line that the first buffer does not hold */
        for (int i = 0; i < 20000; i++)
                n += sprintf(text + n, "%sm%d", i ? "," : "", i);
        sprintf(text + n, "\n");
        write_file(f, "group", text);
}

static void test_program_files(void **state) {
        Fixture *f = *state;
        const gid_t *gids;
        const char *name;
        size_t n;
        uid_t uid;
        gid_t gid;
        static char passwd[24000];
        int r;

        if (geteuid() != 0)
                skip();
        snprintf(passwd, sizeof(passwd), "root:x:0:0::/:\nann:x:4001:500::/:\nbusy:x:4002:500::/:\nfull:x:4003:500::/:\nlong:x:4004:500:%020000d:/:\n", 0);
        write_file(f, "passwd", passwd);
        write_group_file(f);
        start_program(f, f->directory);
        AWAIT(f, r, names_uid(f->names, "ann", &uid));
        assert_int_equal(r, 0);
        assert_int_equal(uid, 4001);
        AWAIT(f, r, names_uid(f->names, "ben", &uid));
        assert_int_equal(r, -ENOENT);
        AWAIT(f, r, names_uid(f->names, "long", &uid)); /* its line is longer than the first buffer, as is that of the group */
        assert_int_equal(r, 0);
        assert_int_equal(uid, 4004);
        AWAIT(f, r, names_gid(f->names, "huge", &gid));
        assert_int_equal(r, 0);
        assert_int_equal(gid, 901);
        AWAIT(f, r, names_group(f->names, 901, &name));
        assert_string_equal(name, "huge");
        AWAIT(f, r, names_member(f->names, 4001, &gids, &n));
        assert_int_equal(r, 0);
        assert_int_equal(n, 2);
        assert_int_equal(gids[0], 500);
        assert_int_equal(gids[1], 700);
        AWAIT(f, r, names_member(f->names, 4002, &gids, &n));
        assert_int_equal(r, -E2BIG);
        assert_int_equal(names_user(f->names, 4002, &name), 0);
        assert_string_equal(name, "busy");
        AWAIT(f, r, names_member(f->names, 4003, &gids, &n));
        assert_int_equal(r, 0);
        assert_int_equal(n, 1024);

        /* a change of the very file, as it is written */
        write_file(f, "passwd", "root:x:0:0::/:\nben:x:4001:500::/:\n");
        RUN_UNTIL(f, names_uid(f->names, "ben", &uid) == 0);
        assert_int_equal(uid, 4001);
        RUN_UNTIL(f, names_pending(f->names) == 0);
        assert_int_equal(names_uid(f->names, "ann", &uid), -ENOENT);
        assert_int_equal(names_user(f->names, 4001, &name), 0);
        assert_string_equal(name, "ben");
        assert_int_equal(names_member(f->names, 4001, &gids, &n), 0);
        assert_int_equal(gids[1], 800);
}

/* Ends with EOF and status 0; with a question of a wrong size it ends in failure. */
static void test_program_ends(void **state) {
        Fixture *f = *state;

        for (int nonsense = 0; nonsense < 2; nonsense++) {
                int pair[2], status;
                assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
                pid_t pid = fork();
                if (pid == 0) {
                        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
                        dup2(null, STDERR_FILENO); /* it complains */
                        close(f->helper);
                        program_child(NULL, pair[1]);
                }
                close(pair[1]);
                if (nonsense)
                        assert_int_equal(send(pair[0], "x", 1, 0), 1);
                else
                        shutdown(pair[0], SHUT_WR);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFEXITED(status));
                assert_int_equal(WEXITSTATUS(status), nonsense);
                close(pair[0]);
        }
}

static void test_program_has_no_way_up(void **state) {
        Fixture *f = *state;
        char path[64], text[8192];
        struct stat st;
        uid_t uid;
        int r;

        start_program(f, NULL);
        AWAIT(f, r, names_uid(f->names, "root", &uid));
        snprintf(path, sizeof(path), "/proc/%d/status", f->program);
        assert_true(fd_read_text(AT_FDCWD, path, text, sizeof(text)) > 0);
        assert_non_null(strstr(text, "\nNoNewPrivs:\t1\n"));
        snprintf(path, sizeof(path), "/proc/%d/limits", f->program);
        assert_true(fd_read_text(AT_FDCWD, path, text, sizeof(text)) > 0);
        assert_non_null(strstr(text, "Max core file size        0 "));
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", f->program, NAMES_FD + 1); /* holds nothing but its socket */
        assert_int_equal(lstat(path, &st), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_question_and_answer),
                TEST(test_by_id),
                TEST(test_limits_of_texts),
                TEST(test_line_and_order),
                TEST(test_told_while_waiting),
                TEST(test_full_cache),
                TEST(test_full_of_names),
                TEST(test_full_of_questions),
                TEST(test_refresh_keeps_old_answers),
                TEST(test_refresh_under_way),
                TEST(test_every_part_of_an_answer_counts),
                TEST(test_another_id),
                TEST(test_files_change),
                TEST(test_failure),
                TEST(test_nonsense_size),
                TEST(test_nonsense_seq),
                TEST(test_nonsense_slot),
                TEST(test_nonsense_text),
                TEST(test_nonsense_gids),
                TEST(test_nonsense_code),
                TEST(test_closed),
                TEST(test_program_here),
                TEST(test_program_files),
                TEST(test_program_ends),
                TEST(test_program_has_no_way_up),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
