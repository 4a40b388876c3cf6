/* Origin records. One line a process and hierarchy: checksum, pid, start time, cookie, hierarchy, path to the end of the line. */
#include "broker/origins.h"

#include <fcntl.h>
#include <stdio.h>

#include "broker/process.h"
#include "common/fd.h"
#include "common/map.h"

#define FILE_MAX (64 * 1024 * 1024)
#define RECORDS_MAX 262144
#define SUM_SIZE 8
#define LINE_MAX_BYTES (WIRE_PATH_MAX + WIRE_TEXT_MAX + 80 + SUM_SIZE + 1)

struct Origins {
        int dirfd, proc_fd, file_fd;
        const HierarchySet *hierarchies;
        PlaceTable *places;
        char boot_id[64];
        Map *records;      /* by pid */
        size_t lines;      /* in the file */
        char pending[4 * LINE_MAX_BYTES]; /* lines that are not in the file yet; mostly those of one process */
        size_t n_pending;
        size_t damaged;    /* lines that were left out when it was read */
        size_t live_lines; /* when it was last written anew */
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

/* FNV-1a, 32 bits: for damage, not for forgers, who would have to be root. */
static uint32_t line_sum(const char *line) {
        uint32_t sum = 0x811c9dc5u;

        for (; *line && *line != '\n'; line++)
                sum = (sum ^ (unsigned char) *line) * 0x01000193u;
        return sum;
}

static int format_line(const Origins *o, const OriginRecord *r, unsigned hierarchy, char *buf, size_t size) {
        int n = snprintf(buf, size, "%08x %d %llu %llu %s %s\n", 0u, r->pid, (unsigned long long) r->start, (unsigned long long) r->cookie,
                         hierarchy_name(&o->hierarchies->items[hierarchy]), place_path(o->places, r->origin[hierarchy], NULL));
        char sum[SUM_SIZE + 1];

        snprintf(sum, sizeof(sum), "%08x", line_sum(buf + SUM_SIZE + 1));
        memcpy(buf, sum, SUM_SIZE);
        return n;
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
        FILE *f = open_memstream(ret, ret_size);

        if (!f)
                return -ENOMEM;
        fprintf(f, "boot %s\n", o->boot_id);
        for (size_t i = 0; (r = origins_next(o, &i));)
                for (unsigned h = 0; h < o->hierarchies->n; h++)
                        if (wire_place(r->origin[h]) != WIRE_NONE) {
                                format_line(o, r, h, line, sizeof(line));
                                fputs(line, f);
                                lines++;
                        }
        *ret_lines = lines;
        return fclose(f) == 0 ? 0 : -ENOMEM;
}

int origins_compact(Origins *o) {
        _cleanup_free_ char *text = NULL;
        size_t size, lines;

        drop_dead(o);
        o->n_pending = 0; /* they are among all */
        int r = format_all(o, &text, &size, &lines);
        if (r >= 0)
                r = fd_replace_file(o->dirfd, ORIGINS_FILE, text, size, 0600);
        if (r < 0)
                return r;
        int fd = openat(o->dirfd, ORIGINS_FILE, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        fd_close(o->file_fd);
        o->file_fd = fd;
        o->lines = o->live_lines = lines;
        return 0;
}

int origins_flush(Origins *o) {
        size_t n = o->n_pending;

        o->n_pending = 0; /* what cannot be written now is not tried again: the next compaction has it */
        return n > 0 ? fd_write_all(o->file_fd, o->pending, n) : 0;
}

static int append_line(Origins *o, const OriginRecord *r, unsigned hierarchy) {
        int k = 0;

        if (o->lines >= 2 * o->live_lines + ORIGINS_SLACK)
                return origins_compact(o); /* writes the new one too */
        if (sizeof(o->pending) - o->n_pending < LINE_MAX_BYTES)
                k = origins_flush(o);
        o->lines++;
        o->n_pending += format_line(o, r, hierarchy, o->pending + o->n_pending, LINE_MAX_BYTES);
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

/* The rest of a line that fits its checksum, or NULL. */
static const char *believed(const char *line) {
        char sum[SUM_SIZE + 1];

        if (strlen(line) <= SUM_SIZE || line[SUM_SIZE] != ' ')
                return NULL;
        snprintf(sum, sizeof(sum), "%08x", line_sum(line + SUM_SIZE + 1));
        return strncmp(line, sum, SUM_SIZE) == 0 ? line + SUM_SIZE + 1 : NULL;
}

/* A line that is damaged or cut short by a full disk is left out, and counted: a wrong origin would be a wrong way back. */
static int parse_line(Origins *o, const char *line) {
        unsigned long long start, cookie;
        char name[256];
        int pid, n = 0;
        unsigned hierarchy;
        uint32_t place;
        OriginRecord *r;

        line = believed(line);
        if (!line) {
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

static int read_back(Origins *o) {
        _cleanup_free_ char *text = NULL;
        char *save = NULL;
        int r = fd_read_file(o->dirfd, ORIGINS_FILE, FILE_MAX, &text, NULL);

        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r == -EFBIG ? 1 : r; /* what cannot be read now may be readable at the next start: it is not written over */
        const char *boot = strtok_r(text, "\n", &save);
        boot = boot ? startswith(boot, "boot ") : NULL;
        if (!boot || !streq(boot, o->boot_id))
                return 1;
        for (char *line; (line = strtok_r(NULL, "\n", &save));) {
                r = parse_line(o, line);
                if (r < 0)
                        return r;
        }
        return 0;
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
