/* Passes over all processes: at start, after a loss, after a change of rules, and slowly all the time.
 * A pass goes in slices between which live events are served; passes repeat until one moves nothing, at most SCAN_PASSES_MAX. */
#pragma once
#include <sys/types.h>
#include <systemd/sd-event.h>
#include "common/macro.h"
#include "daemon/manager.h"

#define SCAN_SLICE 32
#define SCAN_MOVES_MAX 256 /* under way; then a pass waits for answers, so that ten thousand processes need no more memory for it than some */
#define SCAN_PASSES_MAX 8
#define SCAN_RETRY_USEC 1000000
#define SCAN_SILENT_USEC UINT64_C(11000000) /* the reader of command lines asks nobody of that user for 10 s */
#define SCAN_SILENT_USEC_MAX UINT64_C(3600000000)

typedef struct Scan {
        sd_event_source *step, *sweep, *post, *retry;
        bool silent;        /* a command line was not to be had; to be looked for again */
        uint64_t again_usec; /* after what time; 0: none was silent */
        pid_t *pids;
        size_t n, next;
        bool running;       /* from the request to the statement */
        bool again;         /* asked for once more meanwhile */
        bool by_sweep, sweep_next; /* this run (the next one) is the slow sweep's */
        bool waiting;       /* all judged, answers outstanding */
        unsigned pass;      /* number of the pass, for Process.pass */
        unsigned passes;    /* of this run */
        uint64_t checked, asked, failed; /* of this pass */
        uint64_t pass_moved, run_moved, run_start_usec; /* counters when it began */
        /* from a loss of events to the statement that all is right again, however many runs that takes; lost: 0 = nothing was */
        struct {
                uint64_t lost, moved, start_usec, passes;
        } repair;
        /* the statement after the last run; while a repair goes on and at its end it tells of all its runs */
        struct {
                uint64_t checked, moved, wrong, held, passes, since_usec, took_usec;
                uint64_t held_by[_HOLDER_N]; /* the parts of held */
                bool converged;
        } last;
} Scan;

int scan_init(struct Manager *m);
void scan_done(struct Manager *m);
/* Asks for a run; one that is under way goes on and is followed by another. */
void scan_request(struct Manager *m);
/* The same, because that many events were lost. */
void scan_after_loss(struct Manager *m, uint64_t lost);
/* The same in SCAN_RETRY_USEC, however often it is asked meanwhile: for what cannot be done now and would fail again at once. */
void scan_request_later(struct Manager *m);
/* A command line was not to be had in time, so what was judged may be wrong: the next sweep (a pass, if there are no sweeps) comes SCAN_SILENT_USEC from now, and,
 * while lines go on being silent, after twice the time each. */
void scan_look_again(struct Manager *m);
/* The statement of the last run says who is held: once more, after some of them were judged again. */
void scan_count_held(struct Manager *m);
/* In the first pass of a run, while processes are still being judged. */
bool scan_is_first_pass(const struct Manager *m);
/* Numbers of all processes there are; caller frees. -errno. */
int scan_list_processes(pid_t **ret, size_t *ret_n);
