/* Files kept over a restart. */
#include "common/kept.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include "common/fd.h"
#include "common/str.h"

#define PREVIOUS ".previous"
#define NAME_SIZE 64
#define SUM_LINE "# checksum "
#define BOOT_WORD "boot "

/* ---- whole files ---- */

/* FNV-1a, 64 bits. */
static uint64_t checksum(const char *text) {
        uint64_t sum = UINT64_C(0xcbf29ce484222325);

        for (; *text; text++)
                sum = (sum ^ (unsigned char) *text) * UINT64_C(0x100000001b3);
        return sum;
}

/* What of the text is to be believed; NULL when it is damaged. The first line ends in the checksum of the rest, or there is none at all
 * (edited by hand). A NUL would hide what follows it, and what we write is never empty. */
static const char *believed(const char *text, size_t size) {
        const char *newline = strchr(text, '\n');
        char expected[17];

        if (size == 0 || strlen(text) != size || (!newline && *text == '#')) /* the first line was cut */
                return NULL;
        if (!newline)
                return text;
        snprintf(expected, sizeof(expected), "%016" PRIx64, checksum(newline + 1));
        if (newline - text >= 16 && strncmp(newline - 16, expected, 16) == 0)
                return newline + 1;
        return startswith(text, SUM_LINE) ? NULL : text;
}

static int load_whole(int dirfd, const char *name, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r = fd_read_file(dirfd, name, KEPT_SIZE_MAX, &text, &size);

        if (r < 0)
                return r == -EFBIG ? -EBADMSG : r;
        const char *whole = believed(text, size);
        if (!whole)
                return -EBADMSG;
        *ret = strdup(whole);
        return *ret ? 0 : -ENOMEM;
}

int kept_load(int dirfd, const char *name, char **ret) {
        char previous[NAME_SIZE];
        int r = load_whole(dirfd, name, ret);

        if (r != -EBADMSG && r != -ENOENT)
                return r;
        snprintf(previous, sizeof(previous), "%s" PREVIOUS, name);
        int copy = load_whole(dirfd, previous, ret);
        if (copy >= 0)
                return r == -ENOENT ? KEPT_GONE : KEPT_COPY;
        return copy == -ENOENT ? r : copy;
}

/* A good file becomes the previous one; a damaged one must not take its place. */
static void keep_previous(int dirfd, const char *name) {
        _cleanup_free_ char *text = NULL;
        char previous[NAME_SIZE];

        if (load_whole(dirfd, name, &text) < 0)
                return;
        snprintf(previous, sizeof(previous), "%s" PREVIOUS, name);
        (void) unlinkat(dirfd, previous, 0);
        (void) !linkat(dirfd, name, dirfd, previous, 0);
}

static int with_sum(const char *text, char **ret) {
        if (strlen(text) > KEPT_SIZE_MAX - NAME_SIZE)
                return -E2BIG;
        int n = asprintf(ret, SUM_LINE "%016" PRIx64 "\n%s", checksum(text), text);
        if (n < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return n;
}

int kept_save(int dirfd, const char *name, const char *text, mode_t mode) {
        _cleanup_free_ char *whole = NULL;
        int n = with_sum(text, &whole);

        if (n < 0)
                return n;
        n = fd_write_new(dirfd, name, whole, (size_t) n, mode, true);
        if (n < 0)
                return n;
        keep_previous(dirfd, name);
        return fd_take_new(dirfd, name, true);
}

int kept_save_unsynced(int dirfd, const char *name, const char *text, mode_t mode) {
        _cleanup_free_ char *whole = NULL;
        int n = with_sum(text, &whole);

        return n < 0 ? n : fd_replace_file_unsynced(dirfd, name, whole, n, mode);
}

/* ---- journals ---- */

/* FNV-1a, 32 bits, of the boot and the line: a line of another boot is as good as a damaged one. */
static uint32_t line_sum(const char *boot_id, const char *line, size_t n) {
        uint32_t sum = 0x811c9dc5u;

        for (; *boot_id; boot_id++)
                sum = (sum ^ (unsigned char) *boot_id) * 0x01000193u;
        for (size_t i = 0; i < n; i++)
                sum = (sum ^ (unsigned char) line[i]) * 0x01000193u;
        return sum;
}

int kept_read_journal(int dirfd, const char *name, size_t max, char **ret, size_t *ret_size) {
        int r = fd_read_file(dirfd, name, max, ret, ret_size);

        for (char *nul; r >= 0 && (nul = memchr(*ret, '\0', *ret_size));)
                *nul = '?';
        return r;
}

int kept_seal(char *buf, int n, const char *boot_id) {
        return n + sprintf(buf + n, " %08" PRIx32 "\n", line_sum(boot_id, buf, n));
}

bool kept_unseal(char *line, const char *boot_id) {
        char expected[KEPT_SUM_SIZE], *sum = strrchr(line, ' ');

        if (!sum)
                return false;
        snprintf(expected, sizeof(expected), " %08" PRIx32, line_sum(boot_id, line, sum - line));
        if (!streq(sum, expected))
                return false;
        *sum = '\0';
        return true;
}

int kept_begin(char *buf, size_t size, const char *boot_id) {
        int n = snprintf(buf, size - KEPT_SUM_SIZE, BOOT_WORD "%s", boot_id);

        return kept_seal(buf, MIN(n, (int) (size - KEPT_SUM_SIZE) - 1), "");
}

KeptBoot kept_boot(const char *line, const char *boot_id) {
        char copy[128];

        if (snprintf(copy, sizeof(copy), "%s", line) >= (int) sizeof(copy) || !kept_unseal(copy, ""))
                return KEPT_DAMAGED;
        const char *boot = startswith(copy, BOOT_WORD);
        return !boot ? KEPT_DAMAGED : streq(boot, boot_id) ? KEPT_THIS_BOOT : KEPT_OTHER_BOOT;
}
