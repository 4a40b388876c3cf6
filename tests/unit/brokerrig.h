/* A real broker on this machine's real hierarchies, with the test in pclassd's place. Needs root.
 *
 * The broker starts `listener`, a link to the test program itself: it hands its channel over to the test through a socket in the
 * state directory and then waits to be told to end. Everything lives below a class root pclass-test-PID and a directory in /tmp. */
#pragma once
#include <sys/types.h>
#include "common/channel.h"
#include "common/macro.h"

#define RIG_CLASSES_MAX 32

typedef struct Rig {
        char dir[32];              /* /tmp/pclass-rig-XXXXXX */
        char root[64];             /* "/pclass-test-123" */
        char broker_program[256];
        pid_t broker;
        int listen_fd;             /* where listeners report */
        int listener;              /* connection to the listener; closing it ends the listener */
        int channel, exe;          /* exe: -1 unless it came with HELLO's reply */
        int n_listener_fds;        /* descriptors that the listener found open besides 0-2 */
        pid_t children[16];        /* 0 = none; teardown ends those that a failed test left */
        uint32_t seq;
        uint64_t buffer[WIRE_SIZE_MAX / 8];
        /* what the broker announced */
        WireHelloReply hello;
        WireHierarchy hierarchies[WIRE_HIERARCHIES_MAX];
        size_t n_hierarchies;
        WireClass classes[RIG_CLASSES_MAX];
        size_t n_classes;
        WireClassNote notes[64];
        size_t n_notes;
        WireOrigin places[64];
        size_t n_places;
        WireMember members[64];
        size_t n_members;
        WireRoot roots[8];
        size_t n_roots;
        unsigned n_signals; /* that the broker handed on */
} Rig;

/* First thing in main(): plays the listener or the names helper when started as one, and does not return then. */
void rig_main(int argc, char **argv);

int rig_setup(void **state);    /* cmocka fixtures; *state is a Rig */
int rig_teardown(void **state); /* fails when a cgroup is left that cannot be removed */

void rig_write_config(Rig *g, const char *more, const char *classes);
void rig_start(Rig *g, const char *option, bool needs_exe); /* up to READY */
void rig_greet(Rig *g, bool needs_exe);                     /* the part of a listener that was started by itself */
bool rig_try_greet(Rig *g, bool needs_exe);                 /* false: the broker ends instead */
unsigned rig_members(const Rig *g);                         /* listeners and names helpers alive */
void rig_spawn(Rig *g, const char *option);                 /* starts the program only */
int rig_wait(Rig *g);                                       /* the broker's exit status (128 + signal when killed) */
void rig_stop(Rig *g);                                      /* SIGTERM, wants 0 */

/* Asks one thing; `answer` gets the one item. Announced places and notes are noted meanwhile. */
void rig_ask(Rig *g, unsigned op, const void *item, void *answer);
bool rig_try_ask(Rig *g, unsigned op, const void *item, void *answer); /* false: the broker ends instead */
const WireClass *rig_class(const Rig *g, const char *name);
unsigned rig_hierarchy(const Rig *g, const char *controllers); /* "" = cgroup2 */
const char *rig_place(const Rig *g, uint32_t place, unsigned hierarchy);
const WireClassNote *rig_note(const Rig *g, const char *class, const char *property);

/* A child of the test that sleeps until killed (or until we die). */
pid_t rig_child(Rig *g);
void rig_kill(Rig *g, pid_t pid);
void rig_adopt(Rig *g, pid_t pid); /* a child that the test forked itself */
/* Path of the process in a hierarchy; static buffer. */
const char *rig_where(const Rig *g, pid_t pid, unsigned hierarchy);
/* First line of a class's file; static buffer. "" when there is none. */
const char *rig_read(const Rig *g, unsigned hierarchy, const char *below_root, const char *file);
bool rig_exists(const Rig *g, unsigned hierarchy, const char *below_root);
/* Value of a line of /proc/PID/status; static buffer. */
const char *rig_status(pid_t pid, const char *key);
