/* Any bytes as a class file: nothing may crash, and what is accepted must come back the same from its own text. */
#include <assert.h>
#include "common/classdef.h"
#include "tests/fuzz/fuzz.h"

static char *format(const ClassTable *t, size_t *ret_size) {
        char *text = NULL;
        FILE *f = open_memstream(&text, ret_size);

        assert(f && class_table_format(t, f) == 0 && fclose(f) == 0);
        return text;
}

static void check_class(const ClassTable *t, const ClassDef *c) {
        const char *slash = strrchr(c->name, '/');

        assert(class_name_valid(c->name, true));
        assert(class_name_valid(c->name, false) == !c->is_template);
        assert(class_table_find(t, c->name) == c);
        if (slash) { /* its parent is there */
                _cleanup_free_ char *parent = strndup(c->name, slash - c->name);
                assert(parent && class_table_find(t, parent));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(class_table_freep) ClassTable *t = NULL, *again = NULL;
        _cleanup_free_ char *text = NULL, *text_again = NULL;
        TextError err = {};
        size_t n, n_again;

        int r = class_table_parse((const char *) data, size, "fuzz", &t, &err);
        if (r < 0) {
                assert(r == -EINVAL && *err.message && !t);
                return 0;
        }
        for (size_t i = 0; i < MIN(t->n, (size_t) 64); i++)
                check_class(t, t->classes[i]);
        text = format(t, &n);
        assert(class_table_parse(text, n, "again", &again, &err) == 0);
        assert(again->n == t->n);
        text_again = format(again, &n_again);
        assert(n == n_again && memcmp(text, text_again, n) == 0);
        return 0;
}
