/* Orders and who holds to them. */
#include "daemon/assignments.h"

#include <inttypes.h>
#include <stdio.h>
#include "common/textstream.h"

const char *assign_authority_name(AssignAuthority a) {
        static const char *const names[] = { "user", "admin", "root" };
        return names[a];
}

int assignments_init(Assignments *t) {
        *t = (Assignments) {};
        int r = map_new_u64(&t->by_pid);
        return r < 0 ? r : map_new_u64(&t->orders);
}

void assignments_done(Assignments *t) {
        size_t i = 0;
        void *p;

        while (t->by_pid && (p = map_next_u64(t->by_pid, &i, NULL)))
                free(p);
        for (i = 0; t->orders && (p = map_next_u64(t->orders, &i, NULL));)
                free(p);
        map_free(t->by_pid);
        map_free(t->orders);
        *t = (Assignments) {};
}

Assigned *assignments_get(const Assignments *t, pid_t pid) {
        return map_get_u64(t->by_pid, pid);
}

Assigned *assignments_next(const Assignments *t, size_t *iterator) {
        return map_next_u64(t->by_pid, iterator, NULL);
}

/* ---- orders ---- */

static int order_quota(const Assignments *t, const Order *wanted) {
        unsigned n = 0;
        size_t i = 0;
        const Order *o;

        if (wanted->authority == ASSIGN_BY_ROOT)
                return 0;
        while ((o = map_next_u64(t->orders, &i, NULL)))
                n += o->by == wanted->by && o->authority != ASSIGN_BY_ROOT;
        return n >= ORDERS_UID_MAX ? -EDQUOT : 0;
}

static int order_new(Assignments *t, const Order *wanted, uint64_t id, Order **ret) {
        _cleanup_free_ Order *o = malloc(sizeof(*o));
        int r;

        if (!o)
                return -ENOMEM;
        *o = *wanted;
        o->id = id;
        o->members = 0;
        r = map_put_u64(t->orders, id, o);
        if (r < 0)
                return r;
        t->last_id = MAX(t->last_id, id);
        t->trees += o->tree;
        *ret = TAKE_PTR(o);
        return 0;
}

static void order_drop_if_empty(Assignments *t, Order *o) {
        if (o->members > 0)
                return;
        t->trees -= o->tree;
        map_remove_u64(t->orders, o->id);
        free(o);
}

/* ---- who holds to them ---- */

void assigned_free(Assignments *t, Assigned *a) {
        if (!a)
                return;
        a->order->members--;
        order_drop_if_empty(t, a->order);
        free(a);
}

static int member_put(Assignments *t, Order *order, pid_t pid, uint64_t cookie, uint64_t since_ns) {
        Assigned *a = map_size(t->by_pid) >= ASSIGNED_MAX ? NULL : malloc(sizeof(*a));
        int r;

        if (!a)
                return map_size(t->by_pid) >= ASSIGNED_MAX ? -ENOBUFS : -ENOMEM;
        *a = (Assigned) { pid, cookie, since_ns, order };
        r = map_put_u64(t->by_pid, pid, a);
        if (r < 0) {
                free(a);
                return r;
        }
        order->members++;
        return 0;
}

int assignments_add(Assignments *t, const Order *wanted, pid_t pid, uint64_t cookie, uint64_t since_ns, Assigned **ret_replaced, Order **ret) {
        Assigned *before;
        Order *order;
        int r = order_quota(t, wanted);

        if (r >= 0)
                r = order_new(t, wanted, t->last_id + 1, &order);
        if (r < 0)
                return r;
        before = map_remove_u64(t->by_pid, pid);
        r = member_put(t, order, pid, cookie, since_ns);
        if (r < 0) {
                order_drop_if_empty(t, order);
                assignments_restore(t, before);
                return r;
        }
        *ret_replaced = before;
        *ret = order;
        return 0;
}

int assignments_join(Assignments *t, Order *order, pid_t pid, uint64_t cookie, uint64_t since_ns) {
        order->members++; /* it must not go when its last process is the one that is replaced */
        assignments_remove(t, pid);
        int r = member_put(t, order, pid, cookie, since_ns);
        order->members--;
        return r;
}

void assignments_remove(Assignments *t, pid_t pid) {
        assigned_free(t, map_remove_u64(t->by_pid, pid));
}

void assignments_restore(Assignments *t, Assigned *a) {
        if (a && map_put_u64(t->by_pid, a->pid, a) < 0)
                assigned_free(t, a);
}

int assignments_members(const Assignments *t, uint64_t id, pid_t **ret, size_t *ret_n) {
        const Order *o = map_get_u64(t->orders, id);
        _cleanup_free_ pid_t *pids = calloc(o ? MAX(o->members, 1u) : 1, sizeof(*pids));
        const Assigned *a;
        size_t i = 0, n = 0;

        if (!pids)
                return -ENOMEM;
        while (o && (a = assignments_next(t, &i)))
                if (a->order == o)
                        pids[n++] = a->pid;
        *ret = TAKE_PTR(pids);
        *ret_n = n;
        return 0;
}

void assignments_drop(Assignments *t, uint64_t id) {
        const Assigned *a;
        size_t i = 0;

        while ((a = assignments_next(t, &i)))
                if (a->order->id == id)
                        assignments_remove(t, a->pid);
}

uint64_t assignments_deadline(const Assignments *t) {
        uint64_t first = 0;
        const Order *o;
        size_t i = 0;

        while ((o = map_next_u64(t->orders, &i, NULL)))
                if (o->deadline_usec && (!first || o->deadline_usec < first))
                        first = o->deadline_usec;
        return first;
}

/* ---- as text ---- */

int assignments_format(const Assignments *t, const char *boot_id, char **ret) {
        TextStream stream;
        FILE *f = text_stream_open(&stream);
        size_t i = 0;
        const Assigned *a;
        const Order *o;

        if (!f)
                return -ENOMEM;
        fprintf(f, "boot %s\n", boot_id);
        while ((o = map_next_u64(t->orders, &i, NULL)))
                fprintf(f, "order %" PRIu64 " %d %u %d %d %d %" PRIu64 " %s\n", o->id, o->authority, o->by, o->tree, o->until_exec,
                        o->leave_unit, o->deadline_usec, o->class_name);
        for (i = 0; (a = assignments_next(t, &i));)
                if (a->cookie) /* a child that nobody has looked at yet cannot be told from a later process of its number */
                        fprintf(f, "process %" PRIu64 " %d %" PRIx64 "\n", a->order->id, a->pid, a->cookie);
        return text_stream_close(&stream, ret, NULL);
}

static int parse_order(Assignments *t, const char *line) {
        unsigned authority, tree, until_exec, leave_unit;
        Order wanted = {}, *o;
        uint64_t id;
        int n = 0;

        if (sscanf(line, "%" SCNu64 " %u %u %u %u %u %" SCNu64 " %n", &id, &authority, &wanted.by, &tree, &until_exec, &leave_unit,
                   &wanted.deadline_usec, &n) != 7 || n == 0)
                return -EBADMSG;
        line += n;
        if (id == 0 || authority >= _ASSIGN_AUTHORITY_N || tree > 1 || until_exec > 1 || leave_unit > 1 || !*line ||
            strlen(line) >= sizeof(wanted.class_name) || map_size(t->orders) >= ASSIGNED_MAX)
                return -EBADMSG;
        wanted.authority = authority;
        wanted.tree = tree;
        wanted.until_exec = until_exec;
        wanted.leave_unit = leave_unit;
        strcpy(wanted.class_name, line);
        int r = order_new(t, &wanted, id, &o);
        return r == -EEXIST ? -EBADMSG : r;
}

static int parse_process(Assignments *t, const char *line, uint64_t now_ns) {
        uint64_t id, cookie;
        char end;
        int pid;

        if (sscanf(line, "%" SCNu64 " %d %" SCNx64 "%c", &id, &pid, &cookie, &end) != 3 || pid <= 2 || cookie == 0)
                return -EBADMSG;
        Order *o = map_get_u64(t->orders, id);
        int r = o ? member_put(t, o, pid, cookie, now_ns) : -EBADMSG;
        return r == -EEXIST || r == -ENOBUFS ? -EBADMSG : r;
}

static int parse_line(Assignments *t, const char *line, uint64_t now_ns) {
        const char *rest;

        if ((rest = startswith(line, "order ")))
                return parse_order(t, rest);
        if ((rest = startswith(line, "process ")))
                return parse_process(t, rest, now_ns);
        return -EBADMSG;
}

/* Those whose processes were not worth a line. */
static void drop_empty_orders(Assignments *t) {
        size_t i = 0;
        Order *o;

        while ((o = map_next_u64(t->orders, &i, NULL)))
                order_drop_if_empty(t, o);
}

int assignments_parse(Assignments *t, const char *text, const char *boot_id, uint64_t now_ns) {
        _cleanup_free_ char *copy = strdup(text);
        char *save, *line;
        int r = 0;

        if (!copy)
                return -ENOMEM;
        line = strtok_r(copy, "\n", &save);
        if (!line)
                return 1;
        const char *boot = startswith(line, "boot ");
        if (!boot)
                return -EBADMSG;
        if (!streq(boot, boot_id))
                return 1;
        while (r >= 0 && (line = strtok_r(NULL, "\n", &save)))
                r = parse_line(t, line, now_ns);
        if (r >= 0) {
                drop_empty_orders(t);
                return 0;
        }
        assignments_done(t);
        int k = assignments_init(t);
        return k < 0 ? k : r;
}
