/* Any bytes as cgconfig.conf: nothing may crash, and what is written as classes is accepted as classes. */
#include <assert.h>
#include "common/classdef.h"
#include "rules/cgconfig.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(cgconfig_freep) CgConfig *c = NULL;
        _cleanup_(class_table_freep) ClassTable *table = NULL;
        _cleanup_free_ char *text = NULL;
        TextError err = {};
        size_t n;

        assert(cgconfig_new(&c) == 0);
        int r = cgconfig_add_text(c, (const char *) data, size, "fuzz", &err);
        if (r < 0) {
                assert(r == -EINVAL && *err.message && err.line > 0 && err.column > 0 && c->n == 0);
                return 0;
        }
        FILE *f = open_memstream(&text, &n);
        assert(f && cgconfig_format(c, f) == 0 && fclose(f) == 0);
        assert(class_table_parse(text, n, "out", &table, &err) == 0);
        return 0;
}
