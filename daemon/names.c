/* User and group names: the cache.
 *
 * An entry is a question and the last answer. Answers are immutable; strings of theirs may be held by others until `changed` returns, so
 * one that is replaced or dropped waits in `old` until then. */
#include "daemon/names.h"

#include <sys/inotify.h>
#include "common/fd.h"
#include "common/log.h"
#include "common/map.h"
#include "daemon/nameslink.h"

#define SETTLE_USEC UINT64_C(100000)    /* answers gather for so long at most before `changed` is called */
#define DEBOUNCE_USEC UINT64_C(200000)  /* useradd writes passwd, group and more one after the other */
#define RETRY_USEC UINT64_C(10000000)
#define REFUSED_USEC UINT64_C(1000000)  /* for want of memory */

typedef struct Answer Answer;
struct Answer {
        Answer *next; /* in `old` */
        int code;     /* 0 or -ENOENT */
        uint32_t id;
        uint32_t n_gids;
        char *name;   /* behind gids */
        gid_t gids[];
};

typedef struct Entry {
        NamesQuestion question; /* first, so that one leads to the other */
        Answer *answer;         /* NULL: never answered */
        bool again;             /* what is under way was asked before a change */
        bool failed;            /* NSS could not tell */
        char name[];
} Entry;

struct Names {
        NamesLink *link;
        Map *entries[_NAMES_KIND_N]; /* by name or by id, as the kind asks */
        Answer *old;
        bool dirty;    /* an answer is new since `changed` was called */
        bool meaning;  /* and one that says what a spelt-out name means, or that what was known is no more so */
        NamesChanged changed;
        NamesGone gone;
        void *userdata, *gone_userdata;
        sd_event_source *inotify, *settle, *debounce, *retry;
};

static bool by_name(NamesKind kind) {
        return kind == NAMES_UID_OF_USER || kind == NAMES_GID_OF_GROUP;
}

static void *entry_next(const Names *n, NamesKind kind, size_t *iterator) {
        return by_name(kind) ? map_next_string(n->entries[kind], iterator, NULL) : map_next_u64(n->entries[kind], iterator, NULL);
}

static void arm(sd_event_source *timer, uint64_t usec) {
        (void) sd_event_source_set_time_relative(timer, usec);
        (void) sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static bool armed(sd_event_source *timer) {
        int enabled = SD_EVENT_OFF;

        (void) sd_event_source_get_enabled(timer, &enabled);
        return enabled != SD_EVENT_OFF;
}

/* ---- answers ---- */

static int answer_new(const NamesReply *reply, Answer **ret) {
        size_t n = reply->n_gids == NAMES_GIDS_TOO_MANY ? 0 : reply->n_gids, size = strlen(reply->name) + 1;
        Answer *a = malloc(sizeof(*a) + n * sizeof(gid_t) + size);

        if (!a)
                return -ENOMEM;
        *a = (Answer) { .code = reply->code, .id = reply->id, .n_gids = reply->n_gids };
        memcpy(a->gids, reply->gids, n * sizeof(gid_t));
        a->name = memcpy(a->gids + n, reply->name, size);
        *ret = a;
        return 0;
}

static bool answer_equal(const Answer *a, const Answer *b) {
        size_t n = a->n_gids == NAMES_GIDS_TOO_MANY ? 0 : a->n_gids;

        return a->code == b->code && a->id == b->id && a->n_gids == b->n_gids && streq(a->name, b->name) &&
               memcmp(a->gids, b->gids, n * sizeof(gid_t)) == 0;
}

static void answers_free(Answer *a) {
        while (a) {
                Answer *next = a->next;
                free(a);
                a = next;
        }
}

static void retire(Names *n, Answer *a) {
        if (a) {
                a->next = n->old;
                n->old = a;
        }
}

static void tell_changed(Names *n) {
        Answer *old = TAKE_PTR(n->old);

        n->dirty = false;
        (void) sd_event_source_set_enabled(n->settle, SD_EVENT_OFF);
        n->changed(n->userdata); /* may free n */
        answers_free(old);
}

static void entry_answered(NamesQuestion *q, const NamesReply *reply, void *userdata) {
        Entry *e = (Entry *) q;
        Names *n = userdata;
        Answer *a;

        if (e->again) {
                e->again = false;
                names_link_ask(n->link, q);
                return;
        }
        e->failed = reply->code == -EAGAIN || answer_new(reply, &a) < 0;
        if (e->failed) {
                if (!armed(n->retry))
                        arm(n->retry, RETRY_USEC);
                return;
        }
        if (e->answer && answer_equal(e->answer, a)) {
                free(a);
                return;
        }
        n->meaning |= e->answer || by_name(q->kind);
        retire(n, e->answer);
        e->answer = a;
        n->dirty = true;
}

static void on_batch_end(void *userdata) {
        Names *n = userdata;

        if (!n->dirty)
                return;
        if (names_link_pending(n->link) == 0)
                tell_changed(n);
        else if (!armed(n->settle))
                arm(n->settle, SETTLE_USEC);
}

static int on_settle(sd_event_source *source, uint64_t usec, void *userdata) {
        tell_changed(userdata);
        return 0;
}

static void on_gone(void *userdata) {
        Names *n = userdata;

        if (n->gone)
                n->gone(n->gone_userdata);
}

/* ---- asking again ---- */

static void ask_all(Names *n, bool only_failed) {
        for (NamesKind kind = 0; kind < _NAMES_KIND_N; kind++) {
                Entry *e;
                for (size_t i = 0; (e = entry_next(n, kind, &i));) {
                        if (only_failed && !e->failed)
                                continue;
                        e->again = e->question.sent;
                        names_link_ask(n->link, &e->question);
                }
        }
}

void names_refresh(Names *n) {
        ask_all(n, false);
}

static int on_debounce(sd_event_source *source, uint64_t usec, void *userdata) {
        log_debug("Users or groups changed, asking for all names again");
        names_refresh(userdata);
        return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        ask_all(userdata, true);
        return 0;
}

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *userdata) {
        static const char *const files[] = { "passwd", "group", "nsswitch.conf" };
        Names *n = userdata;
        bool ours = event->mask & IN_Q_OVERFLOW;

        for (size_t i = 0; i < ELEMENTSOF(files) && event->len > 0; i++)
                ours |= streq(event->name, files[i]);
        if (ours)
                arm(n->debounce, DEBOUNCE_USEC);
        return 0;
}

/* ---- lookups ---- */

static Entry *entry_free(Entry *e) {
        free(e->answer);
        free(e);
        return NULL;
}

static void entry_drop(Names *n, Entry *e) {
        NamesKind kind = e->question.kind;

        if (by_name(kind))
                (void) map_remove_string(n->entries[kind], e->name);
        else {
                (void) map_remove_u64(n->entries[kind], e->question.id);
                retire(n, TAKE_PTR(e->answer)); /* answers by name are numbers, which nobody can hold */
        }
        entry_free(e);
}

/* Nobody asks for a name now: whoever wanted it is told to try again. */
static void refuse(Names *n, uint64_t usec) {
        if (!armed(n->settle))
                arm(n->settle, usec);
}

/* A full cache is dropped, but for what is being asked. Who holds a string of it, or is refused here, is told soon. */
static bool make_room(Names *n, NamesKind kind) {
        Entry *e;

        if (map_size(n->entries[kind]) < NAMES_CACHE_MAX)
                return true;
        for (size_t i = 0; (e = entry_next(n, kind, &i));)
                if (!e->question.waiting)
                        entry_drop(n, e);
        bool room = map_size(n->entries[kind]) < NAMES_CACHE_MAX;
        if (!by_name(kind) || !room)
                refuse(n, SETTLE_USEC);
        return room;
}

/* NULL: out of memory, or no room now. */
static Entry *entry_new(Names *n, NamesKind kind, uint32_t id, const char *name) {
        if (!make_room(n, kind))
                return NULL;
        Entry *e = calloc(1, sizeof(*e) + strlen(name) + 1);
        int r = e ? 0 : -ENOMEM;
        if (e) {
                strcpy(e->name, name);
                e->question = (NamesQuestion) { .kind = kind, .id = id, .name = e->name };
                r = by_name(kind) ? map_put_string(n->entries[kind], name, e) : map_put_u64(n->entries[kind], id, e);
        }
        if (r < 0) {
                n->meaning |= by_name(kind);
                refuse(n, REFUSED_USEC);
                return e ? entry_free(e) : NULL;
        }
        names_link_ask(n->link, &e->question);
        return e;
}

static int look_up(Names *n, NamesKind kind, uint32_t id, const char *name, const Answer **ret) {
        if (strlen(name) >= NAMES_TEXT_MAX)
                return -ENOENT;
        Entry *e = by_name(kind) ? map_get_string(n->entries[kind], name) : map_get_u64(n->entries[kind], id);
        if (!e)
                e = entry_new(n, kind, id, name);
        if (!e || !e->answer)
                return -EAGAIN;
        if (e->answer->code < 0)
                return e->answer->code;
        *ret = e->answer;
        return 0;
}

int names_uid(Names *n, const char *user, uid_t *ret) {
        const Answer *a;
        int r = look_up(n, NAMES_UID_OF_USER, 0, user, &a);

        if (r >= 0)
                *ret = a->id;
        return r;
}

int names_gid(Names *n, const char *group, gid_t *ret) {
        const Answer *a;
        int r = look_up(n, NAMES_GID_OF_GROUP, 0, group, &a);

        if (r >= 0)
                *ret = a->id;
        return r;
}

int names_user(Names *n, uid_t uid, const char **ret) {
        const Answer *a;
        int r = look_up(n, NAMES_USER_OF_UID, uid, "", &a);

        if (r >= 0)
                *ret = a->name;
        return r;
}

int names_group(Names *n, gid_t gid, const char **ret) {
        const Answer *a;
        int r = look_up(n, NAMES_GROUP_OF_GID, gid, "", &a);

        if (r >= 0)
                *ret = a->name;
        return r;
}

int names_member(Names *n, uid_t uid, const gid_t **ret, size_t *ret_n) {
        const Answer *a;
        int r = look_up(n, NAMES_USER_OF_UID, uid, "", &a);

        if (r < 0)
                return r;
        if (a->n_gids == NAMES_GIDS_TOO_MANY)
                return -E2BIG;
        *ret = a->gids;
        *ret_n = a->n_gids;
        return 0;
}

bool names_meaning_changed(Names *n) {
        bool changed = n->meaning;

        n->meaning = false;
        return changed;
}

size_t names_pending(const Names *n) {
        return names_link_pending(n->link);
}

void names_on_gone(Names *n, NamesGone gone, void *userdata) {
        n->gone = gone;
        n->gone_userdata = userdata;
}

/* ---- life ---- */

static int add_timer(sd_event *event, sd_event_time_handler_t handler, const char *description, Names *n, sd_event_source **ret) {
        int r = sd_event_add_time(event, ret, CLOCK_MONOTONIC, 0, 0, handler, n);

        if (r >= 0)
                r = sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_description(*ret, description);
        return r;
}

static int add_sources(Names *n, sd_event *event, const char *directory) {
        int r = add_timer(event, on_settle, "names-settle", n, &n->settle);

        if (r >= 0)
                r = add_timer(event, on_debounce, "names-debounce", n, &n->debounce);
        if (r >= 0)
                r = add_timer(event, on_retry, "names-retry", n, &n->retry);
        if (r < 0)
                return r;
        r = sd_event_add_inotify(event, &n->inotify, directory, IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE | IN_ONLYDIR, on_inotify, n);
        if (r < 0)
                return log_error_errno(r, "Cannot watch %s for changes of users and groups", directory);
        return sd_event_source_set_description(n->inotify, "names-files");
}

int names_new_at(sd_event *event, int fd, const char *directory, NamesChanged changed, void *userdata, Names **ret) {
        static const NamesLinkOps ops = { .answered = entry_answered, .batch_end = on_batch_end, .gone = on_gone };
        _cleanup_close_ int owned = fd;
        _cleanup_(names_freep) Names *n = calloc(1, sizeof(*n));
        int r = n ? 0 : -ENOMEM;

        for (NamesKind kind = 0; kind < _NAMES_KIND_N && r >= 0; kind++)
                r = by_name(kind) ? map_new_string(&n->entries[kind]) : map_new_u64(&n->entries[kind]);
        if (r < 0)
                return r;
        n->changed = changed;
        n->userdata = userdata;
        r = names_link_new(event, TAKE_FD(owned), &ops, n, &n->link);
        if (r >= 0)
                r = add_sources(n, event, directory);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(n);
        return 0;
}

Names *names_free(Names *n) {
        if (!n)
                return NULL;
        for (NamesKind kind = 0; kind < _NAMES_KIND_N; kind++) {
                Entry *e;
                for (size_t i = 0; n->entries[kind] && (e = entry_next(n, kind, &i));)
                        entry_free(e);
                map_free(n->entries[kind]);
        }
        answers_free(n->old);
        names_link_free(n->link);
        sd_event_source_disable_unref(n->inotify);
        sd_event_source_disable_unref(n->settle);
        sd_event_source_disable_unref(n->debounce);
        sd_event_source_disable_unref(n->retry);
        free(n);
        return NULL;
}
