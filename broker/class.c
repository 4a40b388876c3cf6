/* The set of classes: which there are, what they are called, where they live. Making them real: classmake.c. */
#include "broker/class.h"

#include <fnmatch.h>
#include <stdio.h>

#include "broker/cgroupfs.h"
#include "broker/classlimits.h"
#include "broker/classmake.h"
#include "broker/limits.h"
#include "broker/user.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/str.h"

static Class *class_free(Class *c) {
        if (!c)
                return NULL;
        for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                fd_close(c->procs_fd[h]);
        place_set_clear(&c->places);
        for (size_t p = 0; p < _CLASS_PROPERTY_N; p++)
                free(c->tuned[p]);
        free(c->devices);
        class_table_free(c->own);
        free(c->allowed);
        free(c->name);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(Class *, class_free)

ClassSet *class_set_free(ClassSet *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n; i++)
                class_free(s->items[i]);
        free(s->items);
        map_free(s->by_name);
        place_set_clear(&s->left_behind);
        free(s);
        return NULL;
}

/* ---- where a class lives --------------------------------------------------------------------------------------------- */

bool class_absent_hierarchies(const ClassSet *s, const ClassDef *def, char *buf, size_t size) {
        size_t n = 0;
        unsigned h;

        for (char **name = def->hierarchies; name && *name && n < size; name++)
                if (hierarchy_find(s->hierarchies, *name, &h) < 0)
                        n += (size_t) snprintf(buf + n, size - n, "%s%s", n ? ", " : "there is no hierarchy here for ", *name);
        return n > 0;
}

static void warn_absent(const ClassSet *s, const ClassDef *def) {
        char text[WIRE_TEXT_MAX];

        if (class_absent_hierarchies(s, def, text, sizeof(text)))
                log_warning("class %s: %s", def->name, text);
}

/* Those that it asks for itself. */
static uint32_t own_hierarchies(const ClassSet *s, const ClassDef *def) {
        uint32_t mask = 1u << s->hierarchies->membership;
        unsigned h;

        for (char **name = def->hierarchies; name && *name; name++)
                if (hierarchy_find(s->hierarchies, *name, &h) >= 0)
                        mask |= 1u << h;
        for (ClassProperty p = 0; !def->hierarchies && p < _CLASS_PROPERTY_N; p++)
                if ((def->properties[p] || def->tunable[p].allowed) && limit_hierarchy(s->hierarchies, p, &h) >= 0 &&
                    limit_file(p, s->hierarchies->items[h].version))
                        mask |= 1u << h;
        return mask;
}

/* And those of the classes above, whose limits hold below them only where the class is, too. They may be defined further down. */
static uint32_t choose_hierarchies(const ClassSet *s, const ClassDef *def, const char *name) {
        uint32_t mask = own_hierarchies(s, def);
        char above[WIRE_PATH_MAX];

        snprintf(above, sizeof(above), "%s", name);
        for (char *slash; (slash = strrchr(above, '/'));) {
                *slash = '\0';
                const Class *c = map_get_string(s->by_name, above);
                const ClassDef *parent = class_table_find(s->table, above);
                mask |= (c ? c->hierarchies : 0) | (parent ? own_hierarchies(s, parent) : 0);
        }
        return mask;
}

static int resolve_users(Class *c) {
        size_t n = strv_length(c->def->allowed_users);

        c->allowed = calloc(MAX(n, (size_t) 1), sizeof(uid_t));
        if (!c->allowed)
                return -ENOMEM;
        for (char **u = c->def->allowed_users; u && *u; u++) {
                int r = user_find(*u, &c->allowed[c->n_allowed], NULL);
                if (r == -ENOENT)
                        log_warning("class %s: AllowedUsers names %s, whom nobody knows here", c->def->name, *u);
                else if (r < 0)
                        return log_error_errno(r, "class %s: AllowedUsers names %s, who cannot be looked up", c->def->name, *u);
                c->n_allowed += r >= 0;
        }
        return 0;
}

static int resolve_devices(Class *c) {
        int r = 0;

        for (ClassProperty p = 0; r >= 0 && p < _CLASS_PROPERTY_N; p++)
                if (class_property_is_io_limit(p) && c->def->properties[p])
                        r = limit_devices_add(&c->devices, &c->n_devices, c->def->properties[p]);
        return r;
}

static bool has_children(const ClassTable *t, const ClassDef *def) {
        size_t n = strlen(def->name);

        for (size_t i = 0; i < t->n; i++)
                if (strncmp(t->classes[i]->name, def->name, n) == 0 && t->classes[i]->name[n] == '/')
                        return true;
        return false;
}

/* Puts a class into a free slot or a new one. */
static int set_insert(ClassSet *s, Class *c) {
        size_t slot = 0;

        while (slot < s->n && s->items[slot]->live)
                slot++;
        if (slot == s->n) {
                Class **grown = reallocarray(s->items, s->n + 1, sizeof(Class *));
                if (!grown)
                        return -ENOMEM;
                s->items = grown;
        }
        int r = map_put_string(s->by_name, c->name, c);
        if (r < 0)
                return r;
        if (slot < s->n)
                class_free(s->items[slot]);
        else
                s->n++;
        c->index = slot;
        c->live = true;
        s->items[slot] = c;
        return 0;
}

/* As far as Tunable= still allows it. */
static void restore_class(const ClassSet *s, Class *c) {
        const ClassDef *old = s->remembered ? class_table_find(s->remembered, c->name) : NULL;

        if (!old || (c->def->is_template && c->template_index == WIRE_NONE))
                return;
        for (ClassProperty p = 0; p < _CLASS_PROPERTY_N; p++) {
                if (!old->properties[p])
                        continue;
                if (class_bound_check(p, &c->def->tunable[p], old->properties[p], &s->scale) < 0)
                        log_notice("class %s: %s is not what it was changed to any more: the class does not allow it", c->name, class_property_name(p));
                else
                        c->tuned[p] = strdup(old->properties[p]);
        }
}

void class_set_restore(ClassSet *s, const ClassTable *remembered) {
        s->remembered = remembered;
        for (size_t i = 0; i < s->n; i++)
                restore_class(s, s->items[i]);
}

int class_set_add(ClassSet *s, const ClassDef *def, const char *name, uint32_t template_index, Class **ret) {
        _cleanup_(class_freep) Class *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                c->procs_fd[h] = -EBADF;
        c->def = def;
        c->template_index = template_index;
        c->hierarchies = choose_hierarchies(s, def, name);
        if (template_index == WIRE_NONE)
                warn_absent(s, def);
        c->has_leaf = !def->is_template && has_children(s->table, def);
        c->name = strdup(name);
        int r = c->name ? 0 : -ENOMEM;
        if (r >= 0 && template_index == WIRE_NONE)
                r = resolve_users(c);
        if (r >= 0 && template_index == WIRE_NONE)
                r = resolve_devices(c);
        if (r >= 0 && template_index != WIRE_NONE)
                restore_class(s, c);
        if (r >= 0)
                r = set_insert(s, c);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

int class_set_add_place(ClassSet *s, const ClassDef *def, const char *name, Class **ret) {
        int r = class_set_add(s, def, name, WIRE_NONE, ret);

        if (r < 0)
                return r;
        (*ret)->hierarchies = 0;
        (*ret)->has_leaf = false;
        return 0;
}

int class_set_new(const ClassTable *table, const HierarchySet *hierarchies, ClassSet **ret) {
        _cleanup_(class_set_freep) ClassSet *s = calloc(1, sizeof(*s));
        int r = s ? map_new_string(&s->by_name) : -ENOMEM;
        Class *c;

        if (r < 0)
                return r;
        s->table = table;
        s->hierarchies = hierarchies;
        s->runtime_fd = s->proc_fd = -EBADF;
        class_scale_read(&s->scale);
        for (size_t i = 0; r >= 0 && i < table->n; i++)
                r = class_set_add(s, table->classes[i], table->classes[i]->name, WIRE_NONE, &c);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

/* Where runtime classes may be wanted: what root says of [Class runtime], else wherever there are limits but for v1's cpuset, which asks for a
 * capability. */
static uint32_t runtime_hierarchies(const ClassSet *s) {
        uint32_t mask = 0;
        unsigned h;

        for (ClassProperty p = 0; s->runtime_max > 0 && !class_table_find(s->table, "runtime") && p < CLASS_NICE; p++)
                if (limit_hierarchy(s->hierarchies, p, &h) >= 0 && !cgroupfs_has_word(s->hierarchies->items[h].controllers, "cpuset") &&
                    limit_file(p, s->hierarchies->items[h].version))
                        mask |= 1u << h;
        return mask;
}

uint32_t class_set_hierarchies(const ClassSet *s) {
        uint32_t mask = 1u << s->hierarchies->membership | runtime_hierarchies(s);

        for (size_t i = 0; i < s->n; i++)
                if (!s->items[i]->root)
                        mask |= s->items[i]->hierarchies;
        return mask;
}

static uint32_t root_hierarchies(const ClassSet *s) {
        uint32_t mask = 0;

        for (size_t i = 0; s->roots && i < s->roots->n; i++)
                mask |= s->roots->items[i].hierarchies;
        return mask;
}

bool class_set_needs_kill(const ClassSet *s) {
        bool removable = s->runtime_max > 0;

        for (size_t i = 0; i < s->n; i++)
                removable = removable || s->items[i]->own || s->items[i]->def->is_template;
        return removable && s->hierarchies->items[s->hierarchies->membership].version != 2;
}

bool class_set_uses_cpuset(const ClassSet *s) {
        for (size_t h = 0; h < s->hierarchies->n; h++)
                if ((class_set_hierarchies(s) | root_hierarchies(s)) & 1u << h && cgroupfs_has_word(s->hierarchies->items[h].available, "cpuset"))
                        return true;
        return false;
}

/* ---- instances ------------------------------------------------------------------------------------------------------- */

/* The template's last component with every specifier as a star; the other letters of class names mean nothing to fnmatch. */
static void template_glob(const char *name, char *buf) {
        const char *slash = strrchr(name, '/');

        for (const char *p = slash ? slash + 1 : name; *p; p++)
                if (*p == '%') {
                        *buf++ = '*';
                        p++;
                } else
                        *buf++ = *p;
        *buf = '\0';
}

bool class_template_takes(const Class *template, const char *text) {
        char glob[CLASS_NAME_MAX + 1];

        if (!template->live || !template->def->is_template || template->template_index != WIRE_NONE || !class_component_valid(text))
                return false;
        template_glob(template->name, glob);
        return fnmatch(glob, text, 0) == 0;
}

void class_set_forget(ClassSet *s, Class *c) {
        map_remove_string(s->by_name, c->name);
        for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                c->procs_fd[h] = fd_close(c->procs_fd[h]);
        place_set_clear(&c->places);
        c->live = false;
        s->n_runtime -= c->own != NULL;
        if (c->template_index == WIRE_NONE)
                return;
        s->n_instances--;
        s->items[c->template_index]->n_instances--;
}

int class_instance(ClassSet *s, uint32_t template_index, const char *text, Class **ret) {
        Class *template = class_by_index(s, template_index), *c;
        char name[CLASS_NAME_MAX + 1];
        const char *slash;

        if (!template || !class_template_takes(template, text))
                return -EINVAL;
        slash = strrchr(template->name, '/');
        int prefix = slash ? slash - template->name + 1 : 0;
        if ((size_t) snprintf(name, sizeof(name), "%.*s%s", prefix, template->name, text) >= sizeof(name))
                return -EINVAL;
        c = map_get_string(s->by_name, name);
        if (c) {
                *ret = c;
                return 0;
        }
        if (s->n_instances >= CLASS_INSTANCES_MAX || (!s->adopting && template->n_instances >= class_instances_max(template->def)))
                return -ENOSPC;
        int r = class_set_add(s, template->def, name, template_index, &c);
        if (r < 0)
                return r;
        s->n_instances++;
        template->n_instances++;
        r = class_make(s, c);
        if (r < 0) {
                (void) class_unmake(s, c);
                class_set_forget(s, c);
                return r;
        }
        *ret = c;
        return 0;
}

int class_drop_instance(ClassSet *s, Class *c) {
        if (c->template_index == WIRE_NONE)
                return -EINVAL;
        int r = class_unmake(s, c);
        if (r < 0)
                return r;
        class_set_forget(s, c);
        return 0;
}

bool class_has_children(const ClassSet *s, const Class *c) {
        size_t n = strlen(c->name);

        for (size_t i = 0; i < s->n; i++)
                if (s->items[i]->live && strncmp(s->items[i]->name, c->name, n) == 0 && s->items[i]->name[n] == '/')
                        return true;
        return false;
}

/* ---- looking things up ----------------------------------------------------------------------------------------------- */

Class *class_by_index(const ClassSet *s, uint32_t index) {
        return index < s->n && s->items[index]->live ? s->items[index] : NULL;
}

/* Of classes outside the class roots: the nearest above. The root of a hierarchy has nothing below it that would belong to it. */
static Class *place_by_path(const ClassSet *s, unsigned hierarchy, const char *path) {
        char name[WIRE_PATH_MAX];

        if (strlen(path) >= sizeof(name))
                return NULL;
        strcpy(name, path);
        for (;;) {
                Class *c = map_get_string(s->by_name, name);
                char *slash = strrchr(name, '/');
                if (c && c->root && c->hierarchies & 1u << hierarchy)
                        return c;
                if (!slash || slash == name)
                        return NULL;
                *slash = '\0';
        }
}

bool class_set_owns(const ClassSet *s, unsigned hierarchy, const char *path) {
        return hierarchy_below_root(&s->hierarchies->items[hierarchy], path) || (s->n_places && place_by_path(s, hierarchy, path));
}

Class *class_by_path(const ClassSet *s, unsigned hierarchy, const char *path) {
        const char *below = hierarchy_below_root(&s->hierarchies->items[hierarchy], path);
        char name[WIRE_PATH_MAX];

        if (!below)
                return s->n_places ? place_by_path(s, hierarchy, path) : NULL;
        if (strlen(below) >= sizeof(name))
                return NULL;
        strcpy(name, below);
        while (*name) {
                Class *c = map_get_string(s->by_name, name);
                if (c)
                        return c->def->is_template && c->template_index == WIRE_NONE ? NULL : c;
                char *slash = strrchr(name, '/');
                *(slash ? slash : name) = '\0';
        }
        return NULL;
}

void class_path(const ClassSet *s, const Class *c, unsigned hierarchy, char *buf, size_t size) {
        if (c->root)
                snprintf(buf, size, "%s", c->name);
        else
                snprintf(buf, size, "%s/%s", s->hierarchies->items[hierarchy].root, c->name);
}

void class_members_path(const ClassSet *s, const Class *c, unsigned hierarchy, char *buf, size_t size) {
        const Hierarchy *h = &s->hierarchies->items[hierarchy];

        if (c->root)
                return class_path(s, c, hierarchy, buf, size);
        snprintf(buf, size, "%s/%s%s", h->root, c->name, c->has_leaf && h->version == 2 ? "/" CLASS_LEAF : "");
}

bool class_is_members_path(const ClassSet *s, const Class *c, unsigned hierarchy, const char *path) {
        const Hierarchy *h = &s->hierarchies->items[hierarchy];
        const char *rest = c->root ? path : startswith(path, h->root);

        if (rest && !c->root)
                rest = startswith(rest, "/");
        if (rest)
                rest = startswith(rest, c->name);
        return rest && streq(rest, c->has_leaf && h->version == 2 && !c->root ? "/" CLASS_LEAF : "");
}

bool class_user_allowed(const ClassSet *s, const Class *c, uid_t uid) {
        const Class *owner = c->template_index == WIRE_NONE ? c : s->items[c->template_index];

        if (!owner->def->allowed_users)
                return true;
        for (size_t i = 0; i < owner->n_allowed; i++)
                if (owner->allowed[i] == uid)
                        return true;
        return false;
}

/* ---- templates read again -------------------------------------------------------------------------------------------- */

static bool list_equal(char *const *a, char *const *b) {
        size_t i = 0;

        while (a && b && a[i] && b[i] && streq(a[i], b[i]))
                i++;
        return !(a && a[i]) && !(b && b[i]);
}

/* Who may come in, where it lives and which devices it names was worked out at start. */
static bool has_same_frame(const ClassDef *a, const ClassDef *b) {
        static const ClassProperty of_devices[] = {
                CLASS_IO_READ_BANDWIDTH_MAX, CLASS_IO_WRITE_BANDWIDTH_MAX, CLASS_IO_READ_IOPS_MAX, CLASS_IO_WRITE_IOPS_MAX,
        };

        for (size_t i = 0; i < ELEMENTSOF(of_devices); i++)
                if (!streq_ptr(a->properties[of_devices[i]], b->properties[of_devices[i]]))
                        return false;
        return list_equal(a->hierarchies, b->hierarchies) && list_equal(a->allowed_users, b->allowed_users) && a->leave_unit == b->leave_unit;
}

size_t class_set_take_templates(ClassSet *s, const ClassTable *table) {
        size_t n = 0;

        for (size_t i = 0; i < s->n; i++) {
                Class *c = s->items[i];
                if (!c->live || c->root || !c->def->is_template || c->template_index != WIRE_NONE)
                        continue;
                const ClassDef *def = class_table_find(table, c->name);
                if (!def || !has_same_frame(c->def, def))
                        continue;
                c->def = def;
                n++;
        }
        return n;
}
