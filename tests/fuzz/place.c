/* A place for files. */
#include "tests/fuzz/place.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[64];

static void leave(void) {
        fuzz_place_empty();
        (void) rmdir(path);
}

const char *fuzz_place(void) {
        if (!path[0]) {
                snprintf(path, sizeof(path), "%s/pclass-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
                char *made = mkdtemp(path);
                assert(made);
                (void) atexit(leave);
        }
        return path;
}

void fuzz_place_empty(void) {
        DIR *d = opendir(fuzz_place());

        assert(d);
        for (struct dirent *e; (e = readdir(d));)
                (void) unlinkat(dirfd(d), e->d_name, 0);
        closedir(d);
}
