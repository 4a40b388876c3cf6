/* Growing text. */
#include "rules/textbuffer.h"

#include <stdio.h>

void text_buffer_done(TextBuffer *b) {
        free(b->data);
        *b = (TextBuffer) {};
}

static bool text_reserve(TextBuffer *b, size_t n) {
        size_t room = MAX(b->room * 2, b->n + n + 128);

        if (b->n + n <= b->room)
                return true;
        char *grown = realloc(b->data, room);
        if (!grown) {
                b->failed = true;
                return false;
        }
        b->data = grown;
        b->room = room;
        return true;
}

void text_add(TextBuffer *b, const char *text, size_t n) {
        if (n == 0 || !text_reserve(b, n))
                return;
        memcpy(b->data + b->n, text, n);
        b->n += n;
}

void text_add_string(TextBuffer *b, const char *text) {
        text_add(b, text, strlen(text));
}

void text_add_byte(TextBuffer *b, char c) {
        text_add(b, &c, 1);
}

void text_add_number(TextBuffer *b, uint32_t number) {
        char text[16];
        int n = snprintf(text, sizeof(text), "%u", number);

        text_add(b, text, (size_t) n);
}
