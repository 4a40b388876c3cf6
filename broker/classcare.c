/* Looking after classes. */
#include "broker/classcare.h"

#include <stdio.h>

#include "broker/cgroupfs.h"
#include "broker/classlimits.h"
#include "broker/classmake.h"
#include "common/classvalue.h"
#include "common/log.h"
#include "common/str.h"

static bool is_template(const Class *c) {
        return c->def->is_template && c->template_index == WIRE_NONE;
}

uint32_t class_gone(const ClassSet *s, const Class *c) {
        char path[WIRE_PATH_MAX];
        uint32_t gone = 0;

        for (unsigned h = 0; h < s->hierarchies->n; h++) {
                uint64_t inode;
                if (!(c->hierarchies & 1u << h) || is_template(c))
                        continue;
                class_members_path(s, c, h, path, sizeof(path));
                if (cgroupfs_inode(s->hierarchies->items[h].mount_fd, path, &inode) < 0 || inode != c->inode[h])
                        gone |= 1u << h;
        }
        return gone;
}

static int mend_one(ClassSet *s, Class *c) {
        if (!class_gone(s, c))
                return 0;
        int r = class_make(s, c);
        if (r < 0)
                return r;
        log_notice("class %s: its cgroup had been removed and was made again", c->name);
        class_announce(s, c);
        return 0;
}

int class_mend(ClassSet *s, Class *c) {
        char name[CLASS_NAME_MAX + 1];
        int r = 0;

        /* From the top: a directory that is made for the sake of one below it would have no limits. */
        for (const char *slash = strchr(c->name, '/'); r >= 0 && slash; slash = strchr(slash + 1, '/')) {
                snprintf(name, sizeof(name), "%.*s", (int) (slash - c->name), c->name);
                Class *parent = map_get_string(s->by_name, name);
                r = parent ? mend_one(s, parent) : 0;
        }
        return r < 0 ? r : mend_one(s, c);
}

/* "its cgroup was removed in cgroup2, memory" */
static void describe_gone(const ClassSet *s, uint32_t gone, char *buf, size_t size) {
        size_t n = snprintf(buf, size, "its cgroup was removed in");

        for (unsigned h = 0; h < s->hierarchies->n && n < size; h++)
                if (gone & 1u << h) {
                        n += snprintf(buf + n, size - n, "%s %s", gone & ((1u << h) - 1) ? "," : "", hierarchy_name(&s->hierarchies->items[h]));
                }
}

/* ---- limits ------------------------------------------------------------------------------------------------------------- */

/* The note holds what was read when the limit was written; now it has what the file says. Whether a class is frozen is a state, not a limit. */
static bool limit_changed(const ClassSet *s, Class *c, ClassProperty p, ClassNote *ret_before) {
        *ret_before = c->notes[p];
        if (p == CLASS_FREEZE || class_property_is_member(p) || !ret_before->set || !ret_before->supported || !class_value(c, p))
                return false;
        class_note_limit(s, c, p);
        if (c->notes[p].supported && !streq(c->notes[p].text, ret_before->text))
                return true;
        c->notes[p] = *ret_before; /* the same, or it cannot be read this moment */
        return false;
}

static int repair_limit(const ClassSet *s, const Class *c, ClassProperty p) {
        char why[WIRE_TEXT_MAX];

        return class_write_limit(s, c, p, why, sizeof(why));
}

/* As Sweep= says. What was adopted holds until the limit is written anew: by SetProperties or a start. */
static void care_for_limit(Broker *b, Class *c, ClassProperty p, const ClassNote *before, WireResult *ret) {
        const char *name = class_property_name(p);
        size_t n = strlen(ret->text);

        if (b->sweep == SWEEP_ADOPT) {
                log_notice("class %s: something else made %s %s instead of %s; it stays so (Sweep=adopt)", c->name, name, c->notes[p].text, before->text);
                class_announce(b->classes, c);
                return;
        }
        snprintf(ret->text + n, sizeof(ret->text) - n, "%s%s was changed to %.48s instead of %.48s", n ? ", " : "", name, c->notes[p].text, before->text);
        int r = b->sweep == SWEEP_REPAIR ? repair_limit(b->classes, c, p) : 0;
        c->notes[p] = *before; /* so that the next look finds it again */
        if (b->sweep == SWEEP_REPAIR && r >= 0)
                return;
        ret->code = WIRE_FAILED;
        ret->error = r;
}

static void check_limits(Broker *b, Class *c, WireResult *ret) {
        for (ClassProperty p = 0; p < _CLASS_PROPERTY_N; p++) {
                ClassNote before;
                if (limit_changed(b->classes, c, p, &before))
                        care_for_limit(b, c, p, &before, ret);
        }
}

void class_check(Broker *b, const WireCheckClass *m, WireResult *ret) {
        Class *c = class_by_index(b->classes, m->class_index);

        *ret = (WireResult) {};
        if (!c || is_template(c)) {
                ret->code = WIRE_NOT_ALLOWED;
                return;
        }
        uint32_t gone = class_gone(b->classes, c);
        if (!gone)
                return check_limits(b, c, ret);
        describe_gone(b->classes, gone, ret->text, sizeof(ret->text));
        if (b->sweep == SWEEP_REPAIR)
                ret->error = class_mend(b->classes, c);
        if (b->sweep != SWEEP_REPAIR || ret->error < 0)
                ret->code = WIRE_CLASS_GONE;
}
