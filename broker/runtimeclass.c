/* Runtime classes: made, remembered. Their end: classend.c. */
#include "broker/runtimeclass.h"

#include <stdio.h>
#include <unistd.h>

#include "broker/classmake.h"
#include "common/kept.h"
#include "common/log.h"
#include "common/str.h"
#include "common/textstream.h"

#define DEPTH_MAX 8

/* ---- their definition -------------------------------------------------------------------------------------------------- */

/* One controller stands for its hierarchy. */
static void write_hierarchies(const ClassSet *s, uint32_t hierarchies, FILE *f) {
        for (size_t h = 0; h < s->hierarchies->n; h++)
                if (hierarchies & 1u << h) {
                        const char *name = hierarchy_name(&s->hierarchies->items[h]);
                        fprintf(f, " %.*s", (int) strcspn(name, ","), name);
                }
}

#define NOBODY "4294967294" /* no uid that a process has: "nobody may" is not "no word about it" */

/* Users by number: in the sandbox nobody can be asked for a name. */
static void write_rights(const ClassSet *s, const ClassDef *root, FILE *f) {
        const Class *c = root && root->allowed_users ? map_get_string(s->by_name, RUNTIME_PARENT) : NULL;

        for (size_t i = 0; c && i < c->n_allowed; i++)
                fprintf(f, "AllowedUsers=%u\n", c->allowed[i]);
        if (c && c->n_allowed == 0)
                fputs("AllowedUsers=" NOBODY "\n", f);
        for (ClassProperty p = 0; p < _CLASS_PROPERTY_N; p++)
                if (!root && p < CLASS_NICE)
                        fprintf(f, "Tunable=%s\n", class_property_name(p));
                else if (root && root->tunable[p].allowed)
                        class_bound_format(p, &root->tunable[p], f);
}

/* The text of its section, as root would have written it. */
static int define(const ClassSet *s, const char *name, uint32_t hierarchies, ClassTable **ret) {
        _cleanup_free_ char *text = NULL;
        TextError err = {};
        TextStream stream;
        size_t size;
        FILE *f = text_stream_open(&stream);

        if (!f)
                return -ENOMEM;
        fprintf(f, "[Class %s]\nHierarchies=", name);
        write_hierarchies(s, hierarchies, f);
        fputc('\n', f);
        write_rights(s, class_table_find(s->table, RUNTIME_PARENT), f);
        int r = text_stream_close(&stream, &text, &size);
        return r < 0 ? r : class_table_parse(text, size, RUNTIME_FILE, ret, &err);
}

static int add_defined(ClassSet *s, const char *name, uint32_t hierarchies, Class **ret) {
        _cleanup_(class_table_freep) ClassTable *own = NULL;
        uint32_t all = s->hierarchies->n < 32 ? (1u << s->hierarchies->n) - 1 : UINT32_MAX;
        int r = define(s, name, (hierarchies & all) | 1u << s->hierarchies->membership, &own);

        if (r < 0)
                return r;
        r = class_set_add(s, class_table_find(own, name), name, WIRE_NONE, ret);
        if (r < 0)
                return r;
        (*ret)->own = TAKE_PTR(own);
        s->n_runtime++;
        return 0;
}

/* ---- remembering ------------------------------------------------------------------------------------------------------- */

int runtime_classes_save(const ClassSet *s) {
        _cleanup_free_ char *text = NULL;
        TextStream stream;

        if (s->runtime_fd < 0)
                return 0;
        FILE *f = text_stream_open(&stream);
        if (!f)
                return -ENOMEM;
        for (size_t i = 0; i < s->n; i++)
                if (s->items[i]->live && s->items[i]->own) {
                        fputs(s->items[i]->name, f);
                        write_hierarchies(s, s->items[i]->hierarchies, f);
                        fputc('\n', f);
                }
        int r = text_stream_close(&stream, &text, NULL);
        return r < 0 ? r : kept_save(s->runtime_fd, RUNTIME_FILE, text, 0644);
}

/* Nothing but names that could have been given; parents may stand behind their children, slots being used again. */
static bool name_valid(const char *name) {
        size_t depth = 0;

        for (const char *p = name; (p = strchr(p, '/')); p++)
                depth++;
        return startswith(name, RUNTIME_PARENT) && (name[strlen(RUNTIME_PARENT)] == '/' || !name[strlen(RUNTIME_PARENT)]) && depth < DEPTH_MAX &&
               class_name_valid(name, false);
}

static int load_line(ClassSet *s, char *line) {
        char *save, *name = strtok_r(line, " ", &save);
        uint32_t hierarchies = 0;
        unsigned h;
        Class *c;

        if (!name || !name_valid(name) || s->n_runtime > s->runtime_max)
                return -EINVAL;
        if (map_get_string(s->by_name, name)) /* root has defined it meanwhile */
                return 0;
        for (char *w; (w = strtok_r(NULL, " ", &save));)
                if (hierarchy_find(s->hierarchies, w, &h) >= 0)
                        hierarchies |= 1u << h;
        return add_defined(s, name, hierarchies, &c);
}

static int by_length(const void *a, const void *b) {
        return (int) strlen(*(char *const *) a) - (int) strlen(*(char *const *) b);
}

/* Shorter names first: no class is shorter than the one above it. A class with others below it keeps its members in a leaf. */
static void note_leaves(ClassSet *s) {
        for (size_t i = 0; i < s->n; i++)
                s->items[i]->has_leaf = s->items[i]->has_leaf || (!s->items[i]->def->is_template && class_has_children(s, s->items[i]));
}

int runtime_classes_load(ClassSet *s) {
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **lines = NULL;
        int r = s->runtime_fd < 0 ? -ENOENT : kept_load(s->runtime_fd, RUNTIME_FILE, &text);

        if (r == -ENOENT)
                return 0;
        if (r > 0)
                log_warning("the list of classes made at run time is %s; the copy that was saved before it is taken", r == KEPT_GONE ? "gone" : "damaged");
        if (r == -EBADMSG) {
                log_warning("the list of classes made at run time is damaged, and there is no copy of it: their cgroups stay, nothing is moved there any more");
                return KEPT_LOST;
        }
        if (r < 0)
                return log_error_errno(r, "the list of classes made at run time cannot be read");
        int state = r;
        r = strv_split(text, "\n", &lines);
        if (r >= 0 && lines)
                qsort(lines, strv_length(lines), sizeof(*lines), by_length);
        for (char **l = lines; r >= 0 && l && *l; l++) {
                int q = load_line(s, *l);
                if (q == -ENOMEM)
                        return q;
                if (q < 0)
                        log_warning("a class of an earlier start is left out: %.80s", *l);
        }
        note_leaves(s);
        return r < 0 ? r : state;
}

/* ---- adding ------------------------------------------------------------------------------------------------------------- */

/* The class above gets a child: on v2 its members go into a leaf of its own first. */
static int become_parent(ClassSet *s, Class *parent) {
        if (parent->has_leaf)
                return 0;
        parent->has_leaf = true;
        int r = class_make(s, parent);
        if (r < 0) {
                parent->has_leaf = false;
                (void) class_make(s, parent);
                return r;
        }
        class_announce(s, parent);
        return 0;
}

static int find_parent(ClassSet *s, const char *name, Class **ret) {
        char above[CLASS_NAME_MAX + 1];

        snprintf(above, sizeof(above), "%.*s", (int) (strrchr(name, '/') - name), name);
        Class *parent = map_get_string(s->by_name, above);
        if (parent) {
                *ret = parent;
                return parent->own || streq(above, RUNTIME_PARENT) ? 0 : -EINVAL;
        }
        if (!streq(above, RUNTIME_PARENT))
                return -EINVAL;
        int r = add_defined(s, RUNTIME_PARENT, 0, &parent);
        if (r < 0)
                return r;
        r = class_make(s, parent);
        if (r < 0) {
                class_set_forget(s, parent);
                return r;
        }
        class_announce(s, parent);
        *ret = parent;
        return 0;
}

static void undo(ClassSet *s, Class *c) {
        (void) class_unmake(s, c);
        class_set_forget(s, c);
}

int runtime_class_add(ClassSet *s, const char *name, uint32_t hierarchies, Class **ret) {
        Class *parent, *c;

        if (!name_valid(name) || !strchr(name, '/'))
                return -EINVAL;
        if (map_get_string(s->by_name, name))
                return -EEXIST;
        /* The class runtime itself, if it was made for them, is one of them and not counted. */
        const Class *top = map_get_string(s->by_name, RUNTIME_PARENT);
        if (s->n_runtime - (top && top->own) >= s->runtime_max)
                return -ENOSPC;
        if (hierarchies & ~class_set_hierarchies(s))
                return -EXDEV;
        int r = find_parent(s, name, &parent);
        if (r >= 0)
                r = become_parent(s, parent);
        if (r >= 0)
                r = add_defined(s, name, hierarchies, &c);
        if (r < 0)
                return r;
        r = class_make(s, c);
        if (r >= 0)
                r = runtime_classes_save(s);
        if (r < 0) {
                undo(s, c);
                return r;
        }
        *ret = c;
        return 0;
}
