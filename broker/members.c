/* Values of members. */
#include "broker/members.h"

#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>

#include "broker/cgroupfs.h"
#include "broker/classlimits.h"
#include "broker/memberhelper.h"
#include "common/channel.h"
#include "common/classvalue.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/str.h"

#define HELPER_WAIT_MS 10000

static const struct {
        ClassProperty property;
        uint32_t bit;
        unsigned capability;
        const char *without; /* what a helper without that capability cannot do */
} members[] = {
        { CLASS_NICE, WIRE_MEMBER_NICE, CAP_SYS_NICE, "CAP_SYS_NICE or the call itself is not allowed here (see member-limits.conf)" },
        { CLASS_OOM_SCORE_ADJUST, WIRE_MEMBER_OOM, CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE is missing: it cannot be lowered (see member-limits.conf)" },
        { CLASS_LIMIT_NOFILE, WIRE_MEMBER_FILES, CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE is missing: only processes of root get it, and no more than they have (see member-limits.conf)" },
};

uint32_t members_needed_by(const Class *c) {
        uint32_t what = 0;

        for (size_t k = 0; k < ELEMENTSOF(members); k++)
                if (class_value(c, members[k].property) || c->def->tunable[members[k].property].allowed)
                        what |= members[k].bit;
        return what;
}

uint32_t members_needed(const ClassSet *s) {
        uint32_t what = 0;

        for (size_t i = 0; i < s->n; i++)
                what |= members_needed_by(s->items[i]);
        return what;
}

void members_note(const ClassSet *s, Class *c) {
        for (size_t k = 0; k < ELEMENTSOF(members); k++) {
                const char *value = class_value(c, members[k].property);
                ClassNote *note = &c->notes[members[k].property];
                *note = (ClassNote) { .set = value };
                if (!value)
                        continue;
                /* Raising the score needs nothing. */
                note->supported = s->member_capabilities & UINT64_C(1) << members[k].capability ||
                                  (members[k].property == CLASS_OOM_SCORE_ADJUST && value[0] != '-' && s->has_members);
                snprintf(note->text, sizeof(note->text), "%s",
                         note->supported ? value : s->has_members ? members[k].without : "the member helper does not run");
        }
}

void members_note_all(ClassSet *s) {
        for (size_t i = 0; i < s->n; i++) {
                Class *c = s->items[i];
                if (!c->live)
                        continue;
                members_note(s, c);
                for (size_t k = 0; k < ELEMENTSOF(members); k++) {
                        const ClassNote *note = &c->notes[members[k].property];
                        if (note->set && !note->supported && c->template_index == WIRE_NONE)
                                log_warning("class %s: %s is not in force: %s", c->name, class_property_name(members[k].property), note->text);
                }
        }
}

/* ---- asking the helper --------------------------------------------------------------------------------------------------- */

static uint64_t files_number(const ClassSet *s, uint64_t v) {
        return v == UINT64_MAX ? s->scale.files : v;
}

/* What the class wants of a process; false: nothing of that. */
static bool wanted(const ClassSet *s, const Class *c, uint32_t what, WireSetMember *ret) {
        const char *nice = class_value(c, CLASS_NICE), *oom = class_value(c, CLASS_OOM_SCORE_ADJUST), *files = class_value(c, CLASS_LIMIT_NOFILE);
        char *end;

        *ret = (WireSetMember) {};
        if (nice && what & WIRE_MEMBER_NICE) {
                ret->what |= WIRE_MEMBER_NICE;
                ret->nice = strtol(nice, &end, 10);
        }
        if (oom && what & WIRE_MEMBER_OOM) {
                ret->what |= WIRE_MEMBER_OOM;
                ret->oom = strtol(oom, &end, 10);
        }
        if (files && what & WIRE_MEMBER_FILES && class_value_files(files, &ret->soft, &ret->hard) >= 0) {
                ret->what |= WIRE_MEMBER_FILES;
                ret->soft = files_number(s, ret->soft);
                ret->hard = files_number(s, ret->hard);
        }
        return ret->what != 0;
}

static int ask(Broker *b, const WireSetMember *items, size_t n, WireSetMemberReply *ret) {
        struct pollfd p = { .fd = b->members_fd, .events = POLLIN };
        _Alignas(8) char buf[WIRE_SIZE_MAX];
        const WireHeader *h;
        const void *answers;

        if (b->members_fd <= 0)
                return -ENOTCONN;
        int r = channel_send(b->members_fd, WIRE_SET_MEMBER, 0, items, n, NULL, 0);
        if (r < 0)
                return r;
        do
                r = poll(&p, 1, HELPER_WAIT_MS);
        while (r < 0 && errno == EINTR);
        if (r <= 0)
                return r == 0 ? -ETIMEDOUT : -errno;
        ssize_t size = channel_receive(b->members_fd, buf, &h, &answers, NULL, NULL);
        if (size <= 0)
                return size < 0 ? (int) size : -EPIPE;
        if (h->op != (WIRE_SET_MEMBER | WIRE_REPLY) || h->count != n)
                return -EPROTO;
        memcpy(ret, answers, n * sizeof(*ret));
        return 0;
}

/* Each kind of failure is told once a class. */
static void tell(Class *c, size_t k, pid_t pid, int error) {
        if (error >= 0 || error == -ESRCH || error == -ENOENT || c->members_told & members[k].bit)
                return;
        c->members_told |= members[k].bit;
        log_warning_errno(error, "class %s: %s cannot be set for process %d", c->name, class_property_name(members[k].property), pid);
}

static void tell_all(Class *c, const WireSetMember *m, const WireSetMemberReply *reply) {
        const int errors[] = { reply->nice_error, reply->oom_error, reply->files_error };

        for (size_t k = 0; k < ELEMENTSOF(members); k++)
                if (m->what & members[k].bit)
                        tell(c, k, m->pid, errors[k]);
}

/* A helper that does not answer is of no use any more; its end ends everything, to be started again. */
static void failed(Broker *b, int error) {
        if (error == -ENOTCONN)
                return;
        log_warning_errno(error, "the member helper does not answer");
        b->members_fd = fd_close(b->members_fd);
}

static bool is_changed(const WireSetMember *now, const WireSetMember *old) {
        return (old->what & WIRE_MEMBER_NICE && old->nice != now->nice) || (old->what & WIRE_MEMBER_OOM && old->oom != now->oom) ||
               (old->what & WIRE_MEMBER_FILES && (old->soft != now->soft || old->hard != now->hard));
}

int members_enter(Broker *b, Class *c, const Process *p, uint64_t cookie, WireSetMember *ret_old) {
        WireSetMember m;
        WireSetMemberReply reply;

        *ret_old = (WireSetMember) {};
        if (b->members_fd <= 0 || !wanted(b->classes, c, UINT32_MAX, &m))
                return 0;
        int r = process_check_cookie(p, cookie);
        if (r < 0)
                return r;
        m.pid = p->pid;
        m.start = p->start;
        r = ask(b, &m, 1, &reply);
        if (r < 0) {
                failed(b, r);
                return 0;
        }
        tell_all(c, &m, &reply);
        *ret_old = (WireSetMember) {
                .pid = m.pid, .start = m.start, .nice = reply.old_nice, .oom = reply.old_oom, .soft = reply.old_soft, .hard = reply.old_hard,
                .what = (reply.nice_error < 0 ? 0 : m.what & WIRE_MEMBER_NICE) | (reply.oom_error < 0 ? 0 : m.what & WIRE_MEMBER_OOM) |
                        (reply.files_error < 0 ? 0 : m.what & WIRE_MEMBER_FILES),
        };
        return is_changed(&m, ret_old);
}

void members_restore(Broker *b, const WireSetMember *old) {
        WireSetMemberReply reply;

        if (!old->pid || !old->what)
                return;
        int r = ask(b, old, 1, &reply);
        if (r < 0)
                failed(b, r);
}

/* ---- those that are there -------------------------------------------------------------------------------------------------- */

typedef struct Batch {
        Broker *broker;
        Class *class;
        unsigned hierarchy;
        size_t n;
        WireSetMember items[WIRE_BATCH_MAX];
        WireSetMemberReply replies[WIRE_BATCH_MAX];
        Process process;
} Batch;

static void batch_flush(Batch *t) {
        int r = t->n ? ask(t->broker, t->items, t->n, t->replies) : 0;

        if (r < 0)
                failed(t->broker, r);
        for (size_t i = 0; r >= 0 && i < t->n; i++)
                tell_all(t->class, &t->items[i], &t->replies[i]);
        t->n = 0;
}

/* The number may be another's who is no member by now; he who has this start time is one. */
static bool find_start(Batch *t, pid_t pid, uint64_t *ret) {
        const Broker *b = t->broker;
        Process *p = &t->process;

        if (process_open(b->proc_fd, pid, p) < 0)
                return false;
        bool member = process_read_cgroups(p, b->hierarchies) >= 0 && p->paths[t->hierarchy] &&
                      class_by_path(b->classes, t->hierarchy, p->paths[t->hierarchy]) == t->class;
        *ret = p->start;
        process_close(p);
        return member;
}

static int add_member(pid_t pid, void *userdata) {
        Batch *t = userdata;
        WireSetMember m = t->items[WIRE_BATCH_MAX - 1]; /* the pattern, see members_apply() */

        if (!find_start(t, pid, &m.start))
                return 0;
        m.pid = pid;
        t->items[t->n++] = m;
        if (t->n == WIRE_BATCH_MAX - 1)
                batch_flush(t);
        return 0;
}

void members_apply(Broker *b, Class *c, uint32_t what) {
        _cleanup_free_ Batch *t = calloc(1, sizeof(*t));
        char path[WIRE_PATH_MAX];

        if (!t || b->members_fd <= 0 || !wanted(b->classes, c, what, &t->items[WIRE_BATCH_MAX - 1]))
                return;
        t->broker = b;
        t->class = c;
        for (unsigned h = 0; h < b->hierarchies->n; h++) {
                if (!(c->hierarchies & 1u << h))
                        continue;
                t->hierarchy = h;
                class_members_path(b->classes, c, h, path, sizeof(path));
                (void) cgroupfs_each_member(b->hierarchies->items[h].mount_fd, path, add_member, t);
        }
        batch_flush(t);
}

void members_apply_all(Broker *b) {
        for (size_t i = 0; i < b->classes->n; i++) {
                Class *c = b->classes->items[i];
                if (c->live && !(c->def->is_template && c->template_index == WIRE_NONE))
                        members_apply(b, c, UINT32_MAX);
        }
}
