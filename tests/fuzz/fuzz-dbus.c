/* Any bytes as the arguments of any method of the bus interfaces, as a caller nobody vouches for: what is a mere question is answered, what asks for a change is
 * checked and then not allowed. Nothing may crash, and every refusal has a name and a text.
 * The first byte says which method; the others become its arguments, by its signature. */
#include <assert.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include "common/fd.h"
#include "common/log.h"
#include "daemon/internal.h"
#include "daemon/names-protocol.h"
#include "dbus/object.h"
#include "polkit/authority.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/place.h"

#define BUS_ROUNDS 512 /* then a fresh connection, for nobody reads what it would send */
#define METHODS_MAX 64
#define DEPTH_MAX 6

static const char rules_text[] = "one: uid=1 => web\ntwo: exe=/usr/bin/x => users/%u sticky\nthree: comm=a* => ignore\n";

typedef struct Bytes {
        const uint8_t *p;
        size_t n;
} Bytes;

static struct World {
        Manager m;
        RuleBase rules;
        Service service;
        struct {
                const Interface *interface;
                const sd_bus_vtable *method;
        } methods[METHODS_MAX];
        size_t n_methods;
        int peer, names_peer, pidfd;
        unsigned rounds;
} world;

/* ---- the world ------------------------------------------------------------------------------------------------------ */

static void on_names_changed(void *userdata) {
}

/* Everybody has the same name. */
static void answer_names(void) {
        static NamesReply reply;
        NamesRequest request;

        while (recv(world.names_peer, &request, sizeof(request), MSG_DONTWAIT) == sizeof(request)) {
                reply = (NamesReply) { .seq = request.seq, .id = request.id, .name = "fuzzer" };
                assert(send(world.names_peer, &reply, sizeof(reply), 0) == sizeof(reply));
        }
        assert(sd_event_run(world.m.event, 1000000) >= 0);
}

/* Of our own user. A number may also be of a process that another user of this machine has: then the call waits for that one's. */
static void name_own_user(void) {
        const char *name;

        while (names_user(world.m.names, getuid(), &name) == -EAGAIN)
                answer_names();
}

static void add_class(const char *name, uint32_t index) {
        WireClass item = { .index = index, .template_index = WIRE_NONE };
        Class *c;

        snprintf(item.name, sizeof(item.name), "%s", name);
        assert(classes_add_class(&world.m.classes, &item, &c) == 0);
}

static void add_methods(const Interface *i) {
        for (const sd_bus_vtable *v = i->vtable; v->type != _SD_BUS_VTABLE_END; v++)
                if (v->type == _SD_BUS_VTABLE_METHOD && v->x.method.signature && *v->x.method.signature) {
                        assert(world.n_methods < METHODS_MAX);
                        world.methods[world.n_methods].interface = i;
                        world.methods[world.n_methods++].method = v;
                }
}

static void world_open(void) {
        static const Interface *const interfaces[] = {
                &rules_interface, &rule_interface, &classes_interface, &class_interface, &processes_interface, &status_interface,
        };
        static const Options options = { .heartbeat_sec = 5, .sweep_sec = 60, .scan_sec = 5 };
        Manager *m = &world.m;
        TextError err = {};
        int pair[2];

        log_open("fuzz", LOG_EMERG);
        *m = (Manager) { .marks.fd = -EBADF, .exe.fd = -EBADF, .rules = &world.rules, .options = &options };
        world.rules.m = m;
        assert(sd_event_new(&m->event) >= 0);
        assert(ruleset_new(&world.rules.current) == 0 && map_new_u64(&world.rules.matches) == 0);
        assert(ruleset_add_text(world.rules.current, rules_text, strlen(rules_text), "t", &err) >= 0);
        assert(ruleset_compile(world.rules.current, &(RulesetEnv) {}) == 0);
        assert(match_cache_new(&world.rules.cache) == 0);
        assert(proc_reader_init(&m->reader, NULL) == 0 && proctable_new(&m->table) == 0 && classes_init(&m->classes) == 0);
        add_class("web", 0);
        add_class("runtime", 1);
        assert(instances_init(m) == 0 && emptiness_init(m) == 0 && assign_init(m) == 0 && scan_init(m) == 0 && settle_init(m) == 0);
        assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
        assert(names_new_at(m->event, pair[0], fuzz_place(), on_names_changed, NULL, &m->names) == 0);
        world.names_peer = pair[1];
        name_own_user();
        world.pidfd = (int) syscall(SYS_pidfd_open, getpid(), 0);
        assert(world.pidfd >= 0);
        world.service.manager = m;
        for (size_t i = 0; i < ELEMENTSOF(interfaces); i++)
                add_methods(interfaces[i]);
}

static void bus_open(void) {
        Service *s = &world.service;
        int pair[2];

        s->authority = authority_free(s->authority);
        s->bus = sd_bus_unref(s->bus);
        if (world.peer > 0)
                close(world.peer);
        assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        world.peer = pair[1];
        assert(sd_bus_new(&s->bus) >= 0 && sd_bus_set_fd(s->bus, pair[0], pair[0]) >= 0 && sd_bus_negotiate_fds(s->bus, 1) >= 0 && sd_bus_start(s->bus) >= 0);
        assert(authority_new(s->bus, &s->authority) == 0);
}

/* ---- arguments ------------------------------------------------------------------------------------------------------ */

static unsigned take(Bytes *b) {
        if (b->n == 0)
                return 0;
        b->n--;
        return *b->p++;
}

static uint64_t take_number(Bytes *b) {
        uint64_t v = 0;

        for (unsigned n = take(b) % 9; n > 0; n--)
                v = v << 8 | take(b);
        return v;
}

static int append_string(sd_bus_message *m, Bytes *b, char type) {
        static const char *const known[] = {
                "before", "after", "replace", "if_generation", "offset", "limit", "alone", "mode", "drain", "kill", "tree", "until", "for", "pin", "leave-unit",
                "exec", "exit", "context", "uid", "gid", "groups", "user", "group", "member", "comm", "exe", "arg0", "cgroup", "unit", "label", "pid",
                "parent-class", "Hierarchies", "CPUWeight", "MemoryHigh", "IOReadBandwidthMax", "Nice", "web", "runtime/x", "/Classes/web", "/Rules/_1", "uid=0 => web",
        };
        unsigned n = take(b);
        char text[4096];

        if (n >= 0xc0)
                return sd_bus_message_append_basic(m, type, known[(n - 0xc0) % ELEMENTSOF(known)]);
        size_t size = MIN((size_t) (n == 0xbf ? take(b) * 16 : n), b->n);
        size = MIN(size, sizeof(text) - 1);
        memcpy(text, b->p, size);
        text[size] = '\0';
        b->p += size;
        b->n -= size;
        return sd_bus_message_append_basic(m, type, text); /* what is no UTF-8, or no path, does not come over a bus */
}

static int append(sd_bus_message *m, Bytes *b, const char *type, unsigned depth);

static int append_variant(sd_bus_message *m, Bytes *b, unsigned depth) {
        static const char *const types[] = { "s", "b", "u", "t", "x", "i", "d", "o", "as", "au", "ay", "v", "a{sv}", "g", "y", "q", "n", "h" };
        const char *type = depth >= DEPTH_MAX ? "u" : types[take(b) % ELEMENTSOF(types)];
        int r = sd_bus_message_open_container(m, 'v', type);

        if (r >= 0)
                r = append(m, b, type, depth + 1);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_entry(sd_bus_message *m, Bytes *b, unsigned depth) {
        int r = sd_bus_message_open_container(m, 'e', "sv");

        if (r >= 0)
                r = append_string(m, b, 's');
        if (r >= 0)
                r = append_variant(m, b, depth);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_array(sd_bus_message *m, Bytes *b, const char *element, unsigned depth) {
        int r = sd_bus_message_open_container(m, 'a', element);

        for (unsigned n = take(b) % 32; r >= 0 && n > 0; n--)
                r = append(m, b, element, depth);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* One value of a complete type. */
static int append(sd_bus_message *m, Bytes *b, const char *type, unsigned depth) {
        uint64_t number;
        double real;
        int fd;

        switch (*type) {
        case 's': case 'o': case 'g':
                return append_string(m, b, *type);
        case 'v':
                return append_variant(m, b, depth);
        case '{':
                return append_entry(m, b, depth);
        case 'a':
                return append_array(m, b, type + 1, depth);
        case 'h':
                fd = take(b) % 2 ? world.pidfd : world.peer;
                return sd_bus_message_append_basic(m, 'h', &fd);
        case 'd':
                real = (double) take_number(b) / 7;
                return sd_bus_message_append_basic(m, 'd', &real);
        case 'b':
                fd = take(b) % 2;
                return sd_bus_message_append_basic(m, 'b', &fd);
        default: /* numbers: little endian, so the first bytes are the lower ones */
                number = take_number(b);
                return sd_bus_message_append_basic(m, *type, &number);
        }
}

static int append_arguments(sd_bus_message *m, Bytes *b, const char *signature) {
        int r = 0;

        while (r >= 0 && *signature) {
                char type[8] = { *signature };

                if (*signature == 'a') {
                        assert(startswith(signature, "a{sv}"));
                        strcpy(type, "a{sv}");
                }
                signature += strlen(type);
                r = append(m, b, type, 0);
        }
        return r;
}

/* Where a method is called: its own object, or whatever the bytes say. */
static const char *object_of(const Interface *i, unsigned which) {
        if (i == &rule_interface)
                return which % 2 ? "/Rules/_1" : "/Rules/_99";
        if (i == &class_interface)
                return which % 3 == 0 ? "/Classes/web" : which % 3 == 1 ? "/Classes/none" : "/Classes/_zz_2";
        return i->path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        Bytes b = { data, size };

        if (size < 2)
                return 0;
        if (!world.m.event)
                world_open();
        if (world.rounds++ % BUS_ROUNDS == 0)
                bus_open();
        size_t which = take(&b) % world.n_methods;
        const Interface *interface = world.methods[which].interface;
        const sd_bus_vtable *v = world.methods[which].method;
        assert(sd_bus_message_new_method_call(world.service.bus, &m, NULL, object_of(interface, take(&b)), interface->name, v->x.method.member) >= 0);
        assert(sd_bus_message_set_expect_reply(m, 0) >= 0);
        if (append_arguments(m, &b, v->x.method.signature) < 0 || sd_bus_message_seal(m, 1, 0) < 0)
                return 0;
        int r = v->x.method.handler(m, &world.service, &e);
        if (r < 0)
                assert(!sd_bus_error_is_set(&e) || (*e.name && e.message && *e.message));
        while (world.service.calls) /* nobody was let in, so what waits does so for a name */
                answer_names();
        return 0;
}
