/* org.pclass.Classes at /Classes and org.pclass.Class at /Classes/NAME (sd_bus_path_encode()d): classes and who is in them. */
#include "common/log.h"
#include "common/str.h"
#include "dbus/classchange.h"
#include "dbus/classedit.h"
#include "dbus/error.h"
#include "dbus/object.h"
#include "dbus/options.h"
#include "polkit/actions.h"

#define PAGE_DEFAULT 4096 /* processes in one answer */
#define PAGE_MAX 16384

static int class_at(Service *s, const char *path, size_t *ret_index) {
        _cleanup_free_ char *name = NULL;
        int r = sd_bus_path_decode(path, "/Classes", &name);

        if (r <= 0)
                return -ENOENT;
        return manager_class_find(s->manager, name, ret_index);
}

/* ---- List -------------------------------------------------------------------------------------------------------- */

static int append_hierarchies(sd_bus_message *m, const ClassInfo *class) {
        int r = row_list_open(m, "Hierarchies");

        for (size_t i = 0; r >= 0 && i < class->n_hierarchies; i++) {
                const ClassHierarchyInfo *h = class->hierarchies + i;

                r = row_open(m);
                if (r >= 0)
                        r = row_text(m, "Controllers", h->controllers);
                if (r >= 0)
                        r = row_u32(m, "Version", h->version);
                if (r >= 0)
                        r = row_text(m, "Path", h->path);
                if (r >= 0)
                        r = row_close(m);
        }
        return r < 0 ? r : row_list_close(m);
}

static int append_properties(sd_bus_message *m, const ClassInfo *class) {
        int r = row_list_open(m, "Properties");

        for (size_t i = 0; r >= 0 && i < class->n_properties; i++) {
                const ClassPropertyInfo *p = class->properties + i;

                r = row_open(m);
                if (r >= 0)
                        r = row_text(m, "Name", p->name);
                if (r >= 0)
                        r = row_bool(m, "Supported", p->supported);
                if (r >= 0)
                        r = row_text(m, "Text", p->text);
                if (r >= 0)
                        r = row_close(m);
        }
        return r < 0 ? r : row_list_close(m);
}

static int append_class(sd_bus_message *m, const ClassInfo *class) {
        int r = row_open(m);

        if (r >= 0)
                r = row_text(m, "Name", class->name);
        if (r >= 0)
                r = row_text(m, "Description", class->description);
        if (r >= 0)
                r = row_text(m, "Template", class->template_name);
        if (r >= 0)
                r = row_bool(m, "IsTemplate", class->is_template);
        if (r >= 0)
                r = append_hierarchies(m, class);
        if (r >= 0)
                r = append_properties(m, class);
        if (r >= 0)
                r = row_u32(m, "Processes", class->n_processes);
        if (r >= 0 && class->cpu_usec != UINT64_MAX)
                r = row_u64(m, "CPUUSec", class->cpu_usec);
        if (r >= 0 && class->memory_bytes != UINT64_MAX)
                r = row_u64(m, "MemoryBytes", class->memory_bytes);
        if (r >= 0 && class->tasks != UINT64_MAX)
                r = row_u64(m, "Tasks", class->tasks);
        if (r >= 0 && class->io_read_bytes != UINT64_MAX)
                r = row_u64(m, "IOReadBytes", class->io_read_bytes);
        if (r >= 0 && class->io_written_bytes != UINT64_MAX)
                r = row_u64(m, "IOWriteBytes", class->io_written_bytes);
        return r < 0 ? r : row_close(m);
}

static int check_list(Call *c, sd_bus_error *e) {
        return options_read(c->message, NULL, 0, e);
}

static int answer_list(Call *c, sd_bus_message *reply, sd_bus_error *e) {
        ClassInfo class;
        int r = rows_open(reply);

        for (size_t i = 0; r >= 0 && i < manager_n_classes(c->manager); i++) {
                if (manager_class_info(c->manager, i, CLASS_INFO_PROCESSES | CLASS_INFO_USE, &class) < 0)
                        continue; /* an instance that was removed this moment */
                r = append_class(reply, &class);
        }
        return r < 0 ? r : rows_close(reply);
}

/* ---- GetProcesses ------------------------------------------------------------------------------------------------ */

static int read_page(Call *c, sd_bus_error *e) {
        const Option options[] = {
                { "after", "u", &c->after },
                { "limit", "u", &c->limit },
        };
        int r;

        c->after = 0;
        c->limit = PAGE_DEFAULT;
        r = options_read(c->message, options, ELEMENTSOF(options), e);
        if (r < 0)
                return r;
        c->after = MIN(c->after, (uint32_t) INT32_MAX);
        if (c->limit == 0 || c->limit > PAGE_MAX)
                return sd_bus_error_setf(e, SD_BUS_ERROR_INVALID_ARGS, "Option 'limit' is 1 to %d", PAGE_MAX);
        return 0;
}

static int check_processes_by_name(Call *c, sd_bus_error *e) {
        int r = sd_bus_message_read(c->message, "s", &c->text);

        if (r < 0)
                return r;
        r = read_page(c, e);
        if (r < 0)
                return r;
        if (manager_class_find(c->manager, c->text, &c->class_index) < 0)
                return sd_bus_error_setf(e, ERROR_NO_SUCH_CLASS, "There is no class %s", c->text);
        call_detail(c, "class", c->text);
        return 0;
}

static int check_processes_by_path(Call *c, sd_bus_error *e) {
        const char *path = sd_bus_message_get_path(c->message);
        int r = read_page(c, e);
        ClassInfo class;

        if (r < 0)
                return r;
        if (class_at(c->service, path, &c->class_index) < 0 || manager_class_info(c->manager, c->class_index, 0, &class) < 0)
                return error_no_class(path, e);
        call_detail(c, "class", class.name);
        return 0;
}

static int append_member(sd_bus_message *m, const MemberInfo *member) {
        int r = row_open(m);

        if (r >= 0)
                r = row_u32(m, "PID", member->pid);
        if (r >= 0)
                r = row_text(m, "Cookie", member->cookie);
        if (r >= 0)
                r = row_text(m, "Comm", member->comm);
        if (r >= 0)
                r = row_u32(m, "UID", member->uid);
        if (r >= 0)
                r = row_text(m, "Rule", member->rule);
        if (r >= 0)
                r = row_bool(m, "Assigned", member->assigned);
        return r < 0 ? r : row_close(m);
}

static int answer_processes(Call *c, sd_bus_message *reply, sd_bus_error *e) {
        _cleanup_free_ MemberInfo *members = NULL;
        size_t n = 0;
        int r;

        r = manager_class_members(c->manager, c->class_index, c->after, c->limit, &members, &n);
        if (r < 0)
                return error_of_daemon(r, e);
        r = rows_open(reply);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append_member(reply, members + i);
        return r < 0 ? r : rows_close(reply);
}

/* ---- /Classes ---------------------------------------------------------------------------------------------------- */

static const Method classes_methods[] = {
        { "List", NULL, check_list, NULL, answer_list },
        { "GetProcesses", ACTION_PROCESSES_INSPECT, check_processes_by_name, NULL, answer_processes },
        { "Add", ACTION_CLASSES_MODIFY, class_check_add, NULL, class_answer_add, class_begin_add, .settle = true },
        { "Remove", ACTION_CLASSES_MODIFY, class_check_remove, NULL, NULL, class_begin_remove, .settle = true },
};

static int on_classes_method(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        return call_start(userdata, classes_methods, ELEMENTSOF(classes_methods), m, e);
}

static const sd_bus_vtable classes_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("List", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("aa{sv}", classes), on_classes_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetProcesses", SD_BUS_ARGS("s", name, "a{sv}", options), SD_BUS_RESULT("aa{sv}", processes), on_classes_method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Add", SD_BUS_ARGS("s", name, "a{sv}", properties), SD_BUS_RESULT("o", class), on_classes_method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Remove", SD_BUS_ARGS("o", class, "a{sv}", options), SD_BUS_NO_RESULT, on_classes_method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("Emptied", SD_BUS_ARGS("o", class, "s", name), 0),
        SD_BUS_VTABLE_END
};

static int find_classes(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *e) {
        *ret = userdata;
        return streq(path, "/Classes");
}

const Interface classes_interface = { "org.pclass.Classes", "/Classes", classes_vtable, find_classes };

/* ---- /Classes/NAME ----------------------------------------------------------------------------------------------- */

static const Method class_methods[] = {
        { "GetProcesses", ACTION_PROCESSES_INSPECT, check_processes_by_path, NULL, answer_processes },
        { "SetProperties", ACTION_CLASSES_MODIFY, set_properties_check, .begin = set_properties_begin },
};

static int on_class_method(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        return call_start(userdata, class_methods, ELEMENTSOF(class_methods), m, e);
}

static int append_paths(sd_bus_message *m, const ClassInfo *class) {
        int r = sd_bus_message_open_container(m, 'a', "{ss}");

        for (size_t i = 0; r >= 0 && i < class->n_hierarchies; i++) {
                r = sd_bus_message_open_container(m, 'e', "ss");
                if (r >= 0)
                        r = row_append_text(m, class->hierarchies[i].controllers);
                if (r >= 0)
                        r = row_append_text(m, class->hierarchies[i].path);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* Only those that are set here; why others are not stands in List. */
static int append_set_properties(sd_bus_message *m, const ClassInfo *class) {
        int r = row_open(m);

        for (size_t i = 0; r >= 0 && i < class->n_properties; i++)
                if (class->properties[i].supported)
                        r = row_text(m, class->properties[i].name, class->properties[i].text);
        return r < 0 ? r : row_close(m);
}

static int get(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
               sd_bus_error *e) {
        Service *s = userdata;
        ClassInfo class;
        size_t index;

        unsigned parts = streq(property, "ProcessCount") ? CLASS_INFO_PROCESSES : 0;

        if (class_at(s, path, &index) < 0 || manager_class_info(s->manager, index, parts, &class) < 0)
                return sd_bus_error_set(e, ERROR_NO_SUCH_CLASS, "The class is gone");
        if (streq(property, "Name"))
                return row_append_text(reply, class.name);
        if (streq(property, "Paths"))
                return append_paths(reply, &class);
        if (streq(property, "Properties"))
                return append_set_properties(reply, &class);
        if (streq(property, "ProcessCount"))
                return sd_bus_message_append(reply, "u", class.n_processes);
        return sd_bus_message_append(reply, "b", (int) class.empty);
}

static const sd_bus_vtable class_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Name", "s", get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Paths", "a{ss}", get, 0, 0),
        SD_BUS_PROPERTY("Properties", "a{sv}", get, 0, 0),
        SD_BUS_PROPERTY("ProcessCount", "u", get, 0, 0),
        SD_BUS_PROPERTY("Empty", "b", get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD_WITH_ARGS("GetProcesses", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("aa{sv}", processes), on_class_method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetProperties", SD_BUS_ARGS("a{sv}", properties), SD_BUS_NO_RESULT, on_class_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};

static int find_class(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *e) {
        size_t index;

        *ret = userdata;
        return class_at(userdata, path, &index) >= 0;
}

/* Also called for the objects themselves: sd-bus leaves out what is not below `prefix`. */
static int enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e) {
        Service *s = userdata;
        _cleanup_strv_ char **paths = NULL;
        ClassInfo class;

        for (size_t i = 0; i < manager_n_classes(s->manager); i++) {
                _cleanup_free_ char *path = NULL;

                if (manager_class_info(s->manager, i, 0, &class) < 0)
                        continue;
                if (sd_bus_path_encode("/Classes", class.name, &path) < 0 || strv_append(&paths, path) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(paths);
        return 0;
}

const Interface class_interface = { "org.pclass.Class", "/Classes", class_vtable, find_class, enumerate };

/* ---- comings and goings ------------------------------------------------------------------------------------------ */

static void told(int r, const char *name) {
        if (r < 0)
                log_warning_errno(r, "Cannot tell the bus of class %s", name);
}

void class_announce(Service *s, const char *name, bool added) {
        _cleanup_free_ char *path = NULL;
        int r = sd_bus_path_encode("/Classes", name, &path);

        if (r >= 0)
                r = added ? sd_bus_emit_object_added(s->bus, path) : sd_bus_emit_interfaces_removed(s->bus, path, class_interface.name, NULL);
        told(r, name);
}

void class_announce_empty(Service *s, const char *name, bool empty) {
        _cleanup_free_ char *path = NULL;
        int r = sd_bus_path_encode("/Classes", name, &path);

        if (r >= 0)
                r = sd_bus_emit_properties_changed(s->bus, path, class_interface.name, "Empty", NULL);
        if (r >= 0 && empty)
                r = sd_bus_emit_signal(s->bus, "/Classes", classes_interface.name, "Emptied", "os", path, name);
        told(r, name);
}
