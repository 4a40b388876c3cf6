/* For a program that runs out of something as the test that started it says. */
#include "tests/unit/shortage.h"

#include <fcntl.h>
#include <limits.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static ShortageOrder *order; /* NULL: nothing fails */
static bool off;

/* For those to whom no environment is handed down: beside the program, by the name with which it is started. */
static int open_beside(const char *name) {
        char path[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
        const char *base = strrchr(name, '/');

        if (n <= 0)
                return -1;
        path[n] = '\0';
        char *slash = strrchr(path, '/');
        int left = (int) (path + sizeof(path) - slash - 1);
        return snprintf(slash + 1, (size_t) left, "%s.shortage", base ? base + 1 : name) < left ? open(path, O_RDWR | O_CLOEXEC) : -1;
}

/* glibc hands main()'s arguments to constructors, too. */
__attribute__((constructor)) static void take_order(int argc, char **argv) {
        const char *text = getenv("PCLASS_SHORTAGE");
        int fd = text ? atoi(text) : argc > 0 ? open_beside(argv[0]) : -1;

        if (fd < 0)
                return;
        ShortageOrder *o = mmap(NULL, sizeof(*o), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        if (o == MAP_FAILED)
                _exit(99);
        order = o;
}

int shortage_error(ShortageKind kind) {
        return kind == SHORTAGE_MEMORY ? -ENOMEM : kind == SHORTAGE_DESCRIPTORS ? -EMFILE : -ENFILE;
}

bool shortage_let(bool on) {
        bool before = !off;

        off = !on;
        return before;
}

bool shortage_fails(bool memory) {
        if (!order || off || memory != (order->kind == SHORTAGE_MEMORY))
                return false;
        unsigned n = __atomic_add_fetch(&order->count, 1, __ATOMIC_RELAXED);
        if (n != order->failing && !(order->all && order->failing && n > order->failing))
                return false;
        (void) __atomic_add_fetch(&order->failed, 1, __ATOMIC_RELAXED);
        errno = -shortage_error(order->kind);
        return true;
}

/* libseccomp without memory makes a filter that allows too little, or loops for ever: its user ends by that filter, or by the service manager. */
int __real_seccomp_load(scmp_filter_ctx ctx);
int __wrap_seccomp_load(scmp_filter_ctx ctx);
int __wrap_seccomp_load(scmp_filter_ctx ctx) {
        if (shortage_fails(true))
                return -ENOMEM;
        bool before = shortage_let(false);
        int r = __real_seccomp_load(ctx);
        (void) shortage_let(before);
        return r;
}
