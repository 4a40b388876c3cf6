/* Applying limits to classes. */
#include "broker/classlimits.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <unistd.h>

#include "broker/cgroupfs.h"
#include "broker/members.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/str.h"

#define WHY_MAX 200

static bool is_template(const Class *c) {
        return c->def->is_template && c->template_index == WIRE_NONE;
}

const char *class_value(const Class *c, ClassProperty p) {
        return c->tuned[p] ? c->tuned[p] : c->def->properties[p];
}

_printf_(2, 3) static void note_failure(ClassNote *n, const char *format, ...) {
        va_list ap;

        *n = (ClassNote) { .set = true };
        va_start(ap, format);
        vsnprintf(n->text, sizeof(n->text), format, ap);
        va_end(ap);
}

/* ---- the machine ------------------------------------------------------------------------------------------------------ */

static uint64_t read_number(const char *path, const char *key) {
        char text[8192];
        unsigned long long v;

        if (fd_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
                return 0;
        const char *at = *key ? strstr(text, key) : text;
        return (at && sscanf(at + strlen(key), " %llu", &v) == 1) ? v : 0;
}

void class_scale_read(ClassScale *ret) {
        long asked = sysconf(_SC_PAGESIZE), page = asked > 0 ? asked : 4096;
        uint64_t pids = read_number("/proc/sys/kernel/pid_max", ""), threads = read_number("/proc/sys/kernel/threads-max", "");
        uint64_t tasks = MIN(pids, threads);

        *ret = (ClassScale) {
                .page = page,
                .memory = read_number("/proc/meminfo", "MemTotal:") * 1024,
                .swap = read_number("/proc/meminfo", "SwapTotal:") * 1024,
                .tasks = tasks,
                .files = read_number("/proc/sys/fs/nr_open", ""),
        };
}

/* ---- where -------------------------------------------------------------------------------------------------------------- */

/* v1's freezer only if the class was put there by name: it holds on to frozen processes in ways that cgroup.freeze does not. */
static int freeze_hierarchy(const ClassSet *s, const Class *c, unsigned *ret) {
        unsigned i;

        if (hierarchy_find(s->hierarchies, "freezer", &i) >= 0 && s->hierarchies->items[i].version == 1 && c->hierarchies & 1u << i) {
                *ret = i;
                return 0;
        }
        return hierarchy_find(s->hierarchies, "cgroup2", ret);
}

int class_limit_hierarchy(const ClassSet *s, const Class *c, ClassProperty p, unsigned *ret) {
        unsigned i;
        int r = p == CLASS_FREEZE ? freeze_hierarchy(s, c, &i) : limit_hierarchy(s->hierarchies, p, &i);

        if (r < 0 || !(c->hierarchies & 1u << i))
                return -ENOENT;
        *ret = i;
        return 0;
}

/* ---- one property ------------------------------------------------------------------------------------------------------ */

/* The value of the nearest class above that has one, or what the class root has. */
static int inherited(const ClassSet *s, const Class *c, ClassProperty p, const Hierarchy *h, char *buf, size_t size) {
        char name[CLASS_NAME_MAX + 1];

        strcpy(name, c->name);
        for (char *slash; (slash = strrchr(name, '/'));) {
                *slash = '\0';
                const Class *parent = map_get_string(s->by_name, name);
                const char *value = parent ? class_value(parent, p) : NULL;
                if (value)
                        return (size_t) snprintf(buf, size, "%s", value) < size ? 0 : -ENAMETOOLONG;
        }
        ssize_t n = cgroupfs_read(h->mount_fd, h->root, limit_file(p, h->version), buf, size);
        return MIN(n, (ssize_t) 0);
}

typedef struct Place {
        LimitTarget target;
        const char *values[_CLASS_PROPERTY_N];
        char path[WIRE_PATH_MAX], fallback[CLASS_VALUE_MAX + 1];
} Place;

static void place_init(const ClassSet *s, const Class *c, unsigned i, Place *ret) {
        const Hierarchy *h = &s->hierarchies->items[i];
        const Class *owner = c->template_index == WIRE_NONE ? c : s->items[c->template_index];

        class_path(s, c, i, ret->path, sizeof(ret->path));
        for (ClassProperty p = 0; p < _CLASS_PROPERTY_N; p++)
                ret->values[p] = class_value(c, p);
        ret->target = (LimitTarget) {
                .mount_fd = h->mount_fd, .version = h->version, .path = ret->path, .values = ret->values, .scale = &s->scale,
                .devices = owner->devices, .n_devices = owner->n_devices,
        };
}

/* How many levels d lies below c; 0: it does not. */
static unsigned depth_below(const Class *c, const Class *d) {
        size_t n = strlen(c->name);
        unsigned depth = 0;

        if (strncmp(d->name, c->name, n) == 0 && d->name[n] == '/')
                for (const char *p = d->name + n; p; p = strchr(p + 1, '/'))
                        depth++;
        return depth;
}

/* True when neither the class d nor one between it and c, which is `depth` levels above, says anything about the property. */
static bool follows(const ClassSet *s, const Class *d, unsigned depth, ClassProperty p) {
        char name[CLASS_NAME_MAX + 1];

        if (class_value(d, p))
                return false;
        for (snprintf(name, sizeof(name), "%s", d->name); depth > 1; depth--) {
                *strrchr(name, '/') = '\0';
                const Class *between = map_get_string(s->by_name, name);
                if (between && class_value(between, p))
                        return false;
        }
        return true;
}

/* Classes below that say nothing themselves have what it has. */
static void write_below(const ClassSet *s, const Class *c, ClassProperty p, unsigned i, const char *value, bool deepest_first) {
        const Hierarchy *h = &s->hierarchies->items[i];
        unsigned deepest = 0;
        char path[WIRE_PATH_MAX];

        for (size_t n = 0; n < s->n; n++)
                deepest = MAX(deepest, depth_below(c, s->items[n]));
        for (unsigned k = 1; k <= deepest; k++)
                for (size_t n = 0; n < s->n; n++) {
                        const Class *d = s->items[n];
                        unsigned depth = deepest_first ? deepest + 1 - k : k;
                        if (!d->live || is_template(d) || !(d->hierarchies & 1u << i) || depth_below(c, d) != depth || !follows(s, d, depth, p))
                                continue;
                        class_path(s, d, i, path, sizeof(path));
                        (void) cgroupfs_write(h->mount_fd, path, limit_file(p, h->version), value); /* what is not there has none */
                }
}

/* A v1 cpuset holds all that those below it hold: they are widened from the top and narrowed from the bottom. */
static int write_list(const ClassSet *s, const Class *c, ClassProperty p, unsigned i, Place *place, char *why, size_t size) {
        const char *value = place->values[p] ? place->values[p] : place->fallback, *file = limit_file(p, 1);
        char have[CLASS_VALUE_MAX + 1], both[2 * CLASS_VALUE_MAX + 3];
        int mount_fd = s->hierarchies->items[i].mount_fd;
        ssize_t n = cgroupfs_read(mount_fd, place->path, file, have, sizeof(have));

        if (n < 0) /* without it there is no way back, and those below would be left out */
                return (int) n;
        snprintf(both, sizeof(both), "%s,%s", n > 0 ? have : value, value);
        if (n > 0 && cgroupfs_write(mount_fd, place->path, file, both) >= 0)
                write_below(s, c, p, i, both, false);
        write_below(s, c, p, i, value, true);
        int r = limit_write(&place->target, p, why, size);
        if (r < 0 && n > 0) {
                write_below(s, c, p, i, have, true);
                (void) cgroupfs_write(mount_fd, place->path, file, have);
        }
        return r;
}

static int write_limit(const ClassSet *s, const Class *c, ClassProperty p, unsigned i, char *why, size_t size) {
        _cleanup_free_ Place *place = malloc(sizeof(*place));
        const Hierarchy *h = &s->hierarchies->items[i];
        int r;

        if (!place)
                return -ENOMEM;
        place_init(s, c, i, place);
        if (h->version == 1 && class_property_is_list(p) && !class_value(c, p)) {
                r = inherited(s, c, p, h, place->fallback, sizeof(place->fallback));
                if (r < 0)
                        return r;
                place->target.fallback = place->fallback;
        }
        if (h->version == 1 && class_property_is_list(p) && class_has_children(s, c))
                return write_list(s, c, p, i, place, why, size);
        return limit_write(&place->target, p, why, size);
}

int class_write_limit(const ClassSet *s, const Class *c, ClassProperty p, char *why, size_t size) {
        unsigned i;
        int r = class_limit_hierarchy(s, c, p, &i);

        snprintf(why, size, "%s", r < 0 ? "the class does not exist where that would be written" : "it cannot be written");
        return r < 0 ? r : write_limit(s, c, p, i, why, size);
}

void class_note_limit(const ClassSet *s, Class *c, ClassProperty p) {
        _cleanup_free_ Place *place = malloc(sizeof(*place));
        ClassNote *note = &c->notes[p];
        unsigned i;

        if (!class_value(c, p)) {
                *note = (ClassNote) {};
                return;
        }
        int r = place ? class_limit_hierarchy(s, c, p, &i) : -ENOMEM;
        if (r >= 0) {
                place_init(s, c, i, place);
                *note = (ClassNote) { .set = true, .supported = true };
                r = limit_read(&place->target, p, note->text, sizeof(note->text));
        }
        if (r < 0)
                note_failure(note, "read: %s", strerror(-r));
}

/* ---- a class ------------------------------------------------------------------------------------------------------------ */

/* On v2 every cgroup above the class has to hand the controller down. */
static int enable_controller(const ClassSet *s, const Class *c, const char *controller, unsigned i) {
        const Hierarchy *h = &s->hierarchies->items[i];
        char parent[WIRE_PATH_MAX];

        if (h->version != 2 || !controller)
                return 0;
        class_path(s, c, i, parent, sizeof(parent));
        *strrchr(parent, '/') = '\0';
        return cgroupfs_enable(h->mount_fd, parent, controller);
}

/* Why a property that is wanted cannot be had; false: it can. */
static bool refuse(const ClassSet *s, const Class *c, ClassProperty p, ClassNote *note) {
        unsigned i;

        if (p == CLASS_FREEZE) {
                if (class_limit_hierarchy(s, c, p, &i) >= 0)
                        return false;
                note_failure(note, "without cgroup2 this needs freezer in the Hierarchies= of the class");
                return true;
        }
        if (limit_hierarchy(s->hierarchies, p, &i) < 0) {
                note_failure(note, "controller %s is not available in any hierarchy", limit_controller(p, 2));
                return true;
        }
        const Hierarchy *h = &s->hierarchies->items[i];
        const char *controller = limit_controller(p, h->version);
        if (!limit_file(p, h->version))
                note_failure(note, "cgroup v%u %s has no such limit", h->version, controller);
        else if (!(c->hierarchies & 1u << i))
                note_failure(note, "controller %s is not among the Hierarchies= of the class", controller);
        else {
                int r = enable_controller(s, c, controller, i);
                if (r >= 0)
                        return false;
                note_failure(note, "controller %s cannot be enabled above the class: %s", controller, strerror(-r));
        }
        return true;
}

bool class_refuses_limit(const ClassSet *s, const Class *c, ClassProperty p, char *why, size_t size) {
        ClassNote note = {};

        if (!refuse(s, c, p, &note))
                return false;
        snprintf(why, size, "%s", note.text);
        return true;
}

/* Back to the default what an earlier start has set and nobody wants any more. */
static void reset_limit(const ClassSet *s, const Class *c, ClassProperty p) {
        char why[WHY_MAX];
        unsigned i;

        /* Also in a hierarchy where it is no more but its directory may be. */
        if ((p == CLASS_FREEZE ? freeze_hierarchy(s, c, &i) : limit_hierarchy(s->hierarchies, p, &i)) < 0 ||
            !limit_file(p, s->hierarchies->items[i].version))
                return;
        /* -ENOENT, -ENOTSUP: there is no such file. */
        int r = write_limit(s, c, p, i, why, sizeof(why));
        if (r < 0 && r != -ENOENT && r != -ENOTSUP)
                log_warning("class %s: %s cannot be reset: %s", c->name, class_property_name(p), why);
}

/* What an earlier start froze elsewhere would stay so for ever. */
static void thaw_elsewhere(const ClassSet *s, const Class *c) {
        static const char *const names[] = { "freezer", "cgroup2" };
        char path[WIRE_PATH_MAX], text[16];
        unsigned i, here;

        for (size_t k = 0; k < ELEMENTSOF(names); k++) {
                if (hierarchy_find(s->hierarchies, names[k], &i) < 0 || (freeze_hierarchy(s, c, &here) >= 0 && i == here))
                        continue;
                const Hierarchy *h = &s->hierarchies->items[i];
                class_path(s, c, i, path, sizeof(path));
                if (limit_to_file(CLASS_FREEZE, h->version, NULL, &s->scale, text, sizeof(text)) >= 0)
                        (void) cgroupfs_write(h->mount_fd, path, limit_file(CLASS_FREEZE, h->version), text); /* mostly it is not there */
        }
}

static void apply_limit(const ClassSet *s, Class *c, ClassProperty p) {
        bool wanted = class_value(c, p);
        ClassNote ignored = {}, *note = wanted ? &c->notes[p] : &ignored;
        char why[WHY_MAX];

        if (p == CLASS_FREEZE && c->taken_over && !is_template(c))
                thaw_elsewhere(s, c);
        if (!wanted && c->taken_over && !is_template(c))
                reset_limit(s, c, p);
        if (!wanted && !c->def->tunable[p].allowed)
                return;
        if (refuse(s, c, p, note) || is_template(c) || !wanted)
                return;
        int r = class_write_limit(s, c, p, why, sizeof(why));
        if (r < 0)
                return note_failure(note, "%s", why);
        class_note_limit(s, c, p);
}

void class_apply_limits(const ClassSet *s, Class *c) {
        for (ClassProperty p = 0; p < _CLASS_PROPERTY_N; p++) {
                if (class_property_is_member(p))
                        continue;
                apply_limit(s, c, p);
                if (c->notes[p].set && !c->notes[p].supported && c->template_index == WIRE_NONE)
                        log_warning("class %s: %s is not in force: %s", c->name, class_property_name(p), c->notes[p].text);
        }
        members_note(s, c);
}

void class_retry_lists(const ClassSet *s, Class *c) {
        for (ClassProperty p = 0; p < _CLASS_PROPERTY_N; p++)
                if (class_property_is_list(p) && c->notes[p].set && !c->notes[p].supported && class_has_children(s, c))
                        apply_limit(s, c, p);
}

void class_shrink_limits(const ClassSet *s) {
        static const ClassProperty nested[] = { CLASS_ALLOWED_CPUS, CLASS_ALLOWED_MEMORY_NODES, CLASS_CPU_QUOTA };
        char why[WHY_MAX];
        unsigned i;

        for (size_t n = s->n; n-- > 0;)
                for (size_t k = 0; k < ELEMENTSOF(nested); k++)
                        if (!is_template(s->items[n]) && s->items[n]->live &&
                            class_limit_hierarchy(s, s->items[n], nested[k], &i) >= 0 && s->hierarchies->items[i].version == 1)
                                (void) class_write_limit(s, s->items[n], nested[k], why, sizeof(why));
}
