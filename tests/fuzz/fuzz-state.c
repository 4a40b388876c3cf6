/* Any bytes as a file of pclassd's state directory: rules, disabled, mode, assignments, marks. Nothing may crash; a file that is not believed gives the copy
 * before it, or an error, and never an empty list; what is believed comes back the same when it is written again.
 * The first byte says which file; its high bits: a checksum that fits is put in front, and there is a copy before it. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include "common/fd.h"
#include "common/log.h"
#include "daemon/internal.h"
#include "daemon/procident.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/place.h"

#define WITH_SUM 0x80
#define WITH_PREVIOUS 0x40
#define SUM_LINE "# checksum "

static const char rules_text[] = "stick: uid=1 => web sticky\nplain: uid=2 => web\nborn: parent-class=ci uid=3 => web\n";
static StoredRule kept_rule = { .text = (char *) "kept: uid=7 => a" };
static char *kept_names[] = { (char *) "kept", NULL };

static struct World {
        Manager m;
        RuleBase rules;
        char boot_id[BOOT_ID_SIZE];
} world;

static void world_open(void) {
        Manager *m = &world.m;
        TextError err = {};

        if (m->store)
                return;
        log_open("fuzz", LOG_EMERG);
        *m = (Manager) { .marks.fd = -EBADF, .rules = &world.rules };
        assert(ruleset_new(&world.rules.current) == 0);
        assert(ruleset_add_text(world.rules.current, rules_text, strlen(rules_text), "t", &err) >= 0);
        assert(ruleset_compile(world.rules.current, &(RulesetEnv) {}) == 0);
        assert(proc_reader_init(&m->reader, NULL) == 0);
        assert(procident_boot_id(&m->reader, world.boot_id) >= 0);
        assert(store_open(fuzz_place(), &m->store) == 0);
}

static uint64_t sum64(const uint8_t *data, size_t size) {
        uint64_t sum = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < size; i++)
                sum = (sum ^ data[i]) * UINT64_C(0x100000001b3);
        return sum;
}

static void write_file(const char *name, const void *head, size_t head_size, const uint8_t *data, size_t size) {
        _cleanup_close_ int fd = openat(store_dir(world.m.store), name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert(fd >= 0 && fd_write_all(fd, head, head_size) == 0 && fd_write_all(fd, data, size) == 0);
}

/* The bytes under a name, believed or not; true when they must be. */
static bool put(const char *name, bool with_sum, const uint8_t *data, size_t size) {
        char line[64] = "";

        if (with_sum)
                snprintf(line, sizeof(line), SUM_LINE "%016llx\n", (unsigned long long) sum64(data, size));
        write_file(name, line, strlen(line), data, size);
        return with_sum && !memchr(data, '\0', size);
}

/* What a load may say. */
static bool check_result(int r, bool with_previous, bool must_believe) {
        assert(r == 0 || (!must_believe && r == (with_previous ? 1 : -EBADMSG)));
        return r == 0;
}

static void check_rules(bool with_sum, bool with_previous, const uint8_t *data, size_t size) {
        Store *s = world.m.store;
        StoredRule *rules = NULL, *again = NULL;
        size_t n = 0, n_again = 0;

        if (with_previous) /* the second save makes a copy of the first */
                assert(store_save_rules(s, &kept_rule, 1) == 0 && store_save_rules(s, &kept_rule, 1) == 0);
        bool must = put("rules", with_sum, data, size);
        int r = store_load_rules(s, &rules, &n);
        if (!check_result(r, with_previous, must)) {
                assert(r < 0 ? !rules : n == 1 && streq(rules[0].text, kept_rule.text));
        } else if (store_save_rules(s, rules, n) == 0) {
                assert(store_load_rules(s, &again, &n_again) == 0 && n_again == n);
                for (size_t i = 0; i < n; i++)
                        assert(streq(rules[i].text, again[i].text) && streq_ptr(rules[i].before, again[i].before) && streq_ptr(rules[i].after, again[i].after));
        }
        stored_rules_free(rules, n);
        stored_rules_free(again, n_again);
}

static void check_disabled(bool with_sum, bool with_previous, const uint8_t *data, size_t size) {
        Store *s = world.m.store;
        _cleanup_strv_ char **names = NULL, **again = NULL;

        if (with_previous)
                assert(store_save_disabled(s, kept_names) == 0 && store_save_disabled(s, kept_names) == 0);
        bool must = put("disabled", with_sum, data, size);
        int r = store_load_disabled(s, &names);
        if (!check_result(r, with_previous, must)) {
                assert(r < 0 ? !names : names && streq(names[0], "kept") && !names[1]);
                return;
        }
        assert(store_save_disabled(s, names) == 0 && store_load_disabled(s, &again) == 0);
        for (size_t i = 0; names && names[i]; i++)
                assert(again && again[i] && streq(again[i], names[i]));
}

static void check_mode(bool with_sum, bool with_previous, const uint8_t *data, size_t size) {
        Store *s = world.m.store;
        Mode mode = MODE_OBSERVE;

        if (with_previous)
                assert(store_save_mode(s, MODE_ENFORCE) == 0 && store_save_mode(s, MODE_ENFORCE) == 0);
        put("mode", with_sum, data, size);
        int r = store_load_mode(s, &mode);
        assert(r == 0 || r == 1 || r == -EBADMSG || r == -EINVAL || r == -ENOENT);
        assert(r != 1 || (with_previous && mode == MODE_ENFORCE));
        assert(r >= 0 || mode == MODE_OBSERVE);
}

static void check_assignments(bool with_sum, const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = NULL, *once = NULL, *twice = NULL;
        Assignments a = {}, b = {};

        bool must = put("assignments", with_sum, data, size);
        int r = store_load_assignments(world.m.store, &text);
        if (!check_result(r, false, must))
                return;
        assert(assignments_init(&a) == 0 && assignments_init(&b) == 0);
        r = assignments_parse(&a, text, "b", 5);
        assert(r == 0 || ((r == 1 || r == -EBADMSG) && !assignments_any(&a) && map_size(a.orders) == 0));
        if (r == 0) {
                assert(assignments_format(&a, "b", &once) == 0 && assignments_parse(&b, once, "b", 5) == 0);
                assert(map_size(a.by_pid) == map_size(b.by_pid) && map_size(a.orders) == map_size(b.orders));
                assert(assignments_format(&b, "b", &twice) == 0 && strlen(once) == strlen(twice));
        }
        assignments_done(&a);
        assignments_done(&b);
}

static uint32_t sum32(const char *boot, const uint8_t *data, size_t size) {
        uint32_t sum = 0x811c9dc5u;

        for (; *boot; boot++)
                sum = (sum ^ (uint8_t) *boot) * 0x01000193u;
        for (size_t i = 0; i < size; i++)
                sum = (sum ^ data[i]) * 0x01000193u;
        return sum;
}

/* Lines of this boot, each with a checksum that fits if it is wanted. */
static void put_marks(bool with_sum, const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);

        assert(f);
        if (with_sum)
                fprintf(f, "boot %s %08x\n", world.boot_id, sum32("boot ", (const uint8_t *) world.boot_id, strlen(world.boot_id)));
        while (with_sum && size > 0) {
                const uint8_t *end = memchr(data, '\n', size);
                size_t line = end ? (size_t) (end - data) : size;
                fwrite(data, 1, line, f);
                fprintf(f, " %08x\n", sum32(world.boot_id, data, line));
                data += line + (end != NULL);
                size -= line + (end != NULL);
        }
        fwrite(data, 1, size, f);
        assert(fclose(f) == 0);
        write_file("marks", "", 0, (const uint8_t *) text, n);
}

static void check_marks(bool with_sum, const uint8_t *data, size_t size) {
        Manager *m = &world.m;
        Process *p;

        put_marks(with_sum, data, size);
        assert(proctable_new(&m->table) == 0 && marks_open(m) == 0 && !m->marks.failed);
        for (pid_t pid = 100; pid < 104; pid++) {
                assert(proctable_make(m->table, pid, 0xabc, &p) == 0);
                marks_restore(m, p);
                assert(!p->sticky || (p->rule && rule_is_sticky(p->rule)));
        }
        marks_tidy(m);
        marks_done(m);
        m->marks = (Marks) { .fd = -EBADF };
        m->table = proctable_free(m->table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size == 0)
                return 0;
        bool with_sum = data[0] & WITH_SUM, with_previous = data[0] & WITH_PREVIOUS;
        unsigned which = (data[0] & 0x3f) % 5;

        world_open();
        fuzz_place_empty();
        data++;
        size--;
        switch (which) {
        case 0: check_rules(with_sum, with_previous, data, size); break;
        case 1: check_disabled(with_sum, with_previous, data, size); break;
        case 2: check_mode(with_sum, with_previous, data, size); break;
        case 3: check_assignments(with_sum, data, size); break;
        default: check_marks(with_sum, data, size); break;
        }
        return 0;
}
