/* Counts calls and lets one of them fail. */
#include "tests/unit/test.h"

#include "tests/unit/shortage.h"

#include <dirent.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRIES_MAX 20000

static struct {
        bool on, all;
        ShortageKind kind;
        unsigned count, failing, failed;
} shortage;

int shortage_error(ShortageKind kind) {
        return kind == SHORTAGE_MEMORY ? -ENOMEM : kind == SHORTAGE_DESCRIPTORS ? -EMFILE : -ENFILE;
}

void shortage_pause(void) {
        shortage.on = false;
}

void shortage_resume(void) {
        shortage.on = true;
}

bool shortage_met(void) {
        return shortage.failed > 0;
}

static bool fails(bool memory) {
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

/* ---- allocations of everybody --------------------------------------------------------------------------------------------- */

/* Our malloc is that of the whole program: what libc and the libraries allocate for us fails in its turn, too, as in fclose() of a stream in memory. The address
 * sanitizer needs its own; there only what we call ourselves fails, and leaks are found instead. */
#if defined(__SANITIZE_ADDRESS__)
#define OF_EVERYBODY false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OF_EVERYBODY false
#endif
#endif

#ifndef OF_EVERYBODY
#define OF_EVERYBODY true
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n) {
        return fails(true) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
        return fails(true) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n) {
        return fails(true) ? NULL : __libc_realloc(p, n);
}
#endif

/* An allocation that no malloc above sees. */
static bool fails_here(void) {
        return !OF_EVERYBODY && fails(true);
}

/* ---- in front of libc ------------------------------------------------------------------------------------------------ */

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n) {
        return fails_here() ? NULL : __real_malloc(n);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size) {
        return fails_here() ? NULL : __real_calloc(n, size);
}

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n) {
        return fails_here() ? NULL : __real_realloc(p, n);
}

void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size) {
        return fails_here() ? NULL : __real_reallocarray(p, n, size);
}

char *__real_strdup(const char *s);
char *__wrap_strdup(const char *s);
char *__wrap_strdup(const char *s) {
        return fails_here() ? NULL : __real_strdup(s);
}

char *__real_strndup(const char *s, size_t n);
char *__wrap_strndup(const char *s, size_t n);
char *__wrap_strndup(const char *s, size_t n) {
        return fails_here() ? NULL : __real_strndup(s, n);
}

FILE *__real_fopencookie(void *cookie, const char *mode, cookie_io_functions_t f);
FILE *__wrap_fopencookie(void *cookie, const char *mode, cookie_io_functions_t f);
FILE *__wrap_fopencookie(void *cookie, const char *mode, cookie_io_functions_t f) {
        return fails_here() ? NULL : __real_fopencookie(cookie, mode, f);
}

/* glibc before 2.42 frees something twice when memory runs out in here (CVE-2025-8058): not ours to test. */
int __real_regcomp(regex_t *r, const char *pattern, int flags);
int __wrap_regcomp(regex_t *r, const char *pattern, int flags);
int __wrap_regcomp(regex_t *r, const char *pattern, int flags) {
        bool on = shortage.on;

        shortage.on = false;
        int e = __real_regcomp(r, pattern, flags);
        shortage.on = on;
        return e;
}

/* With and without _FORTIFY_SOURCE. A failed one leaves the pointer as it was (glibc does, or sets it NULL). */
_printf_(2, 0) int __wrap_vasprintf(char **p, const char *format, va_list ap);
_printf_(2, 0) int __real_vasprintf(char **p, const char *format, va_list ap);
int __wrap_vasprintf(char **p, const char *format, va_list ap) {
        return fails_here() ? -1 : __real_vasprintf(p, format, ap);
}

_printf_(2, 3) int __wrap_asprintf(char **p, const char *format, ...);
int __wrap_asprintf(char **p, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        int r = __wrap_vasprintf(p, format, ap);
        va_end(ap);
        return r;
}

_printf_(3, 4) int __wrap___asprintf_chk(char **p, int flag, const char *format, ...);
int __wrap___asprintf_chk(char **p, int flag, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        int r = __wrap_vasprintf(p, format, ap);
        va_end(ap);
        return r;
}

_printf_(3, 0) int __wrap___vasprintf_chk(char **p, int flag, const char *format, va_list ap);
int __wrap___vasprintf_chk(char **p, int flag, const char *format, va_list ap) {
        return __wrap_vasprintf(p, format, ap);
}

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
DIR *__wrap_opendir(const char *path) {
        return fails_here() || fails(false) ? NULL : __real_opendir(path);
}

DIR *__real_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd) {
        return fails_here() ? NULL : __real_fdopendir(fd);
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...) {
        va_list ap;

        va_start(ap, flags);
        int r = fails(false) ? -1 : __real_open64(path, flags, va_arg(ap, int));
        va_end(ap);
        return r;
}

int __real_openat64(int dir, const char *path, int flags, ...);
int __wrap_openat64(int dir, const char *path, int flags, ...);
int __wrap_openat64(int dir, const char *path, int flags, ...) {
        va_list ap;

        va_start(ap, flags);
        int r = fails(false) ? -1 : __real_openat64(dir, path, flags, va_arg(ap, int));
        va_end(ap);
        return r;
}

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol) {
        return fails(false) ? -1 : __real_socket(domain, type, protocol);
}

int __real_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags);
int __wrap_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags);
int __wrap_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags) {
        return fails(false) ? -1 : __real_accept4(fd, a, n, flags);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...) {
        va_list ap;
        long a[6];

        if ((number == SYS_pidfd_open || number == SYS_openat2) && fails(false))
                return -1;
        va_start(ap, number);
        for (size_t i = 0; i < ELEMENTSOF(a); i++)
                a[i] = va_arg(ap, long);
        va_end(ap);
        return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
