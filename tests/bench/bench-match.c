/* Time of one match, with and without remembered decisions; time to load. usage: bench-match KIND RULES match|cached|load [ROUNDS]
 * Prints one JSON line. The least of the rounds is the figure: whatever else ran on the machine can only have added to the others. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include "measure.h"
#include "rules/cache.h"
#include "workload.h"

#define REPEATS 40 /* of all subjects, in one round */

static Subject subjects[WORKLOAD_SUBJECTS];

size_t measured(const Ruleset *rs, MatchCache *cache, size_t repeats);

MEASURED size_t measured(const Ruleset *rs, MatchCache *cache, size_t repeats) {
        size_t matched = 0;

        for (size_t k = 0; k < repeats; k++)
                for (size_t i = 0; i < WORKLOAD_SUBJECTS; i++) {
                        uint32_t missing;
                        matched += (cache ? match_cache_match(cache, rs, &subjects[i], &missing) : ruleset_match(rs, &subjects[i], &missing)) != NULL;
                }
        return matched;
}

int main(int argc, char **argv) {
        int kind = argc >= 4 ? rule_kind_from_string(argv[1]) : -1;
        size_t n = argc >= 4 ? strtoul(argv[2], NULL, 10) : 0, matched = 0;
        unsigned rounds = argc > 4 ? (unsigned) strtoul(argv[4], NULL, 10) : 9;
        MatchCache *cache = NULL;
        double least = 1e18;

        if (kind < 0 || n == 0) {
                fprintf(stderr, "usage: bench-match mixed|context|user|program|member RULES match|cached|load [ROUNDS]\n");
                return 2;
        }
        size_t held = mallinfo2().uordblks;
        uint64_t began = measure_cpu();
        Ruleset *rs = workload_rules((RuleKind) kind, n);
        double load_ms = (double) (measure_cpu() - began) / 1e6;
        double bytes = (double) (mallinfo2().uordblks + mallinfo2().hblkhd - held) / (double) n;
        if (strcmp(argv[3], "load") == 0)
                rounds = 0;
        if (strcmp(argv[3], "cached") == 0 && match_cache_new(&cache) < 0)
                return 1;
        workload_subjects((RuleKind) kind, n, subjects);
        for (unsigned i = 0; i < rounds; i++) {
                began = measure_cpu();
                matched = measured(rs, cache, REPEATS);
                double ns = (double) (measure_cpu() - began) / (REPEATS * WORKLOAD_SUBJECTS);
                least = ns < least ? ns : least;
        }
        printf("{\"bench\": \"%s\", \"kind\": \"%s\", \"rules\": %zu, \"ns\": %.1f, \"load_ms\": %.2f, \"bytes_a_rule\": %.0f, \"matches\": %zu, \"of\": %d}\n", argv[3],
               argv[1], n, rounds ? least : 0, load_ms, bytes, matched, REPEATS * WORKLOAD_SUBJECTS);
        match_cache_free(cache);
        ruleset_free(rs);
        return 0;
}
