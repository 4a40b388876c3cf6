/* The Manager from within: every part of the daemon hangs on it. Only files of daemon/ include this. */
#pragma once
#include "common/str.h"
#include "daemon/assign.h"
#include "daemon/brokerclient.h"
#include "daemon/children.h"
#include "daemon/classcare.h"
#include "daemon/cgred.h"
#include "daemon/cgroupids.h"
#include "daemon/classes.h"
#include "daemon/classifier.h"
#include "daemon/cmdlineclient.h"
#include "daemon/connector.h"
#include "daemon/emptiness.h"
#include "daemon/execlient.h"
#include "daemon/heartbeat.h"
#include "daemon/instances.h"
#include "daemon/losses.h"
#include "daemon/manager.h"
#include "daemon/marks.h"
#include "daemon/names.h"
#include "daemon/pace.h"
#include "daemon/procinfo.h"
#include "daemon/proctable.h"
#include "daemon/rulebase.h"
#include "daemon/refusals.h"
#include "daemon/scan.h"
#include "daemon/settle.h"
#include "daemon/stats.h"
#include "daemon/store.h"
#include "daemon/turns.h"

typedef struct Options {
        Mode mode;
        unsigned heartbeat_sec, sweep_sec, scan_sec;
        SweepAction sweep;
        char *state_dir;
        char **rule_dirs;
        char *config_file;   /* pclass.conf, to check what a changed one names; NULL: not told */
        char *cgrules_file;  /* NULL: none */
        bool cgrules_leave_unit;
        bool cgred;          /* the broker listens for clients of libcgroup, and handed the socket over */
        unsigned cgred_error; /* errno: it is wanted, and could not be made; 0 = no error */
        bool connector;      /* the broker had one to give */
        unsigned spares;     /* and so many more in reserve */
        uint8_t kept[_LOSS_N]; /* what the broker found of its files; the rest is 0 */
        char *without;       /* kernel features to do without, for tests of the fallbacks */
} Options;

/* Priorities of event sources: the kernel's events before everything, people last. */
#define PRIORITY_CONNECTOR (SD_EVENT_PRIORITY_IMPORTANT)
#define PRIORITY_BROKER (SD_EVENT_PRIORITY_IMPORTANT + 10)
#define PRIORITY_SETTLE (SD_EVENT_PRIORITY_NORMAL + 1) /* after what may end a pass behind the same event: no other event need follow */
#define PRIORITY_SCAN (SD_EVENT_PRIORITY_NORMAL + 10)
#define PRIORITY_RULES (SD_EVENT_PRIORITY_NORMAL + 5) /* a change of the rules before looking at everybody by them */

struct Manager {
        sd_event *event;
        const Options *options;
        Mode mode;
        bool ready;                 /* the broker has announced everything */
        bool degraded;              /* no connector, or a silent one: scans instead */
        char degraded_reason[96];
        bool broker_silent;         /* it has not answered for a beat, which was told */
        bool hidden_context_told;   /* that the policy hides contexts from us */
        int exit_code;

        ProcReader reader;
        Names *names;
        ExeClient exe;
        CmdLineClient *lines;       /* NULL: they are read here (tests of parts) */
        BrokerClient *broker;
        uint64_t broker_capabilities;
        Classes classes;
        CgroupIds cgroup_ids;
        Map *members;               /* pid -> WireMember*, from before a restart; dropped after the first whole scan */
        Store *store;
        Losses losses;
        Marks marks;
        RuleBase *rules;
        ProcTable *table;
        Waiters home;               /* entries to be forgotten soon, the oldest first: children.h */
        Origin *usual_origin;       /* settled, of the last process that was moved; or NULL */
        Connector *connector;
        sd_event_source *connector_source;
        Pace pace;
        Turns turns;
        Classifier *classifier;
        Instances instances;
        Cgred cgred;
        Emptiness emptiness;
        Assign assign;
        Scan scan;
        Heartbeat heartbeat;
        Settle settle;
        Refusals refusals;
        size_t moves_under_way, moves_max; /* each holds a pidfd */
        struct ClassEdit *class_edits; /* those that the broker has not answered */
        struct Reload *reload;      /* the one that waits for the broker, or NULL */
        struct Tuning *tunings;     /* that wait for the broker */
        sd_event_source *restart;   /* a timer: the broker is to be asked then */
        bool restarting;
        sd_event_source *class_restart; /* for a class that only a start can make */
        uint32_t hierarchies_lost;       /* bits of those that are not mounted any more, which was told */
        uint64_t started_ns;
        Stats stats;

        const ManagerOps *ops;
        void *ops_userdata;
        void (*on_ready)(void *userdata);
        void *on_ready_userdata;
};

/* The broker's number of the class that manager_class_info() knows by `index`. -ENOENT. */
int manager_class_index(Manager *m, size_t index, uint32_t *ret);

uint64_t now_ns(void); /* CLOCK_MONOTONIC, the clock of the events */
uint64_t realtime_usec(void); /* since 1970 */

/* Ends the loop; the service manager starts everything anew. */
void manager_exit(Manager *m, int code);
int restart_init(Manager *m); /* before the next one */
/* Asks the broker to end, so that everything is started anew; again and again while it cannot be asked. */
void manager_restart_soon(Manager *m);
/* Names or policy changed: what rules resolved to may be something else now. */
int manager_recompile(Manager *m);
/* A class came into being, or is no more: whoever has to know is told. classlife.c. -ENOMEM. */
int manager_class_appeared(Manager *m, Class *c);
/* The broker made a class, or one that is known anew. */
int manager_class_announced(Manager *m, const WireClass *item);
void class_edits_done(Manager *m); /* after the broker client */
void manager_class_vanished(Manager *m, Class *c); /* frees it */
void manager_set_degraded(Manager *m, const char *reason); /* NULL: no more */
void manager_status_changed(Manager *m);
/* Asks the kernel what it dropped; after a loss every process is looked at. */
void manager_count_loss(Manager *m);
/* A fresh connector socket; -EPERM where the kernel wants privilege for one. */
int manager_reopen_connector(Manager *m);
