/* How answers look: aligned tables, sizes and times as text, JSON. */
#pragma once
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include "common/macro.h"

typedef enum JsonMode {
        JSON_OFF,
        JSON_SHORT,  /* one line */
        JSON_PRETTY,
} JsonMode;

int json_mode_from_string(const char *s, JsonMode *ret); /* -EINVAL */
/* With a newline behind it. Slashes are not escaped. */
void json_print(FILE *f, json_object *o, JsonMode mode);

/* Releases the reference of a local variable. */
static inline void json_putp(json_object **o) {
        json_object_put(*o);
}
#define _cleanup_json_ _cleanup_(json_putp)

typedef enum ColumnFlags {
        COLUMN_RIGHT = 1 << 0,   /* numbers */
        COLUMN_ELASTIC = 1 << 1, /* may be cut when the terminal is too narrow */
        COLUMN_PATH = 1 << 2 | COLUMN_ELASTIC, /* cut in front: its end tells more */
} ColumnFlags;

typedef struct Column {
        const char *header;
        ColumnFlags flags;
} Column;

typedef struct TableStyle {
        bool legend; /* print the headers */
        bool colour;
        size_t width; /* columns of the terminal; 0 = never cut */
} TableStyle;

typedef struct Table Table;

/* columns must outlive the table. */
int table_new(const Column *columns, size_t n, Table **ret);
Table *table_free(Table *t);
DEFINE_CLEANUP(Table *, table_free)
/* Copies n cells, one a column. NULL and "" show as "-"; control characters are escaped. -ENOMEM. */
int table_add(Table *t, const char *const *cells);
size_t table_rows(const Table *t);
void table_print(const Table *t, FILE *f, const TableStyle *style);

/* A text fit for a terminal: itself, or escaped when it holds control characters or is not UTF-8. New string or NULL (no memory). */
char *text_for_terminal(const char *s);
/* Columns it takes on a terminal. */
size_t text_width(const char *s);
bool locale_is_utf8(void);

#define FORMAT_SIZE 32
/* "512B", "1.5K", "2.0G" (base 1024). Returns buf. */
char *format_bytes(char buf[static FORMAT_SIZE], uint64_t bytes);
#define USER_TEXT_SIZE 64
/* From now on uids are another machine's: user_text() gives numbers. */
void user_text_numbers(void);
/* Name of a uid as this machine knows it, else the number, else (no uid: UINT32_MAX) "". Returns buf. */
char *user_text(uint64_t uid, char buf[static USER_TEXT_SIZE]);
/* Microseconds: "850us", "12.5ms", "4.2s", "3min 4s", "2h 5min", "3d 4h". Returns buf. */
char *format_timespan(char buf[static FORMAT_SIZE], uint64_t usec);
