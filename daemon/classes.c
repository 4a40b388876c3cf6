/* The broker's announcements as tables. */
#include "daemon/classes.h"

#include <stdio.h>
#include "common/classdef.h"

int classes_init(Classes *t) {
        *t = (Classes) { .membership = WIRE_NONE };
        int r = map_new_string(&t->by_name);
        return r < 0 ? r : map_new_u64(&t->places);
}

static void drop_notes(Class *c) {
        for (size_t i = 0; i < c->n_notes; i++) {
                free(c->notes[i].property);
                free(c->notes[i].text);
        }
        c->n_notes = 0;
}

static void class_free(Class *c) {
        if (!c)
                return;
        drop_notes(c);
        free(c->notes);
        free(c->name);
        free(c->description);
        free(c->trouble);
        free(c);
}
DEFINE_CLEANUP(Class *, class_free)

void classes_done(Classes *t) {
        size_t i = 0;
        Place *p;

        for (size_t k = 0; k < t->n; k++)
                class_free(t->classes[k]);
        free(t->classes);
        map_free(t->by_name);
        free(t->roots);
        while (t->places && (p = map_next_u64(t->places, &i, NULL)))
                free(p);
        map_free(t->places);
        *t = (Classes) { .membership = WIRE_NONE };
}

int classes_add_hierarchy(Classes *t, const WireHierarchy *item) {
        if (item->index != t->n_hierarchies || item->index >= WIRE_HIERARCHIES_MAX || item->version < 1 || item->version > 2)
                return -EPROTO;
        if (!wire_text_ok(item->controllers, sizeof(item->controllers)) || !wire_text_ok(item->mount, sizeof(item->mount)) ||
            !wire_text_ok(item->root, sizeof(item->root)))
                return -EPROTO;
        t->hierarchies[t->n_hierarchies++] = *item;
        if (item->flags & WIRE_HIERARCHY_MEMBERSHIP)
                t->membership = item->index;
        if (item->flags & WIRE_HIERARCHY_UNITS)
                t->units |= 1u << item->index;
        return 0;
}

int classes_add_root(Classes *t, const WireRoot *item) {
        ClassRoot *grown;

        if (item->index != t->n_roots || item->path[0] != '/' || !wire_text_ok(item->path, sizeof(item->path)))
                return -EPROTO;
        grown = reallocarray(t->roots, t->n_roots + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        t->roots = grown;
        grown[t->n_roots] = (ClassRoot) { .index = item->index, .hierarchies = item->hierarchies };
        memcpy(grown[t->n_roots++].path, item->path, sizeof(item->path));
        return 0;
}

static int class_new(const Classes *t, const WireClass *item, Class **ret) {
        _cleanup_(class_freep) Class *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->index = item->index;
        c->hierarchies = item->hierarchies;
        c->flags = item->flags;
        memcpy(c->inode, item->inode, sizeof(c->inode));
        strcpy(c->leaf, item->leaf);
        for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                c->some_place[h] = WIRE_NONE;
        if (item->template_index != WIRE_NONE) {
                c->template = classes_get(t, item->template_index);
                if (!c->template)
                        return -EPROTO;
        }
        c->name = strdup(item->name);
        c->description = strdup(item->description);
        if (!c->name || !c->description)
                return -ENOMEM;
        *ret = TAKE_PTR(c);
        return 0;
}

int classes_add_class(Classes *t, const WireClass *item, Class **ret) {
        _cleanup_(class_freep) Class *c = NULL;
        int r;

        if (!wire_text_ok(item->name, sizeof(item->name)) || !wire_text_ok(item->description, sizeof(item->description)) ||
            !wire_text_ok(item->leaf, sizeof(item->leaf)) || item->index > CLASS_INDEX_MAX)
                return -EPROTO;
        r = class_new(t, item, &c);
        if (r < 0)
                return r;
        if (item->index >= t->n) {
                Class **grown = reallocarray(t->classes, item->index + 1, sizeof(Class *));
                if (!grown)
                        return -ENOMEM;
                memset(grown + t->n, 0, (item->index + 1 - t->n) * sizeof(Class *));
                t->classes = grown;
                t->n = item->index + 1;
        }
        if (t->classes[item->index])
                return -EPROTO;
        r = map_put_string(t->by_name, c->name, c);
        if (r < 0)
                return r == -EEXIST ? -EPROTO : r;
        t->classes[c->index] = c;
        t->n_places += (c->flags & WIRE_CLASS_PLACE) != 0;
        if (ret)
                *ret = c;
        TAKE_PTR(c);
        return 0;
}

int classes_update_class(Classes *t, const WireClass *item, Class **ret) {
        Class *c = classes_get(t, item->index);

        if (!c || !wire_text_ok(item->name, sizeof(item->name)) || !wire_text_ok(item->leaf, sizeof(item->leaf)) || !streq(c->name, item->name) ||
            item->template_index != (c->template ? c->template->index : WIRE_NONE))
                return -EPROTO;
        c->hierarchies = item->hierarchies;
        c->flags = item->flags;
        memcpy(c->inode, item->inode, sizeof(c->inode));
        strcpy(c->leaf, item->leaf);
        drop_notes(c);
        *ret = c;
        return 0;
}

static void remove_note(Class *c, const char *property) {
        for (size_t i = 0; i < c->n_notes; i++)
                if (streq(c->notes[i].property, property)) {
                        free(c->notes[i].property);
                        free(c->notes[i].text);
                        memmove(&c->notes[i], &c->notes[i + 1], (--c->n_notes - i) * sizeof(*c->notes));
                        return;
                }
}

int classes_add_note(Classes *t, const WireClassNote *item) {
        Class *c = classes_get(t, item->class_index);
        ClassNote *grown;

        if (!c || !wire_text_ok(item->property, sizeof(item->property)) || !wire_text_ok(item->text, sizeof(item->text)))
                return -EPROTO;
        remove_note(c, item->property); /* a later word on the same goes before */
        if (!item->supported && !*item->text)
                return 0; /* not set any more */
        grown = reallocarray(c->notes, c->n_notes + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        c->notes = grown;
        grown[c->n_notes] = (ClassNote) { strdup(item->property), item->supported != 0, strdup(item->text) };
        if (!grown[c->n_notes].property || !grown[c->n_notes].text) {
                free(grown[c->n_notes].property);
                free(grown[c->n_notes].text);
                return -ENOMEM;
        }
        c->n_notes++;
        return 0;
}

int classes_add_place(Classes *t, const WireOrigin *item) {
        Place *p;
        int r;

        if (item->hierarchy >= t->n_hierarchies || item->place >= WIRE_PLACES_MAX || !wire_text_ok(item->path, sizeof(item->path)))
                return -EPROTO;
        p = malloc(sizeof(*p) + strlen(item->path) + 1);
        if (!p)
                return -ENOMEM;
        p->hierarchy = item->hierarchy;
        strcpy(p->path, item->path);
        r = map_put_u64(t->places, (uint64_t) item->place + 1, p);
        if (r < 0)
                free(p);
        return r == -EEXIST ? 0 : r;
}

void classes_remove(Classes *t, Class *c) {
        t->classes[c->index] = NULL;
        t->n_places -= (c->flags & WIRE_CLASS_PLACE) != 0;
        map_remove_string(t->by_name, c->name);
        class_free(c);
}

Class *classes_find(const Classes *t, const char *name) {
        return map_get_string(t->by_name, name);
}

Class *classes_parent(const Classes *t, const Class *c) {
        char name[WIRE_TEXT_MAX];
        const char *slash = strrchr(c->name, '/');

        if (!slash || (size_t) (slash - c->name) >= sizeof(name))
                return NULL;
        memcpy(name, c->name, slash - c->name);
        name[slash - c->name] = '\0';
        return classes_find(t, name);
}

Class *classes_get(const Classes *t, uint32_t index) {
        return index < t->n ? t->classes[index] : NULL;
}

const Place *classes_place(const Classes *t, uint32_t place) {
        return place == WIRE_NONE ? NULL : map_get_u64(t->places, (uint64_t) place + 1);
}

/* True when `word` stands in the `list`, which has commas (v1) or blanks (v2) between. */
static bool list_has(const char *list, const char *word) {
        size_t n = strlen(word);

        for (const char *p = list; *p; p += strcspn(p, ", "), p += strspn(p, ", "))
                if (strncmp(p, word, n) == 0 && strchr(", ", p[n]))
                        return true;
        return false;
}

uint32_t classes_controller(const Classes *t, const char *controller) {
        uint32_t mask = 0;

        for (uint32_t h = 0; h < t->n_hierarchies; h++) {
                const WireHierarchy *x = &t->hierarchies[h];
                if (streq(controller, "*") || list_has(x->controllers, controller) ||
                    (x->version == 2 && streq(controller, "cgroup2")))
                        mask |= 1u << h;
        }
        return mask;
}

const char *classes_hierarchy_label(const Classes *t, uint32_t h) {
        return t->hierarchies[h].version == 2 ? "cgroup2" : t->hierarchies[h].controllers;
}

/* What follows the class root in `path`: "" or "/...", NULL outside. */
static const char *below_root(const Classes *t, uint32_t h, const char *path) {
        const char *rest = startswith(path, t->hierarchies[h].root);

        return rest && (*rest == '\0' || *rest == '/') ? rest : NULL;
}

bool classes_inside(const Classes *t, uint32_t h, const char *path) {
        return below_root(t, h, path) != NULL;
}

/* Of classes outside the class roots, whose names are paths. The root of a hierarchy has nothing below it that would belong to it. */
static Class *place_of_path(const Classes *t, uint32_t h, const char *path) {
        char name[WIRE_PATH_MAX];

        if (t->n_places == 0 || strlen(path) >= sizeof(name))
                return NULL;
        strcpy(name, path);
        for (;;) {
                Class *c = classes_find(t, name);
                char *slash = strrchr(name, '/');
                if (c && c->flags & WIRE_CLASS_PLACE && c->hierarchies & 1u << h)
                        return c;
                if (!slash || slash == name)
                        return NULL;
                *slash = '\0';
        }
}

Class *classes_of_path(const Classes *t, uint32_t h, const char *path) {
        const char *rest = below_root(t, h, path);
        char name[WIRE_PATH_MAX];

        if (!rest)
                return place_of_path(t, h, path);
        if (!*rest || strlen(rest) >= sizeof(name))
                return NULL;
        strcpy(name, rest + 1);
        for (;;) {
                Class *c = classes_find(t, name);
                char *slash = strrchr(name, '/');
                if (c && !(c->flags & WIRE_CLASS_TEMPLATE))
                        return c;
                if (!slash)
                        return NULL;
                *slash = '\0';
        }
}

int classes_path(const Classes *t, uint32_t h, const char *name, const char *leaf, char *buf, size_t size) {
        bool is_path = *name == '/'; /* of a class outside the class roots */
        int n = snprintf(buf, size, "%s%s%s%s%s", is_path ? "" : t->hierarchies[h].root, is_path ? "" : "/", name, *leaf ? "/" : "", leaf);

        return n < 0 || (size_t) n >= size ? -ENAMETOOLONG : 0;
}

const char *class_leaf(const Classes *t, const Class *c, uint32_t h) {
        return t->hierarchies[h].version == 2 && (c->flags & WIRE_CLASS_LEAF_V2) ? c->leaf : "";
}

bool classes_in_place(const Classes *t, uint32_t h, const char *name, const char *leaf, const char *path, bool exact) {
        const char *rest = *name == '/' ? path : below_root(t, h, path);

        if (streq(name, "/"))
                return streq(path, "/");
        if (!rest || *rest != '/')
                return false;
        rest = startswith(*name == '/' ? rest : rest + 1, name);
        if (!rest || (*rest != '\0' && *rest != '/'))
                return false;
        if (!exact)
                return true;
        return *leaf ? *rest == '/' && streq(rest + 1, leaf) : *rest == '\0';
}
