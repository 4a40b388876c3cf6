/* The calls that shortage_fails() may let fail: the linker puts these functions in front of libc's. */
#include "tests/unit/shortage.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

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
        return shortage_fails(true) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
        return shortage_fails(true) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n) {
        return shortage_fails(true) ? NULL : __libc_realloc(p, n);
}
#endif

/* An allocation that no malloc above sees. */
static bool fails_here(void) {
        return !OF_EVERYBODY && shortage_fails(true);
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

/* glibc's own look for users crashes without memory: an end as any other, but not ours to test. */
struct passwd *__real_getpwnam(const char *name);
struct passwd *__wrap_getpwnam(const char *name);
struct passwd *__wrap_getpwnam(const char *name) {
        if (shortage_fails(true))
                return NULL;
        bool before = shortage_let(false);
        struct passwd *pw = __real_getpwnam(name);

        (void) shortage_let(before);
        return pw;
}

/* glibc before 2.42 frees something twice when memory runs out in here (CVE-2025-8058): not ours to test. */
int __real_regcomp(regex_t *r, const char *pattern, int flags);
int __wrap_regcomp(regex_t *r, const char *pattern, int flags);
int __wrap_regcomp(regex_t *r, const char *pattern, int flags) {
        bool before = shortage_let(false);
        int e = __real_regcomp(r, pattern, flags);
        (void) shortage_let(before);
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
        return fails_here() || shortage_fails(false) ? NULL : __real_opendir(path);
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
        int r = shortage_fails(false) ? -1 : __real_open64(path, flags, va_arg(ap, int));
        va_end(ap);
        return r;
}

int __real_openat64(int dir, const char *path, int flags, ...);
int __wrap_openat64(int dir, const char *path, int flags, ...);
int __wrap_openat64(int dir, const char *path, int flags, ...) {
        va_list ap;

        va_start(ap, flags);
        int r = shortage_fails(false) ? -1 : __real_openat64(dir, path, flags, va_arg(ap, int));
        va_end(ap);
        return r;
}

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol) {
        return shortage_fails(false) ? -1 : __real_socket(domain, type, protocol);
}

int __real_socketpair(int domain, int type, int protocol, int pair[2]);
int __wrap_socketpair(int domain, int type, int protocol, int pair[2]);
int __wrap_socketpair(int domain, int type, int protocol, int pair[2]) {
        return shortage_fails(false) ? -1 : __real_socketpair(domain, type, protocol, pair);
}

int __real_pipe2(int pair[2], int flags);
int __wrap_pipe2(int pair[2], int flags);
int __wrap_pipe2(int pair[2], int flags) {
        return shortage_fails(false) ? -1 : __real_pipe2(pair, flags);
}

int __real_signalfd(int fd, const sigset_t *mask, int flags);
int __wrap_signalfd(int fd, const sigset_t *mask, int flags);
int __wrap_signalfd(int fd, const sigset_t *mask, int flags) {
        return shortage_fails(false) ? -1 : __real_signalfd(fd, mask, flags);
}

int __real_inotify_init1(int flags);
int __wrap_inotify_init1(int flags);
int __wrap_inotify_init1(int flags) {
        return shortage_fails(false) ? -1 : __real_inotify_init1(flags);
}

int __real_fcntl64(int fd, int what, ...);
int __wrap_fcntl64(int fd, int what, ...);
int __wrap_fcntl64(int fd, int what, ...) {
        va_list ap;

        if ((what == F_DUPFD || what == F_DUPFD_CLOEXEC) && shortage_fails(false))
                return -1;
        va_start(ap, what);
        int r = __real_fcntl64(fd, what, va_arg(ap, long));
        va_end(ap);
        return r;
}

int __real_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags);
int __wrap_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags);
int __wrap_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags) {
        return shortage_fails(false) ? -1 : __real_accept4(fd, a, n, flags);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...) {
        va_list ap;
        long a[6];

        if ((number == SYS_pidfd_open || number == SYS_openat2) && shortage_fails(false))
                return -1;
        va_start(ap, number);
        for (size_t i = 0; i < ELEMENTSOF(a); i++)
                a[i] = va_arg(ap, long);
        va_end(ap);
        return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
