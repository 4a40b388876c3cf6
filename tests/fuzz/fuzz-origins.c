/* Any bytes as the files that the broker keeps: origins, what was tuned, the runtime classes. Nothing may crash; what is understood comes back the same from what is written
 * of it, and no origin lies anywhere but in a hierarchy. The first byte says which file. */
#include "tests/unit/test.h"
#include <assert.h>
#include "broker/origins.h"
#include "broker/runtimeclass.h"
#include "broker/tune.h"
#include "common/fd.h"
#include "common/log.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fakecgroup.h"

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

/* With a checksum that fits in front of each line, or as they are. */
static void put_origins(bool with_sums, const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);

        assert(f);
        while (with_sums && size > 0) {
                const uint8_t *end = memchr(data, '\n', size);
                size_t line = end ? (size_t) (end - data) : size;
                uint32_t sum = 0x811c9dc5u;
                for (size_t i = 0; i < line; i++)
                        sum = (sum ^ data[i]) * 0x01000193u;
                fprintf(f, "%08x ", sum);
                fwrite(data, 1, line + (end != NULL), f);
                data += line + (end != NULL);
                size -= line + (end != NULL);
        }
        fwrite(data, 1, size, f);
        assert(fclose(f) == 0);
        put(ORIGINS_FILE, "boot b\n", (const uint8_t *) text, n);
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

static void check_tuned(const uint8_t *data, size_t size) {
        put(TUNE_FILE, "", data, size);
        class_table_free(tune_load(fake->dirfd));
}

static void check_runtime(const uint8_t *data, size_t size) {
        static const char classes[] = "[Class web]\n[Class runtime]\nTunable=MemoryHigh:-2G\n";
        _cleanup_(class_table_freep) ClassTable *table = NULL;
        _cleanup_(class_set_freep) ClassSet *set = NULL;
        TextError err = {};

        put(RUNTIME_FILE, "", data, size);
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
        switch ((data[0] & 0x7f) % 3) {
        case 0: check_origins(!(data[0] & 0x80), data + 1, size - 1); break;
        case 1: check_tuned(data + 1, size - 1); break;
        default: check_runtime(data + 1, size - 1); break;
        }
        return 0;
}
