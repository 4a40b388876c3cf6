/* A journal of lines "PID COOKIE RULE CLASS", where "?" is nothing noted and "." no class. */
#include "daemon/marks.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include "common/fd.h"
#include "common/kept.h"
#include "common/log.h"
#include "daemon/internal.h"
#include "daemon/procident.h"

#define MARKS_FILE "marks"
#define MARKS_NEW "marks.new"
#define MARKS_SIZE_MAX (16u << 20)
#define LINES_KEPT 4096 /* so many more than there are processes before the file is written anew */
#define LINE_MAX_SIZE 512

typedef struct Mark {
        uint64_t cookie;
        char *rule; /* NULL: not sticky */
        char *born; /* NULL: not noted */
} Mark;

static Mark *mark_free(Mark *k) {
        if (!k)
                return NULL;
        free(k->rule);
        free(k->born);
        free(k);
        return NULL;
}
DEFINE_CLEANUP(Mark *, mark_free)

static void drop_old(Marks *s) {
        size_t i = 0;
        Mark *k;

        while (s->old && (k = map_next_u64(s->old, &i, NULL)))
                mark_free(k);
        s->old = map_free(s->old);
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

/* A line that was cut or damaged is left out, and counted. */
static int take_line(Marks *s, char *line) {
        char rule[RULE_NAME_MAX + 1], born[WIRE_TEXT_MAX];
        uint64_t cookie;
        int pid;

        if (!kept_unseal(line, s->boot_id) || strlen(line) >= LINE_MAX_SIZE || sscanf(line, "%d %" SCNx64 " %128s %255s", &pid, &cookie, rule, born) != 4 || pid <= 0) {
                s->damaged++;
                return 0;
        }
        _cleanup_(mark_freep) Mark *k = calloc(1, sizeof(*k));
        if (!k)
                return -ENOMEM;
        k->cookie = cookie;
        if (!streq(rule, "?") && !(k->rule = strdup(rule)))
                return -ENOMEM;
        if (!streq(born, "?") && !(k->born = strdup(streq(born, ".") ? "" : born)))
                return -ENOMEM;
        mark_free(map_remove_u64(s->old, (uint64_t) pid)); /* a later line is the newer one */
        int r = map_put_u64(s->old, (uint64_t) pid, k);
        if (r >= 0)
                TAKE_PTR(k);
        return r;
}

/* 1 = of another boot, as the first line says. If that one is damaged, each of the others knows. */
static int take_text(Marks *s, char *text) {
        char *line = strsep(&text, "\n");
        KeptBoot boot = kept_boot(line, s->boot_id);

        if (boot == KEPT_OTHER_BOOT)
                return 1;
        s->damaged = boot == KEPT_DAMAGED;
        int r = map_new_u64(&s->old);
        for (s->lines = 1; r >= 0 && (line = strsep(&text, "\n")); s->lines++)
                if (*line)
                        r = take_line(s, line);
        return r;
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

static int format_mark(const Marks *s, const Process *p, char buf[static LINE_MAX_SIZE]) {
        int n = snprintf(buf, LINE_MAX_SIZE - 16, "%d %" PRIx64 " %s %s", (int) p->pid, p->cookie, p->sticky ? rule_name(p->rule) : "?",
                         !p->born ? "?" : *p->born ? p->born : ".");

        if (n >= LINE_MAX_SIZE - 16)
                return -ENAMETOOLONG;
        return kept_seal(buf, n, s->boot_id);
}

static bool is_noted(const Process *p) {
        return p->cookie != 0 && ((p->sticky && p->rule) || (p->born && p->rule && rule_facts(p->rule) & FACT_BIT(FACT_PARENT_CLASS)));
}

static void give_up(Marks *s, int error) {
        log_warning_errno(error, "Cannot keep in the state directory which processes are sticky; a restart will judge them anew");
        s->fd = fd_close(s->fd);
        s->failed = true;
}

static int append(Marks *s, const char *line, int n) {
        ssize_t k;

        do
                k = write(s->fd, line, (size_t) n);
        while (k < 0 && errno == EINTR);
        if (k != n)
                return k < 0 ? -errno : -ENOSPC;
        s->lines++;
        return 0;
}

/* The whole file anew, of the processes in the table. */
static int rewrite(Manager *m) {
        Marks *s = &m->marks, fresh = { .fd = openat(store_dir(m->store), MARKS_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600) };
        char line[LINE_MAX_SIZE];
        size_t i = 0;
        Process *p;
        int r = fresh.fd < 0 ? -errno : append(&fresh, line, kept_begin(line, sizeof(line), s->boot_id));

        while (r >= 0 && (p = proctable_next(m->table, &i)))
                if (is_noted(p) && (r = format_mark(s, p, line)) >= 0)
                        r = append(&fresh, line, r);
        if (r >= 0 && renameat(store_dir(m->store), MARKS_NEW, store_dir(m->store), MARKS_FILE) < 0)
                r = -errno;
        if (r < 0) {
                fd_close(fresh.fd);
                return r;
        }
        fd_close(s->fd);
        s->fd = fresh.fd;
        s->lines = fresh.lines;
        return 0;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

/* What was noted stays in the file until a pass has seen everybody. A line that was cut must not take the next one with it. */
static int go_on(Manager *m, bool cut) {
        Marks *s = &m->marks;

        s->fd = openat(store_dir(m->store), MARKS_FILE, O_WRONLY | O_APPEND | O_CLOEXEC);
        return s->fd < 0 ? -errno : cut ? append(s, "\n", 1) : 0;
}

int marks_open(Manager *m) {
        _cleanup_free_ char *text = NULL;
        Marks *s = &m->marks;
        size_t size;
        int r = procident_boot_id(&m->reader, s->boot_id);

        if (r >= 0)
                r = kept_read_journal(store_dir(m->store), MARKS_FILE, MARKS_SIZE_MAX, &text, &size);
        if (r >= 0) {
                bool cut = size > 0 && text[size - 1] != '\n';
                r = take_text(s, text);
                if (r < 0)
                        return r;
                r = r > 0 ? 0 : go_on(m, cut);
        }
        if (r < 0 && r != -ENOENT)
                give_up(s, r);
        if (s->damaged > 0)
                m->losses.how[LOSS_MARKS] = KEPT_LOST;
        if (s->damaged > 0)
                log_warning("%zu lines about sticky processes are damaged in the state directory: whom they were about is judged anew", s->damaged);
        return 0;
}

void marks_done(Manager *m) {
        m->marks.fd = fd_close(m->marks.fd);
        drop_old(&m->marks);
}

void marks_note(Manager *m, const Process *p) {
        Marks *s = &m->marks;
        char line[LINE_MAX_SIZE];
        int r;

        if (s->failed || !is_noted(p))
                return;
        if (s->fd < 0) { /* the first one of this boot is among those in the table */
                r = rewrite(m);
        } else {
                r = format_mark(s, p, line);
                if (r > 0)
                        r = append(s, line, r);
        }
        if (r < 0)
                give_up(s, r);
}

void marks_stick(Manager *m, Process *p) {
        if (p->sticky || !p->rule || !rule_is_sticky(p->rule) || (p->parent && !p->own))
                return;
        p->sticky = true;
        marks_note(m, p);
}

void marks_restore(Manager *m, Process *p) {
        const Mark *k = m->marks.old ? map_get_u64(m->marks.old, (uint64_t) p->pid) : NULL;
        const RuleEntry *e;

        if (!k || k->cookie != p->cookie)
                return;
        e = k->rule ? ruleset_find(m->rules->current, k->rule) : NULL;
        if (e && e->active && rule_is_sticky(e->rule)) {
                process_set_rule(p, e->rule);
                p->sticky = true;
                p->inherited = false;
        }
        if (k->born && process_set_born(p, k->born) < 0)
                scan_request_later(m);
}

void marks_tidy(Manager *m) {
        Marks *s = &m->marks;
        bool first = s->old != NULL;

        drop_old(s);
        if (s->fd >= 0 && ((first && s->lines > 0) || s->lines > LINES_KEPT + proctable_size(m->table))) {
                int r = rewrite(m);
                if (r < 0)
                        give_up(s, r);
        }
}
