/* pclass.conf: one [pclass] section. The broker reads it; pclassd gets what concerns it on its command line. */
#pragma once
#include "common/texterror.h"

typedef enum Mode {
        MODE_OBSERVE, /* decide everything, move nothing */
        MODE_ENFORCE,
} Mode;

#define CONFIG_ROOTS_MAX 64

/* What a sweep does about a process that somebody else moved out of its class. */
typedef enum SweepAction {
        SWEEP_REPAIR, /* moves it back */
        SWEEP_REPORT, /* says so and leaves it */
        SWEEP_ADOPT,  /* takes it that it belongs there, until an event makes it something else */
} SweepAction;

typedef struct Config {
        Mode mode;                  /* Mode=observe|enforce, default observe */
        char *class_root;           /* ClassRoot=: absolute = that path in every hierarchy; else a name below the broker's own cgroup;
                                       default CONFIG_CLASS_ROOT */
        char **protect;             /* Protect=: globs over cgroup paths added to the built-in list; may repeat */
        char **unprotect;           /* Unprotect=: entries of the built-in list that are dropped */
        char **protect_users;       /* ProtectUsers= */
        unsigned heartbeat_sec;     /* HeartbeatSec=, default 5, 1..3600 */
        unsigned sweep_sec;         /* SweepSec=, default 60, 0 = never */
        SweepAction sweep;          /* Sweep=repair|report|adopt, default repair */
        unsigned scan_sec;          /* ScanSec=, default 5: period of scans while there is no connector */
        unsigned runtime_classes_max; /* RuntimeClassesMax=, default 64, 0 = D-Bus makes no classes, at most 1024 */
        char **class_dirs;          /* ClassDirs=, default /etc/pclass/classes.d /run/pclass/classes.d /usr/lib/pclass/classes.d */
        char **rule_dirs;           /* RuleDirs=, default the same with rules.d */
        char *cgrules_file;         /* CgrulesFile=, none by default */
        bool cgrules_leave_unit;    /* CgrulesLeaveUnit=, default no */
        char *cgred_socket;         /* CgredSocket=: a path, yes = CONFIG_CGRED_SOCKET, no = NULL (default) */
        char **allowed_roots;       /* AllowedRoots=: paths in each hierarchy, at most CONFIG_ROOTS_MAX */
        unsigned allowed_root_lines[CONFIG_ROOTS_MAX]; /* of each of them */
        char *state_dir;            /* StateDir=, default /var/lib/pclass, owned by the service user */
        char *runtime_dir;          /* RuntimeDir=, default /run/pclass, owned by root */
} Config;

#define CONFIG_CLASS_ROOT "pclass"
#define CONFIG_CLASS_ROOT_INSTALLED "/pclass.slice/pclass-classes.scope/classes" /* as data/pclass.conf has it */
#define CONFIG_CGRED_SOCKET "/run/cgred.socket"

int config_new(Config **ret); /* the defaults */
int config_load(const char *path, Config **ret, TextError *err); /* a missing file gives the defaults */
Config *config_free(Config *c);
bool config_equal(const Config *a, const Config *b);
DEFINE_CLEANUP(Config *, config_free)

const char *mode_to_string(Mode m); /* "observe" */
int mode_from_string(const char *s, Mode *ret); /* -EINVAL */
const char *sweep_to_string(SweepAction a); /* "repair" */
int sweep_from_string(const char *s, SweepAction *ret); /* -EINVAL */
