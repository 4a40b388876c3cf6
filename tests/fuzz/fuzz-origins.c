/* Any bytes as the files that the broker keeps: origins, what was tuned, the runtime classes. Nothing may crash; what is understood comes back the same from what is written
 * of it, and no origin lies anywhere but in a hierarchy. The first byte says which file; its high bits: without checksums that fit, without a copy before it. */
#include "tests/unit/test.h"
#include <assert.h>
#include "broker/origins.h"
#include "broker/runtimeclass.h"
#include "broker/tune.h"
#include "common/fd.h"
#include "common/kept.h"
#include "common/log.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fakecgroup.h"

#define WITHOUT_SUMS 0x80
#define WITHOUT_COPY 0x40

static FakeCgroup *fake;

static void leave(void) {
        (void) fake_teardown((void **) &fake);
}

static void put(const char *name, const char *head, const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);

        assert(f);
        fputs(head, f);
        fwrite(data, 1, size, f);
        assert(fclose(f) == 0 && fd_replace_file_unsynced(fake->dirfd, name, text, n, 0600) == 0);
}

static void check_records(const Origins *o, const PlaceTable *places) {
        const OriginRecord *r;

        for (size_t i = 0; (r = origins_next(o, &i));) {
                assert(r->pid > 0 && origins_find(o, r->pid, r->start) == r);
                for (unsigned h = 0; h < WIRE_HIERARCHIES_MAX; h++) {
                        unsigned hierarchy = 99;
                        const char *path = wire_place(r->origin[h]) == WIRE_NONE ? NULL : place_path(places, r->origin[h], &hierarchy);
                        assert(wire_place(r->origin[h]) == WIRE_NONE || (path && *path == '/' && hierarchy == h && h < fake->set->n));
                }
        }
}

static uint32_t sum32(const char *begin, const void *data, size_t size) {
        uint32_t sum = 0x811c9dc5u;

        for (; *begin; begin++)
                sum = (sum ^ (uint8_t) *begin) * 0x01000193u;
        for (const uint8_t *p = data; size > 0; size--)
                sum = (sum ^ *p++) * 0x01000193u;
        return sum;
}

/* With a checksum that fits behind each line, or as they are. */
static void put_origins(bool with_sums, const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);

        assert(f);
        if (with_sums)
                fprintf(f, "boot b %08x\n", sum32("", "boot b", 6));
        while (with_sums && size > 0) {
                const uint8_t *end = memchr(data, '\n', size);
                size_t line = end ? (size_t) (end - data) : size;
                fwrite(data, 1, line, f);
                fprintf(f, " %08x\n", sum32("b", data, line));
                data += line + (end != NULL);
                size -= line + (end != NULL);
        }
        fwrite(data, 1, size, f);
        assert(fclose(f) == 0);
        put(ORIGINS_FILE, "", (const uint8_t *) text, n);
}

static void check_origins(bool with_sums, const uint8_t *data, size_t size) {
        _cleanup_(place_table_freep) PlaceTable *places = NULL, *again = NULL;
        _cleanup_(origins_freep) Origins *o = NULL, *second = NULL;

        put_origins(with_sums, data, size);
        assert(place_table_new(&places) == 0 && place_table_new(&again) == 0);
        int r = origins_open(fake->dirfd, fake->proc_fd, fake->set, places, "b", &o);
        assert(r == 0 || r == 1 || r == -ENOSPC);
        if (r < 0)
                return;
        check_records(o, places);
        assert(origins_open(fake->dirfd, fake->proc_fd, fake->set, again, "b", &second) == 0);
        assert(origins_count(second) == origins_count(o));
}

static const char kept_tuned[] = "[Class kept]\nCPUWeight=77\n";
static const char kept_classes[] = "runtime\nruntime/kept memory\n";

/* A whole file: with a checksum that fits, or as it is; behind it a copy of `kept`, or none. */
static void put_whole(const char *name, unsigned how, const char *kept, const uint8_t *data, size_t size) {
        char head[64] = "", previous[64];
        uint64_t sum = UINT64_C(0xcbf29ce484222325);

        snprintf(previous, sizeof(previous), "%s.previous", name);
        (void) unlinkat(fake->dirfd, name, 0);
        (void) unlinkat(fake->dirfd, previous, 0);
        if (!(how & WITHOUT_COPY))
                assert(kept_save(fake->dirfd, name, kept, 0600) == 0 && kept_save(fake->dirfd, name, kept, 0600) == 0);
        for (size_t i = 0; i < size; i++)
                sum = (sum ^ data[i]) * UINT64_C(0x100000001b3);
        if (!(how & WITHOUT_SUMS))
                snprintf(head, sizeof(head), "# checksum %016llx\n", (unsigned long long) sum);
        put(name, head, data, size);
}

static void check_tuned(unsigned how, const uint8_t *data, size_t size) {
        _cleanup_(class_table_freep) ClassTable *t = NULL;

        put_whole(TUNE_FILE, how, kept_tuned, data, size);
        bool unbelievable = memchr(data, '\0', size) || (size == 0 && how & WITHOUT_SUMS);
        int r = tune_load(fake->dirfd, &t);
        assert(r >= 0 && (r == KEPT_LOST) == !t && !(r == KEPT_WHOLE && unbelievable));
        assert(!unbelievable || (how & WITHOUT_COPY ? !t : t && class_table_find(t, "kept")));
}

static void check_runtime(unsigned how, const uint8_t *data, size_t size) {
        static const char classes[] = "[Class web]\n[Class runtime]\nTunable=MemoryHigh:-2G\n";
        _cleanup_(class_table_freep) ClassTable *table = NULL;
        _cleanup_(class_set_freep) ClassSet *set = NULL;
        TextError err = {};

        put_whole(RUNTIME_FILE, how, kept_classes, data, size);
        assert(class_table_parse(classes, strlen(classes), "c", &table, &err) == 0);
        assert(class_set_new(table, fake->set, &set) == 0);
        set->runtime_max = 8;
        set->runtime_fd = fake->dirfd;
        (void) runtime_classes_load(set);
        assert(set->n_runtime <= set->runtime_max + 1);
        for (size_t i = 0; i < set->n; i++)
                assert(!set->items[i]->own || (startswith(set->items[i]->name, "runtime") && class_name_valid(set->items[i]->name, false)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size == 0)
                return 0;
        if (!fake) {
                log_open("fuzz", LOG_EMERG);
                assert(fake_setup((void **) &fake) == 0 && atexit(leave) == 0);
                for (int pid = 100; pid < 104; pid++)
                        fake_process(fake, pid, 'S', 0, 0, 500, "/", "/");
        }
        switch ((data[0] & 0x3f) % 3) {
        case 0: check_origins(!(data[0] & WITHOUT_SUMS), data + 1, size - 1); break;
        case 1: check_tuned(data[0], data + 1, size - 1); break;
        default: check_runtime(data[0], data + 1, size - 1); break;
        }
        return 0;
}
