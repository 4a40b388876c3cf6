/* Counts calls and lets one of them fail. */
#include "tests/unit/test.h"

#include "tests/unit/shortage.h"

#define TRIES_MAX 20000

static struct {
        bool on, all;
        ShortageKind kind;
        unsigned count, failing, failed;
} shortage;

int shortage_error(ShortageKind kind) {
        return kind == SHORTAGE_MEMORY ? -ENOMEM : kind == SHORTAGE_DESCRIPTORS ? -EMFILE : -ENFILE;
}

bool shortage_let(bool on) {
        bool before = shortage.on;

        shortage.on = on;
        return before;
}

bool shortage_met(void) {
        return shortage.failed > 0;
}

bool shortage_fails(bool memory) {
        if (!shortage.on || memory != (shortage.kind == SHORTAGE_MEMORY))
                return false;
        shortage.count++;
        if (shortage.count != shortage.failing && !(shortage.all && shortage.count > shortage.failing))
                return false;
        shortage.failed++;
        errno = -shortage_error(shortage.kind);
        return true;
}

static unsigned tries(ShortageTry try, void *userdata, const int *others) {
        const int error = shortage_error(shortage.kind);

        for (unsigned n = 1; n < TRIES_MAX; n++) {
                shortage.count = shortage.failed = 0;
                shortage.failing = n;
                shortage.on = true;
                int r = try(userdata);
                shortage.on = false;
                bool is_known = r == 0 || r == error;
                for (const int *o = others; o && *o; o++)
                        is_known = is_known || r == *o;
                if (!is_known || (shortage.failed == 0 && r != 0))
                        fail_msg("try %u, %u failures: ends with %d", n, shortage.failed, r);
                if (shortage.failed == 0)
                        return n - 1;
        }
        fail_msg("it does not end");
        return 0;
}

unsigned shortage_of(ShortageKind kind, ShortageTry try, void *userdata, const int *others) {
        shortage.kind = kind;
        shortage.all = false;
        unsigned n = tries(try, userdata, others);
        shortage.all = true;
        return n + tries(try, userdata, others);
}
