/* The serving broker: one channel, one table of requests. It trusts nothing that pclassd says: every request is checked against
 * what root configured and what /proc says now, and answered with a code. */
#pragma once
#include <sys/types.h>
#include "broker/class.h"
#include "broker/delegate.h"
#include "broker/hierarchy.h"
#include "broker/origins.h"
#include "broker/place.h"
#include "broker/rate.h"
#include "common/config.h"

#define BROKER_PIDS_MAX 8
#define BROKER_OFFENCES_MAX 8 /* malformed datagrams until the channel is closed */

typedef enum BrokerState {
        BROKER_NEW,      /* only HELLO is taken */
        BROKER_SERVING,
        BROKER_RESTART,  /* RESTART was answered, or the table of places is nearly full: end */
        BROKER_CLOSED,   /* pclassd is gone, or said too much nonsense */
} BrokerState;

/* What the handlers need of the outside world; tests bring fakes. */
typedef struct BrokerOps {
        /* HELLO came: start the exe reader if wanted, drop, sandbox. *ret_exe_fd: the reader's socket for pclassd or -1; closed after it
         * was sent. -errno ends the broker. */
        int (*enter)(bool needs_exe, int *ret_exe_fd, uint64_t *ret_capabilities, void *userdata);
        void (*ping)(const WirePing *ping, void *userdata);
        /* 0 = the files say what was loaded, 1 = they changed, -EINVAL with *err. */
        int (*check_config)(TextError *err, void *userdata);
} BrokerOps;

typedef struct Broker {
        int channel;
        int proc_fd;                     /* /proc */
        int runtime_fd;                  /* the runtime directory */
        int members_fd;                  /* the member helper; 0 or less: none */
        const HierarchySet *hierarchies;
        ClassSet *classes;
        PlaceTable *places;
        Origins *origins;
        char **protect;                  /* globs over cgroup paths, built-in list included */
        DelegateCache delegates;
        Rate rate;
        SweepAction sweep;               /* Sweep=: what to do about a class that is not as it was made */
        uid_t *protect_uids;
        size_t n_protect_uids;
        bool may_kill;                   /* we have CAP_KILL and the system calls for it; wanted only where no cgroup2 ends whole classes */
        pid_t own[BROKER_PIDS_MAX];      /* broker, pclassd, names, exe reader: never moved */
        size_t n_own;
        const BrokerOps *ops;
        void *userdata;
        uint64_t boot_time_ns;
        BrokerState state;
        unsigned offences;
        uint32_t places_sent;            /* places below this number were told to pclassd */
        size_t places_at_start;          /* those of processes that lived then */
} Broker;

/* In the list: foreign delegated subtrees are protected. */
#define PROTECT_DELEGATED "delegated"

/* Built-in protected cgroups, without `unprotect`, with `protect`. */
int broker_protect_list(char *const *protect, char *const *unprotect, char ***ret);
bool broker_protects_itself(const char *glob); /* it is in the built-in list */

/* Receives and answers what is there, at most one datagram. Returns 0, or -errno when the broker cannot go on; see state. */
int broker_dispatch(Broker *b);

/* After a restart: sorts the origins that were read back by the classes where their processes are now, and drops those of processes
 * that are in none. */
int broker_restore(Broker *b);

void broker_add_own(Broker *b, pid_t pid);
/* Sends every place that pclassd does not know yet. */
int broker_send_places(Broker *b);
/* Sends one datagram, waits up to 10 s for room. */
int broker_send(Broker *b, unsigned op, uint32_t seq, const void *items, size_t count, const int *fds, size_t n_fds);
