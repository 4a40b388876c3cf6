/* The names cache. The tests play the helper themselves, so that every answer and its moment can be chosen. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include "common/fd.h"
#include "daemon/nameslink.h"
#include "tests/unit/namesrig.h"

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

#define TEST(f) cmocka_unit_test_setup_teardown(f, names_rig_setup, names_rig_teardown)
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
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
