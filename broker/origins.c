/* Origin records. A journal of one line a process and hierarchy: pid, start time, cookie, hierarchy, path. data/pclass-drain.in reads it, too. */
#include "broker/origins.h"

#include <fcntl.h>
#include <stdio.h>

#include "broker/process.h"
#include "common/fd.h"
#include "common/kept.h"
#include "common/log.h"
#include "common/map.h"
#include "common/textstream.h"

#define RECORDS_MAX 262144
#define LINE_MAX_BYTES (WIRE_PATH_MAX + WIRE_TEXT_MAX + 80 + KEPT_SUM_SIZE)

struct Origins {
        int dirfd, proc_fd, file_fd;
        const HierarchySet *hierarchies;
        PlaceTable *places;
        char boot_id[64];
        Map *records;      /* by pid */
        size_t lines;      /* in the file */
        char pending[4 * LINE_MAX_BYTES]; /* lines that are not in the file yet; mostly those of one process */
        size_t n_pending;
        bool torn;         /* the last line of the file may be half a one */
        size_t damaged;    /* lines that were left out when it was read */
        size_t lines_max;  /* with so many it is written anew */
        bool stuck;        /* that failed, which was told */
};

Origins *origins_free(Origins *o) {
        OriginRecord *r;

        if (!o)
                return NULL;
        for (size_t i = 0; o->records && (r = map_next_u64(o->records, &i, NULL));)
                free(r);
        map_free(o->records);
        fd_close(o->file_fd);
        free(o);
        return NULL;
}

OriginRecord *origins_find(const Origins *o, pid_t pid, uint64_t start) {
        OriginRecord *r = map_get_u64(o->records, pid);

        return r && r->start == start ? r : NULL;
}

size_t origins_damaged(const Origins *o) {
        return o->damaged;
}

size_t origins_count(const Origins *o) {
        return map_size(o->records);
}

OriginRecord *origins_next(const Origins *o, size_t *iterator) {
        return map_next_u64(o->records, iterator, NULL);
}

static int record_new(Origins *o, pid_t pid, uint64_t start, uint64_t cookie, OriginRecord **ret) {
        OriginRecord *r = map_get_u64(o->records, pid);

        if (!r) {
                if (map_size(o->records) >= RECORDS_MAX)
                        return -ENOSPC;
                r = calloc(1, sizeof(*r));
                int e = r ? map_put_u64(o->records, pid, r) : -ENOMEM;
                if (e < 0) {
                        free(r);
                        return e;
                }
        }
        *r = (OriginRecord) { .pid = pid, .start = start, .cookie = cookie };
        for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                r->origin[h] = (uint16_t) WIRE_NONE;
        *ret = r;
        return 0;
}

static int record_set(Origins *o, pid_t pid, uint64_t start, uint64_t cookie, unsigned hierarchy, uint32_t place, OriginRecord **ret) {
        OriginRecord *r = origins_find(o, pid, start);

        if (!r) {
                int e = record_new(o, pid, start, cookie, &r);
                if (e < 0)
                        return e;
        }
        *ret = r;
        if (wire_place(r->origin[hierarchy]) != WIRE_NONE)
                return 0;
        r->origin[hierarchy] = place;
        return 1;
}

/* ---- the file --------------------------------------------------------------------------------------------------------- */

static int format_line(const Origins *o, const OriginRecord *r, unsigned hierarchy, char buf[static LINE_MAX_BYTES]) {
        int n = snprintf(buf, LINE_MAX_BYTES - KEPT_SUM_SIZE, "%d %llu %llu %s %s", r->pid, (unsigned long long) r->start, (unsigned long long) r->cookie,
                         hierarchy_name(&o->hierarchies->items[hierarchy]), place_path(o->places, r->origin[hierarchy], NULL));

        return kept_seal(buf, n, o->boot_id);
}

/* Whom nobody could look at, for want of a descriptor or of memory, is not dead for that. */
static bool is_alive(const Origins *o, const OriginRecord *r) {
        _cleanup_free_ Process *p = malloc(sizeof(*p));
        int e = p ? process_open(o->proc_fd, r->pid, p) : -ENOMEM;

        if (e < 0)
                return e != -ESRCH;
        process_close(p);
        return p->start == r->start && !p->dead;
}

static void drop_dead(Origins *o) {
        OriginRecord *r;

        for (size_t i = 0; (r = origins_next(o, &i));)
                if (!is_alive(o, r)) {
                        map_remove_u64(o->records, r->pid);
                        free(r);
                }
}

static int format_all(Origins *o, char **ret, size_t *ret_size, size_t *ret_lines) {
        char line[LINE_MAX_BYTES];
        OriginRecord *r;
        size_t lines = 0;
        TextStream stream;
        FILE *f = text_stream_open(&stream);

        if (!f)
                return -ENOMEM;
        kept_begin(line, sizeof(line), o->boot_id);
        fputs(line, f);
        for (size_t i = 0; (r = origins_next(o, &i));)
                for (unsigned h = 0; h < o->hierarchies->n; h++)
                        if (wire_place(r->origin[h]) != WIRE_NONE) {
                                format_line(o, r, h, line);
                                fputs(line, f);
                                lines++;
                        }
        *ret_lines = lines;
        return text_stream_close(&stream, ret, ret_size);
}

int origins_compact(Origins *o) {
        _cleanup_free_ char *text = NULL;
        size_t size, lines;

        drop_dead(o);
        int r = format_all(o, &text, &size, &lines);
        if (r >= 0)
                r = fd_replace_file(o->dirfd, ORIGINS_FILE, text, size, 0600);
        fd_close(o->file_fd);
        o->file_fd = openat(o->dirfd, ORIGINS_FILE, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC); /* the old one, if that failed */
        if (r >= 0 && o->file_fd < 0)
                r = -errno;
        if (r < 0)
                return r;
        o->n_pending = 0; /* they are among all */
        o->torn = o->stuck = false;
        o->lines = lines;
        o->lines_max = 2 * lines + ORIGINS_SLACK;
        return 0;
}

int origins_flush(Origins *o) {
        size_t n = o->n_pending;

        o->n_pending = 0; /* what cannot be written now is not tried again: the next compaction has it */
        if (n == 0)
                return 0;
        int r = o->torn ? fd_write_all(o->file_fd, "\n", 1) : 0;
        if (r >= 0)
                r = fd_write_all(o->file_fd, o->pending, n);
        o->torn = r < 0;
        return r;
}

/* It takes a look at every process and room for a second file: what failed is not tried again at once, and the old file goes on. */
static bool compact_if_due(Origins *o) {
        int r = o->lines >= o->lines_max ? origins_compact(o) : -EAGAIN;

        if (r < 0 && r != -EAGAIN) {
                if (!o->stuck)
                        log_warning_errno(r, "the file of origins cannot be written anew, and grows meanwhile");
                o->stuck = true;
                if (o->file_fd >= 0)
                        o->lines_max = o->lines + ORIGINS_SLACK;
        }
        return r >= 0;
}

static int append_line(Origins *o, const OriginRecord *record, unsigned hierarchy) {
        const OriginRecord r = *record; /* may be one of the dead that a compaction drops */
        int k = 0;

        if (compact_if_due(o))
                return 0; /* wrote the new one too */
        if (sizeof(o->pending) - o->n_pending < LINE_MAX_BYTES)
                k = origins_flush(o);
        o->lines++;
        o->n_pending += format_line(o, &r, hierarchy, o->pending + o->n_pending);
        return k;
}

/* ---- reading it back --------------------------------------------------------------------------------------------------- */

static int hierarchy_named(const HierarchySet *set, const char *name, unsigned *ret) {
        for (unsigned h = 0; h < set->n; h++)
                if (streq(hierarchy_name(&set->items[h]), name)) {
                        *ret = h;
                        return 0;
                }
        return -ENOENT;
}

/* A line that is damaged or cut short by a full disk is left out, and counted: a wrong origin would be a wrong way back. */
static int parse_line(Origins *o, char *line) {
        unsigned long long start, cookie;
        char name[256];
        int pid, n = 0;
        unsigned hierarchy;
        uint32_t place;
        OriginRecord *r;

        if (!kept_unseal(line, o->boot_id)) {
                o->damaged++;
                return 0;
        }
        if (sscanf(line, "%d %llu %llu %255s %n", &pid, &start, &cookie, name, &n) != 4 || n == 0 || line[n] != '/')
                return 0;
        if (pid <= 0 || hierarchy_named(o->hierarchies, name, &hierarchy) < 0)
                return 0;
        int e = place_intern(o->places, hierarchy, line + n, &place);
        if (e >= 0)
                e = record_set(o, pid, start, cookie, hierarchy, place, &r);
        if (e >= 0)
                r->origin[hierarchy] = place; /* a later line is a newer origin */
        return e == -ENOMEM ? e : 0;
}

/* 1 = of another boot, as its first line says. If that one is damaged, each of the others knows. */
static int read_back(Origins *o) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = kept_read_journal(o->dirfd, ORIGINS_FILE, KEPT_SIZE_MAX, &text, &size);

        if (r == -ENOENT)
                return 0;
        o->damaged = r == -EFBIG;
        if (r < 0)
                return r == -EFBIG ? 0 : r; /* what cannot be read now may be readable at the next start: it is not written over */
        char *rest = text, *line = strsep(&rest, "\n");
        KeptBoot boot = kept_boot(line, o->boot_id);
        if (boot == KEPT_OTHER_BOOT)
                return 1;
        o->damaged = boot == KEPT_DAMAGED;
        while (r >= 0 && (line = strsep(&rest, "\n")))
                if (*line)
                        r = parse_line(o, line);
        return r;
}

int origins_open(int dirfd, int proc_fd, const HierarchySet *hierarchies, PlaceTable *places, const char *boot_id, Origins **ret) {
        _cleanup_(origins_freep) Origins *o = calloc(1, sizeof(*o));

        if (!o)
                return -ENOMEM;
        *o = (Origins) { .dirfd = dirfd, .proc_fd = proc_fd, .file_fd = -EBADF, .hierarchies = hierarchies, .places = places };
        snprintf(o->boot_id, sizeof(o->boot_id), "%s", boot_id);
        int r = map_new_u64(&o->records);
        if (r < 0)
                return r;
        int foreign = read_back(o);
        r = foreign < 0 ? foreign : origins_compact(o);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return foreign;
}

int origins_add(Origins *o, pid_t pid, uint64_t start, uint64_t cookie, unsigned hierarchy, uint32_t place, OriginRecord **ret) {
        int r = record_set(o, pid, start, cookie, hierarchy, place, ret);

        if (r == -ENOSPC) { /* full of dead ones? */
                (void) origins_compact(o);
                r = record_set(o, pid, start, cookie, hierarchy, place, ret);
        }
        if (r == 1) {
                r = append_line(o, *ret, hierarchy) < 0 ? -EIO : 0;
                *ret = origins_find(o, pid, start); /* the file may have been cleared of the dead, and the process be one */
        }
        return r;
}

void origins_forget(Origins *o, pid_t pid, uint64_t start, unsigned hierarchy) {
        OriginRecord *r = origins_find(o, pid, start);

        if (!r)
                return;
        r->origin[hierarchy] = (uint16_t) WIRE_NONE;
        for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                if (wire_place(r->origin[h]) != WIRE_NONE)
                        return;
        map_remove_u64(o->records, pid);
        free(r);
}
