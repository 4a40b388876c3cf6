/* Lines of marks: "PID COOKIE RULE CLASS CHECKSUM", where "?" is nothing noted and "." no class. The first line names the boot. */
#include "daemon/marks.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include "common/fd.h"
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

/* FNV-1a, 32 bits: for damage, not for forgers. */
static uint32_t line_sum(const char *line, size_t n) {
        uint32_t sum = 0x811c9dc5u;

        for (size_t i = 0; i < n; i++)
                sum = (sum ^ (unsigned char) line[i]) * 0x01000193u;
        return sum;
}

static int boot_line(Manager *m, char *buf, size_t size) {
        char id[BOOT_ID_SIZE];
        int r = procident_boot_id(&m->reader, id);

        return r < 0 ? r : snprintf(buf, size, "boot %s\n", id);
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

static int take_line(Marks *s, const char *line) {
        char rule[RULE_NAME_MAX + 1], born[WIRE_TEXT_MAX];
        uint64_t cookie;
        uint32_t sum;
        int pid, end;

        if (strlen(line) >= LINE_MAX_SIZE || sscanf(line, "%d %" SCNx64 " %128s %255s%n %8" SCNx32, &pid, &cookie, rule, born, &end, &sum) != 5)
                return 0;
        if (pid <= 0 || line_sum(line, (size_t) end) != sum)
                return 0;
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

static int take_text(Marks *s, char *text) {
        int r = map_new_u64(&s->old);

        for (char *line = text, *end; r >= 0 && *line; line = end) {
                end = strchrnul(line, '\n');
                if (*end)
                        *end++ = '\0';
                s->lines++;
                r = take_line(s, line);
        }
        return r;
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

static int format_mark(const Process *p, char buf[static LINE_MAX_SIZE]) {
        int n = snprintf(buf, LINE_MAX_SIZE - 16, "%d %" PRIx64 " %s %s", (int) p->pid, p->cookie, p->sticky ? rule_name(p->rule) : "?",
                         !p->born ? "?" : *p->born ? p->born : ".");

        if (n >= LINE_MAX_SIZE - 16)
                return -ENAMETOOLONG;
        return n + sprintf(buf + n, " %08" PRIx32 "\n", line_sum(buf, (size_t) n));
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
        int r = fresh.fd < 0 ? -errno : boot_line(m, line, sizeof(line));

        if (r >= 0)
                r = append(&fresh, line, r);
        while (r >= 0 && (p = proctable_next(m->table, &i)))
                if (is_noted(p) && (r = format_mark(p, line)) >= 0)
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

int marks_open(Manager *m) {
        _cleanup_free_ char *text = NULL;
        Marks *s = &m->marks;
        char boot[128];
        size_t size;
        int r = boot_line(m, boot, sizeof(boot));

        if (r >= 0)
                r = fd_read_file(store_dir(m->store), MARKS_FILE, MARKS_SIZE_MAX, &text, &size);
        const char *rest = r >= 0 ? startswith(text, boot) : NULL;
        if (rest) {
                r = take_text(s, text + (rest - text));
                if (r < 0)
                        return r;
                s->fd = openat(store_dir(m->store), MARKS_FILE, O_WRONLY | O_APPEND | O_CLOEXEC);
                /* A line that was cut must not take the next one with it. */
                r = s->fd < 0 ? -errno : size > 0 && text[size - 1] ? append(s, "\n", 1) : 0;
        }
        if (r < 0 && r != -ENOENT)
                give_up(s, r);
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
                r = format_mark(p, line);
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
