/* What is kept over a restart: text files that tell by a checksum whether they are what was written. Damage is meant, not forgery: who can write a file can
 * write its checksum.
 *
 * A whole file is replaced at once; after a crash there is the old one or the new one. Its first line holds the checksum of the rest, and there is a
 * copy of the one before, NAME.previous. Whoever edits such a file by hand removes that first line.
 *
 * A journal is worth something for one boot, so nobody waits for the disk. Its first line names the boot, lines are appended, and each stands for itself: what was
 * cut or damaged costs that line. Only a cut exactly between two lines cannot be told from a shorter journal. */
#pragma once
#include <stdint.h>
#include "common/macro.h"

#define KEPT_SIZE_MAX (64u << 20)
#define KEPT_SUM_SIZE 10 /* what a checksum adds to a line of a journal, its newline included */

/* What there was: all but the first are to be said. */
typedef enum KeptState {
        KEPT_WHOLE,
        KEPT_COPY, /* it was damaged, this is the copy before it */
        KEPT_GONE, /* it was not there, this is the copy before it: nobody but an administrator removes it, and he may have meant both */
        KEPT_LOST, /* for those who go on without either */
} KeptState;
/* The text of a whole file, or of the copy before it: KEPT_WHOLE, KEPT_COPY, KEPT_GONE. -EBADMSG: it is damaged or gone, and there is no good copy. -ENOENT: neither
 * is there. Other -errno: it cannot be read now. */
int kept_load(int dirfd, const char *name, char **ret);
/* Temporary file, fsync, rename, fsync of the directory. What was there stays, whole, when this fails. -E2BIG, -errno. */
int kept_save(int dirfd, const char *name, const char *text, mode_t mode);
/* The same for what is worth something for this boot only: no fsync, no copy before it. */
int kept_save_unsynced(int dirfd, const char *name, const char *text, mode_t mode);

/* The text of a journal. A NUL in it, which would hide all that follows, is another character: it damages its line and no other one. As fd_read_file(). */
int kept_read_journal(int dirfd, const char *name, size_t max, char **ret, size_t *ret_size);
/* The first line of a journal, with its newline. Its length. */
int kept_begin(char *buf, size_t size, const char *boot_id);
typedef enum KeptBoot { KEPT_THIS_BOOT, KEPT_OTHER_BOOT, KEPT_DAMAGED } KeptBoot;
/* What such a line says (without its newline). Damaged: what follows may be of this boot all the same, which each line knows. */
KeptBoot kept_boot(const char *line, const char *boot_id);
/* Ends a line of n bytes in buf, which has room for KEPT_SUM_SIZE and a NUL more, with its checksum and a newline. The new length. */
int kept_seal(char *buf, int n, const char *boot_id);
/* Takes the checksum off a line (without its newline). False: it does not fit, or is of another boot; the line is as it was. */
bool kept_unseal(char *line, const char *boot_id);
