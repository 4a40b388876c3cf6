/* Streams in memory. */
#include "common/textstream.h"

static int make_room(TextStream *t, size_t n) {
        size_t room = MAX(t->room, (size_t) 256);

        while (room - t->size <= n) /* one for the NUL */
                room *= 2;
        if (room == t->room)
                return 0;
        char *text = realloc(t->text, room);
        if (!text)
                return -ENOMEM;
        t->text = text;
        t->room = room;
        return 0;
}

/* What cannot be kept is lost, and remembered to be: a stream does not always try again, or tell. */
static ssize_t take(void *cookie, const char *data, size_t n) {
        TextStream *t = cookie;

        if (t->failed || make_room(t, n) < 0) {
                t->failed = true;
                return 0;
        }
        memcpy(t->text + t->size, data, n);
        t->size += n;
        return (ssize_t) n;
}

FILE *text_stream_open(TextStream *t) {
        *t = (TextStream) {};
        t->f = fopencookie(t, "w", (cookie_io_functions_t) { .write = take });
        if (t->f)
                setvbuf(t->f, t->buffer, _IOFBF, sizeof(t->buffer));
        return t->f;
}

int text_stream_close(TextStream *t, char **ret, size_t *ret_size) {
        bool failed = ferror(t->f);

        failed = fclose(t->f) != 0 || failed || t->failed || make_room(t, 0) < 0;
        t->f = NULL;
        if (failed) {
                free(TAKE_PTR(t->text));
                return -ENOMEM;
        }
        t->text[t->size] = '\0';
        if (ret_size)
                *ret_size = t->size;
        *ret = TAKE_PTR(t->text);
        return 0;
}
