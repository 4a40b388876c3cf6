/* Classes as people see them: live from the cgroups. */
#include <inttypes.h>
#include <stdio.h>
#include "daemon/cgroupread.h"
#include "daemon/internal.h"

/* Strings of the last manager_class_info(); the daemon has one thread and one caller at a time. */
static char info_paths[WIRE_HIERARCHIES_MAX][WIRE_PATH_MAX];
static ClassPropertyInfo *info_properties;

static Class *class_at(Manager *m, size_t index) {
        for (size_t i = 0; i < m->classes.n; i++)
                if (m->classes.classes[i] && index-- == 0)
                        return m->classes.classes[i];
        return NULL;
}

int manager_class_index(Manager *m, size_t index, uint32_t *ret) {
        const Class *c = class_at(m, index);

        if (!c)
                return -ENOENT;
        *ret = c->index;
        return 0;
}

size_t manager_n_classes(Manager *m) {
        size_t n = 0;

        for (size_t i = 0; i < m->classes.n; i++)
                n += m->classes.classes[i] != NULL;
        return n;
}

int manager_class_find(Manager *m, const char *name, size_t *ret_index) {
        const Class *c = classes_find(&m->classes, name);
        size_t index = 0;

        if (!c)
                return -ENOENT;
        for (size_t i = 0; i < c->index; i++)
                index += m->classes.classes[i] != NULL;
        *ret_index = index;
        return 0;
}

/* The hierarchy in which the class's members are read: membership, or the first that it has. */
static uint32_t member_hierarchy(Manager *m, const Class *c) {
        uint32_t h = m->classes.membership;

        if (h != WIRE_NONE && c->hierarchies & 1u << h)
                return h;
        return c->hierarchies ? (uint32_t) __builtin_ctz(c->hierarchies) : WIRE_NONE;
}

static int class_pids(Manager *m, const Class *c, pid_t **ret, size_t *ret_n) {
        uint32_t h = c->flags & WIRE_CLASS_TEMPLATE ? WIRE_NONE : member_hierarchy(m, c);
        char path[WIRE_PATH_MAX];
        int r;

        if (h == WIRE_NONE) {
                *ret = NULL;
                *ret_n = 0;
                return 0;
        }
        r = classes_path(&m->classes, h, c->name, class_leaf(&m->classes, c, h), path, sizeof(path));
        return r < 0 ? r : cgroup_members(m->classes.hierarchies[h].mount, path, false, ret, ret_n);
}

static void add_use(Manager *m, const Class *c, ClassInfo *x) {
        char path[WIRE_PATH_MAX];

        for (uint32_t h = 0; h < m->classes.n_hierarchies; h++) {
                const WireHierarchy *w = &m->classes.hierarchies[h];
                uint64_t n;
                if (!(c->hierarchies & 1u << h) || classes_path(&m->classes, h, c->name, "", path, sizeof(path)) < 0)
                        continue;
                if (x->cpu_usec == UINT64_MAX && cgroup_cpu_usec(w->mount, path, w->version, &n) >= 0)
                        x->cpu_usec = n;
                if (x->memory_bytes == UINT64_MAX && cgroup_memory_bytes(w->mount, path, w->version, &n) >= 0)
                        x->memory_bytes = n;
                if (x->tasks == UINT64_MAX && cgroup_tasks(w->mount, path, &n) >= 0)
                        x->tasks = n;
                if (x->io_read_bytes == UINT64_MAX)
                        (void) cgroup_io_bytes(w->mount, path, w->version, &x->io_read_bytes, &x->io_written_bytes);
        }
}

static int add_properties(const Class *c, ClassInfo *x) {
        ClassPropertyInfo *grown = reallocarray(info_properties, MAX(c->n_notes, (size_t) 1), sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        info_properties = grown;
        for (size_t i = 0; i < c->n_notes; i++)
                grown[i] = (ClassPropertyInfo) { c->notes[i].property, c->notes[i].supported, c->notes[i].text };
        x->properties = grown;
        x->n_properties = c->n_notes;
        return 0;
}

int manager_class_info(Manager *m, size_t index, unsigned parts, ClassInfo *ret) {
        const Class *c = class_at(m, index);
        _cleanup_free_ pid_t *pids = NULL;
        size_t n = 0;
        int r;

        if (!c)
                return -ENOENT;
        *ret = (ClassInfo) {
                .name = c->name,
                .description = c->description,
                .template_name = c->template ? c->template->name : NULL,
                .is_template = c->flags & WIRE_CLASS_TEMPLATE,
                .leave_unit = c->flags & WIRE_CLASS_LEAVE_UNIT,
                .cpu_usec = UINT64_MAX,
                .memory_bytes = UINT64_MAX,
                .tasks = UINT64_MAX,
                .io_read_bytes = UINT64_MAX,
                .io_written_bytes = UINT64_MAX,
        };
        for (uint32_t h = 0; h < m->classes.n_hierarchies; h++)
                if (c->hierarchies & 1u << h && classes_path(&m->classes, h, c->name, class_leaf(&m->classes, c, h), info_paths[h],
                                                             sizeof(info_paths[h])) >= 0)
                        ret->hierarchies[ret->n_hierarchies++] = (ClassHierarchyInfo) { classes_hierarchy_label(&m->classes, h),
                                                                                        m->classes.hierarchies[h].version, info_paths[h] };
        r = add_properties(c, ret);
        if (r < 0 || ret->is_template)
                return r;
        ret->empty = emptiness_is_empty(m, c);
        if (parts & CLASS_INFO_PROCESSES && class_pids(m, c, &pids, &n) >= 0)
                ret->n_processes = n;
        if (parts & CLASS_INFO_USE)
                add_use(m, c, ret);
        return 0;
}

/* False: gone meanwhile. */
static bool member_info(Manager *m, pid_t pid, MemberInfo *x) {
        const Process *p = proctable_get(m->table, pid);
        ProcInfo info;

        procinfo_init(&info);
        if (procinfo_open(&m->reader, pid, &info) < 0 || procinfo_read(&m->reader, &info, FACT_BIT(FACT_COMM) | FACT_BIT(FACT_UID)) < 0) {
                procinfo_close(&info);
                return false;
        }
        x->pid = pid;
        x->uid = info.subject.uid;
        snprintf(x->comm, sizeof(x->comm), "%s", info.subject.known & FACT_BIT(FACT_COMM) ? info.subject.comm : "");
        snprintf(x->cookie, sizeof(x->cookie), "%" PRIx64, info.cookie);
        x->assigned = assign_peek(m, &info);
        x->rule = p && p->rule && !p->inherited && !x->assigned ? rule_name(p->rule) : "";
        procinfo_close(&info);
        return true;
}

int manager_class_members(Manager *m, size_t index, pid_t after, size_t limit, MemberInfo **ret, size_t *ret_n) {
        const Class *c = class_at(m, index);
        _cleanup_free_ MemberInfo *members = NULL;
        _cleanup_free_ pid_t *pids = NULL;
        size_t n, k = 0;
        int r;

        if (!c)
                return -ENOENT;
        r = class_pids(m, c, &pids, &n); /* in order */
        if (r < 0)
                return r;
        members = calloc(MIN(n, limit) + 1, sizeof(*members));
        if (!members)
                return -ENOMEM;
        for (size_t i = 0; i < n && k < limit; i++)
                k += pids[i] > after && member_info(m, pids[i], &members[k]);
        *ret = TAKE_PTR(members);
        *ret_n = k;
        return 0;
}
