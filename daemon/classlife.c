/* Classes that come and go while the service runs. */
#include <stdio.h>
#include "daemon/internal.h"

int manager_class_appeared(Manager *m, Class *c) {
        int r = emptiness_add(m, c);

        if (r < 0)
                return r;
        if (m->ops && m->ops->class_appeared)
                m->ops->class_appeared(c->name, m->ops_userdata);
        if (m->ops && m->ops->classes_changed)
                m->ops->classes_changed(m->ops_userdata);
        return 0;
}

void manager_class_vanished(Manager *m, Class *c) {
        bool on_demand = class_is_made_on_demand(c);
        uint32_t template = c->template ? c->template->index : WIRE_NONE;
        char name[WIRE_TEXT_MAX];

        snprintf(name, sizeof(name), "%s", c->name);
        emptiness_remove(m, c);
        proctable_class_gone(m->table, c->index);
        classes_remove(&m->classes, c);
        assign_class_gone(m, name);
        if (m->ops && m->ops->class_vanished)
                m->ops->class_vanished(name, m->ops_userdata);
        if (m->ops && m->ops->classes_changed)
                m->ops->classes_changed(m->ops_userdata);
        if (on_demand)
                instances_room(m, template);
}

int manager_class_announced(Manager *m, const WireClass *item) {
        Class *c;
        int r;

        if (!classes_get(&m->classes, item->index)) {
                r = classes_add_class(&m->classes, item, &c);
                return r < 0 ? r : manager_class_appeared(m, c);
        }
        r = classes_update_class(&m->classes, item, &c);
        if (r < 0)
                return r;
        emptiness_remove(m, c); /* what was watched is no more */
        return emptiness_add(m, c);
}
