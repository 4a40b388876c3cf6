/* A text that grows: canonical texts of rules are written into one, and it is used again for the next rule. Internal to rules/. */
#pragma once
#include "common/macro.h"

typedef struct TextBuffer {
        char *data; /* not NUL-terminated */
        size_t n, room;
        bool failed; /* out of memory: what was added since is lost */
} TextBuffer;

void text_buffer_done(TextBuffer *b);
void text_add(TextBuffer *b, const char *text, size_t n);
void text_add_string(TextBuffer *b, const char *text);
void text_add_byte(TextBuffer *b, char c);
void text_add_number(TextBuffer *b, uint32_t number);
