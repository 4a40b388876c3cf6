/* A stream that gathers text in memory, as open_memstream() does, but that says so when memory ran out on the way: glibc's then lacks a part, or has no text
 * at all, and its fclose() succeeds. */
#pragma once
#include <stdio.h>
#include "common/macro.h"

typedef struct TextStream {
        FILE *f;
        char *text;
        size_t size, room;
        bool failed;
        char buffer[256]; /* of the stream */
} TextStream;

/* The stream to write to; it cannot seek. `t` must stay where it is. NULL = -ENOMEM, nothing to close. */
FILE *text_stream_open(TextStream *t);
/* Closes it. *ret: all that was written, NUL-terminated, the caller's to free; *ret_size (may be NULL) its length. -ENOMEM: something is missing; nothing is
 * given out. */
int text_stream_close(TextStream *t, char **ret, size_t *ret_size);
