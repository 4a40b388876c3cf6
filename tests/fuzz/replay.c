/* Runs a fuzz target over the files of a corpus, so that what fuzzing once found stays found: replay DIRECTORY... */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (1 << 20)

static int replay_file(int dir, const char *name) {
        _cleanup_free_ uint8_t *data = malloc(INPUT_MAX), *exact = NULL;
        int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
        FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;

        if (!data || !f)
                return -errno;
        size_t n = fread(data, 1, INPUT_MAX, f);
        fclose(f);
        exact = malloc(n + !n); /* so that a sanitizer sees a read behind the end */
        if (!exact)
                return -ENOMEM;
        memcpy(exact, data, n);
        LLVMFuzzerTestOneInput(exact, n);
        return 0;
}

/* Number of inputs, or -errno. */
static int replay_directory(const char *path) {
        DIR *d = opendir(path);
        int n = 0, r = 0;

        if (!d)
                return -errno;
        for (struct dirent *e; r >= 0 && (e = readdir(d));)
                if (*e->d_name != '.') {
                        r = replay_file(dirfd(d), e->d_name);
                        n++;
                }
        closedir(d);
        return r < 0 ? r : n;
}

int main(int argc, char **argv) {
        for (int i = 1; i < argc; i++) {
                int n = replay_directory(argv[i]);
                if (n <= 0) {
                        fprintf(stderr, "%s: %s\n", argv[i], n < 0 ? strerror(-n) : "no inputs");
                        return EXIT_FAILURE;
                }
                printf("%s: %d inputs\n", argv[i], n);
        }
        return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
