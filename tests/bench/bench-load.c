/* Loading rules in pieces, as the service does it between events: how long the longest piece takes that nothing can interrupt.
 * usage: bench-load KIND RULES. Prints one JSON line; CPU time, for others share the machine. */
#include <stdio.h>
#include <stdlib.h>
#include "measure.h"
#include "workload.h"

#define PIECE 64 /* rules: SLICE_RULES of daemon/ruleload.c */

typedef struct Longest {
        double ms, total;
} Longest;

static void note(Longest *l, uint64_t began) {
        double ms = (double) (measure_cpu() - began) / 1e6;

        l->total += ms;
        l->ms = ms > l->ms ? ms : l->ms;
}

static Longest read_pieces(Ruleset *rs, const char *text, size_t size) {
        RulesetText t = { .text = text, .size = size, .file = "bench" };
        TextError err = {};
        Longest l = {};
        int r;

        do {
                uint64_t began = measure_cpu();
                r = ruleset_add_text_step(rs, &t, PIECE, &err);
                note(&l, began);
        } while (r > 0);
        if (r < 0) {
                fprintf(stderr, "line %u: %s\n", err.line, err.message);
                exit(1);
        }
        return l;
}

static Longest compile_pieces(Ruleset *rs) {
        static const RulesetEnv env = {};
        uint64_t began = measure_cpu();
        RulesetCompiler *c;
        Longest l = {};
        int r = ruleset_compiler_new(rs, &env, &c);

        if (r < 0)
                abort();
        note(&l, began);
        do {
                began = measure_cpu();
                r = ruleset_compiler_step(c, PIECE);
                note(&l, began);
        } while (r > 0);
        began = measure_cpu();
        ruleset_compiler_free(c);
        note(&l, began);
        if (r < 0)
                abort();
        return l;
}

static Longest free_pieces(Ruleset *rs) {
        Longest l = {};
        bool more;

        do {
                uint64_t began = measure_cpu();
                more = ruleset_free_step(rs, PIECE);
                note(&l, began);
        } while (more);
        uint64_t began = measure_cpu();
        ruleset_free(rs);
        note(&l, began);
        return l;
}

int main(int argc, char **argv) {
        int kind = argc == 3 ? rule_kind_from_string(argv[1]) : -1;
        size_t n = argc == 3 ? strtoul(argv[2], NULL, 10) : 0, size = 0;
        char *text = kind >= 0 && n > 0 ? malloc(n * 256) : NULL;
        Ruleset *rs;

        if (!text || ruleset_new(&rs) < 0) {
                fprintf(stderr, "usage: bench-load mixed|context|user|program|member RULES\n");
                return 2;
        }
        for (size_t i = 0; i < n; i++)
                size += (size_t) workload_rule_text((RuleKind) kind, i, text + size, 256);
        Longest read = read_pieces(rs, text, size), compiled = compile_pieces(rs), freed = free_pieces(rs);
        printf("{\"bench\": \"load\", \"kind\": \"%s\", \"rules\": %zu, \"read_ms\": %.2f, \"compile_ms\": %.2f, \"free_ms\": %.2f, "
               "\"longest_ms\": {\"read\": %.3f, \"compile\": %.3f, \"free\": %.3f}}\n",
               argv[1], n, read.total, compiled.total, freed.total, read.ms, compiled.ms, freed.ms);
        free(text);
        return 0;
}
