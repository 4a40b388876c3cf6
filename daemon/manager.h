/* The daemon as D-Bus sees it: rules, classes, processes, status. One Manager owns the event loop and every part.
 * dbus/ includes this header and no other of daemon/; it registers ManagerOps to hear what changes. */
#pragma once
#include <systemd/sd-event.h>
#include "common/config.h"
#include "common/map.h"
#include "common/texterror.h"
#include "rules/ruleset.h"

typedef struct Manager Manager;

sd_event *manager_event(Manager *m);

/* ---- rules ------------------------------------------------------------------------------------------------------- */
/* Every change builds a whole new ruleset, stores runtime rules (atomic file, fsync), swaps, judges running processes again.
 * Each bumps the generation and calls ops->rules_changed before it returns. Errors leave everything as it was:
 * -EINVAL err says what (InvalidRule); -EEXIST the name is taken; -ENOENT no such rule (NoSuchRule); -EBUSY generation changed;
 * -EPERM a file rule cannot be removed or replaced; -E2BIG quota; others from the disk. */
uint64_t manager_generation(Manager *m);
const Ruleset *manager_ruleset(Manager *m); /* valid until the next change */

typedef struct RuleAddOptions {
        const char *before; /* name of a rule, or NULL */
        const char *after;
        bool replace;       /* a runtime rule of the same name is replaced in place */
} RuleAddOptions;
int manager_rule_add(Manager *m, const char *text, const RuleAddOptions *o, uint64_t *ret_id, TextError *err);
int manager_rule_remove(Manager *m, uint64_t id, TextError *err);
/* Another text for a runtime rule, which keeps its name and its place. */
int manager_rule_replace(Manager *m, uint64_t id, const char *text, TextError *err);
/* All runtime rules at once: those of `text`, in its order, before the rules of files. Rules that keep their name keep their id. err has the line
 * of the rule that cannot be. */
#define RUNTIME_RULES_MAX 10000
int manager_rules_set_all(Manager *m, const char *text, TextError *err);
/* Switches any rule off or on (kept in the state directory by name). */
int manager_rule_enable(Manager *m, uint64_t id, bool enable, TextError *err);
/* Asks the broker whether classes.d and pclass.conf are sound, then reads the rule files again. Wrong text anywhere changes nothing: the callback
 * gets -EINVAL and err. On success it gets 0; restarts = classes.d or pclass.conf have changed, and the service starts anew (a resync,
 * nothing else) RELOAD_RESTART_USEC after the callback returns. Called from the loop, once; 0 or -errno if it cannot even be asked. */
#define RELOAD_RESTART_USEC 100000
typedef void (*ManagerReloaded)(int error, bool restarts, const TextError *err, void *userdata);
int manager_reload(Manager *m, ManagerReloaded callback, void *userdata);
/* The caller is gone: the reload goes on, the callback is not called. */
void manager_reload_cancel(Manager *m, void *userdata);
const RuleEntry *manager_rule_by_id(Manager *m, uint64_t id);
uint64_t manager_rule_matches(Manager *m, uint64_t id); /* decisions won since the rule was loaded */

/* Compiles `text` (any number of rules, lines) as if it stood before the rules in force (alone = false) or instead of them
 * (alone = true). For Plan, Test and Validate. Caller frees. */
int manager_candidate(Manager *m, const char *text, bool alone, Ruleset **ret, TextError *err);

/* ---- settling ---------------------------------------------------------------------------------------------------- */
/* Calls back once, from the loop, when every move that follows from the present rules has been answered (at the latest after
 * 10 s): Add, Remove, SetMode and Reload reply then, so that a caller finds processes where the reply says. The callback may be
 * taken back with manager_settle_cancel(). */
typedef void (*ManagerSettled)(void *userdata);
int manager_when_settled(Manager *m, ManagerSettled callback, void *userdata);
/* The same, when the names that were asked for are known (at the latest after 2 s). -ENOBUFS: too many wait. */
int manager_when_named(Manager *m, ManagerSettled callback, void *userdata);
void manager_settle_cancel(Manager *m, void *userdata);

/* ---- classes ----------------------------------------------------------------------------------------------------- */
typedef struct ClassHierarchyInfo {
        const char *controllers; /* "cpu,cpuacct", "cgroup2", "name=x" */
        unsigned version;
        const char *path;        /* of the class's members as /proc/PID/cgroup shows it */
} ClassHierarchyInfo;
typedef struct ClassPropertyInfo {
        const char *name;        /* "CPUWeight" */
        bool supported;
        const char *text;        /* value read back, or why not */
} ClassPropertyInfo;
typedef struct ClassInfo {
        const char *name, *description;
        const char *template_name; /* NULL unless an instance */
        bool is_template, leave_unit;
        ClassHierarchyInfo hierarchies[16];
        size_t n_hierarchies;
        const ClassPropertyInfo *properties;
        size_t n_properties;
        uint32_t n_processes;    /* CLASS_INFO_PROCESSES: read from the membership hierarchy */
        bool empty;              /* nobody in it nor in a class below it */
        /* CLASS_INFO_USE */
        uint64_t cpu_usec;       /* UINT64_MAX: not measured here (cpuacct or cpu.stat) */
        uint64_t memory_bytes;   /* UINT64_MAX: not measured here */
        uint64_t tasks;          /* threads, of classes below it too; UINT64_MAX: not counted here */
        uint64_t io_read_bytes, io_written_bytes; /* of block devices; UINT64_MAX: not measured here */
} ClassInfo;
size_t manager_n_classes(Manager *m);
/* What has to be read from the live cgroups for it. */
typedef enum ClassInfoPart {
        CLASS_INFO_PROCESSES = 1,
        CLASS_INFO_USE = 2,
} ClassInfoPart;
/* Fills *ret, and those parts of it that are asked for (others are as of an empty class without accounts). Strings live until the next call.
 * index < manager_n_classes(). */
int manager_class_info(Manager *m, size_t index, unsigned parts, ClassInfo *ret);
int manager_class_find(Manager *m, const char *name, size_t *ret_index); /* -ENOENT */

/* Changes properties within the class's Tunable=, all or none; a value "" goes back to what its file says. The callback is called once, from the
 * loop, with 0 or -EINVAL (no such property, a wrong value), -EPERM (not tunable), -ERANGE (out of bounds), -EOPNOTSUPP (not on this machine), another
 * -errno of the kernel's, and with a sentence. The function itself: -EINVAL, -ENOENT with *err, or -errno; then there is no callback. */
typedef struct ClassSetting {
        const char *name, *value;
} ClassSetting;
#define CLASS_SETTINGS_MAX 20
typedef void (*ManagerTuned)(int error, const char *why, void *userdata);
int manager_class_set(Manager *m, size_t index, const ClassSetting *settings, size_t n, ManagerTuned callback, void *userdata, TextError *err);
/* The caller is gone: the change goes on, the callback is not called. */
void manager_class_set_cancel(Manager *m, void *userdata);

/* Classes that are made and removed while the service runs. The callback comes once, from the loop: 0, or
 * -EINVAL no name below runtime/, or the class above is none; -EEXIST; -ENOSPC as many as root allows are there; -EXDEV none of root's classes is in such a hierarchy; -EBUSY it is in use;
 * -EPERM it is root's; others. text: more about it, "" = nothing. 0 or -errno if it cannot even be asked. */
typedef enum ClassRemoval { CLASS_REMOVE_EMPTY, CLASS_REMOVE_DRAIN, CLASS_REMOVE_KILL } ClassRemoval;
typedef void (*ManagerClassDone)(int error, const char *text, void *userdata);
/* hierarchies: controllers and the like, separated by blanks, where it is to exist beside the membership hierarchy; NULL = where the settings, which
 * are to be made afterwards, have their controllers. -ENOENT: there is no such hierarchy. */
int manager_class_add(Manager *m, const char *name, const char *hierarchies, const ClassSetting *settings, size_t n_settings,
                      ManagerClassDone callback, void *userdata);
int manager_class_remove(Manager *m, const char *name, ClassRemoval how, ManagerClassDone callback, void *userdata);
/* The caller is gone: it goes on, the callback is not called. */
void manager_class_cancel(Manager *m, void *userdata);

typedef struct MemberInfo {
        pid_t pid;
        char comm[64];
        uid_t uid;
        char cookie[20];      /* hex */
        const char *rule;     /* that placed it, "" = inherited, by hand, or unknown */
        bool assigned;        /* it, or an ancestor with its tree, was put here by hand */
} MemberInfo;
/* The first `limit` members of a class with a pid above `after`, in order of pid; only these are looked at. Caller frees the array. */
int manager_class_members(Manager *m, size_t index, pid_t after, size_t limit, MemberInfo **ret, size_t *ret_n);

/* ---- processes --------------------------------------------------------------------------------------------------- */
typedef enum Holder { HOLDER_NONE, HOLDER_UNIT, HOLDER_PIN, HOLDER_PROTECTED, HOLDER_OBSERVE, HOLDER_UNKNOWN_FACT, HOLDER_MOVED, HOLDER_ERROR, _HOLDER_N } Holder;
const char *holder_name(Holder h); /* "", "unit", "pin", "protected", "observe", "unknown-fact", "moved" (by something else, and Sweep= leaves it), "error" */

typedef struct ExplainFact {
        const char *name;   /* fact_name() */
        char *value;        /* as text; NULL = unknown */
        char *reason;       /* why unknown, or NULL */
} ExplainFact;
typedef struct ExplainStep { /* one earlier rule that did not win */
        const char *rule, *file;
        unsigned line;
        char *condition;    /* first that failed; or NULL when the rule is not active */
        char *reason;       /* "does not hold", "its fact is unknown", or why inactive */
} ExplainStep;
typedef struct ExplainPlace {
        char *controllers, *path;
        char *wanted;       /* path it should have, NULL = any */
} ExplainPlace;
typedef struct Explanation {
        pid_t pid;
        char cookie[20];
        ExplainFact *facts;
        size_t n_facts;
        ExplainStep *steps;
        size_t n_steps;
        char *rule, *file;  /* the winner; NULL = none matches */
        unsigned line;
        char *class_name;   /* wanted class, NULL = none */
        char *current_class;/* class it is in (membership hierarchy), NULL = none */
        bool ignored, in_place;
        ExplainPlace *places;
        size_t n_places;
        Holder holder;      /* if a rule matches and it is not in its class */
        char *holder_detail;/* "nginx.service", "Permission denied", ... */
        char *origin;       /* on the membership hierarchy, NULL = never moved */
        char *assigned;     /* "class web, by root, until exit"; NULL = not assigned by hand */
        char *assigned_class;
        uint64_t move_usec; /* from the event to its move, 0 = not moved by an event */
        bool kernel_thread; /* never moved */
} Explanation;
/* cookie "" = whoever has the pid now. -ESRCH, -EINVAL (cookie is not a hex number), -ESTALE (another process has it now). */
int manager_explain(Manager *m, pid_t pid, const char *cookie, Explanation **ret);
Explanation *explanation_free(Explanation *x);
DEFINE_CLEANUP(Explanation *, explanation_free)

/* ---- placing by hand --------------------------------------------------------------------------------------------- */
/* The number of the process behind somebody's pidfd. -EBADF: it is none; -ESRCH. */
int manager_process_of_fd(Manager *m, int pidfd, pid_t *ret);
typedef struct ProcessOwner {
        pid_t pid;
        char cookie[20];    /* hex */
        uid_t uid;          /* root if its real, effective and saved uid differ */
        char user[64];      /* the name, or the number if there is none */
        bool unnamed;       /* the name is being asked for: see manager_when_named() */
} ProcessOwner;
/* Whose process is it? pidfd: that the number came from, or -1. Errors as manager_explain(). */
int manager_process_owner(Manager *m, pid_t pid, const char *cookie, int pidfd, ProcessOwner *ret);

typedef struct AssignRequest {
        pid_t pid;
        const char *cookie;     /* "": whoever has the number */
        const char *class_name;
        bool tree;              /* with its descendants, those that there are and those to come */
        bool until_exec;        /* else until it ends */
        bool leave_unit;
        uint64_t for_usec;      /* UINT64_MAX = without limit */
        uid_t caller;
} AssignRequest;
/* error: 0: it holds (settle: wait for moves of others that follow), or, with a sentence in err: -EPERM protected, -EACCES by whom it is held or that the
 * class does not take it, -ENOENT class, -ESRCH, -ESTALE, -EBUSY, -EDQUOT, -EOPNOTSUPP (observe mode), -EINVAL, -EIO. On failure all is as before. */
typedef void (*ManagerAssigned)(int error, bool settle, const TextError *err, void *userdata);
/* The callback comes once, maybe before this returns; on failure of the call itself (the same errors) it does not come. */
int manager_assign(Manager *m, const AssignRequest *q, ManagerAssigned callback, void *userdata, TextError *err);
/* Nobody waits for the answer any more; the request goes on. */
void manager_assign_cancel(Manager *m, void *userdata);
/* Ends what the process holds to, for all that hold to it; they are judged at once. -ENODATA: it is not assigned; others as above. */
int manager_release(Manager *m, pid_t pid, const char *cookie, uid_t caller, TextError *err);

typedef struct AssignmentInfo {
        pid_t pid;
        char cookie[20];        /* "" while it is known by its fork alone */
        uint64_t order;         /* the same for all that one request placed */
        const char *class_name;
        const char *authority;  /* "root", "admin", "user" */
        uid_t by;
        bool tree, until_exec;
        uint64_t left_usec;     /* UINT64_MAX = without limit */
        int holder;             /* Holder: why it is not in its class */
        const char *holder_detail; /* NULL = none */
} AssignmentInfo;
/* In order of pid; caller frees the array, its texts live until the loop goes on. */
int manager_assignments(Manager *m, AssignmentInfo **ret, size_t *ret_n);

typedef struct PlanEntry {
        pid_t pid;
        char cookie[20];
        char *comm, *rule, *file;
        unsigned line;
        uid_t uid;
        char *from, *to;    /* "cpu:/a cgroup2:/b" texts of the hierarchies that change; to is "" and class NULL for a return to the origin */
        char *class_name;
        char *reason;       /* canonical conditions of the rule that wins, or "no rule matches any more" */
        Holder holder;      /* HOLDER_NONE = it would move; else what would hold it */
        char *holder_detail;
} PlanEntry;
/* What would move if `candidate` were in force (NULL: the present ruleset, whatever the mode); writes nothing. Whom the broker would refuse is known
 * if manager_plan_ask() was called before with the same rules and all has settled since: that also asks for the names that are needed.
 * 1: with them, or by what came since, the broker has to be asked more, and is; call again when that has settled, with `final` to have an answer
 * whatever comes. */
int manager_plan_ask(Manager *m, const Ruleset *candidate);
int manager_plan(Manager *m, const Ruleset *candidate, bool final, PlanEntry **ret, size_t *ret_n);
void plan_entries_free(PlanEntry *e, size_t n);

/* ---- status ------------------------------------------------------------------------------------------------------ */
typedef struct StatusInfo {
        const char *state;  /* "starting", "running", "degraded", "restarting": it goes and comes back, with changed classes say */
        const char *state_reason; /* "" or why degraded */
        Mode mode;
        bool broker_connected;
        uint64_t broker_silent_usec; /* it has answered nothing for so long although it was asked; 0 = nothing is asked */
        uint64_t moves_pending; /* asked for and not answered; those that wait for a class that is being made count once a class */
        uint64_t broker_capabilities;
        uint64_t events_lost;
        bool exe_reader;
        const char *const *features; /* NULL-terminated: "event-mask", "pidfd-info", "selinux", ... */
        /* the statement after the last whole pass */
        uint64_t checked, moved, wrong, held, passes;
        uint64_t since_realtime_usec, took_usec;
        bool converged;
} StatusInfo;
void manager_status(Manager *m, StatusInfo *ret);
/* What cannot take effect here. note: nothing is wrong, but good to know. Texts live as long as the callback runs. */
typedef struct DoctorFinding {
        const char *id;      /* "no-selinux", ...: for programs */
        bool note;
        const char *subject, *problem, *remedy;
} DoctorFinding;
typedef void (*DoctorCallback)(const DoctorFinding *f, void *userdata);
void manager_doctor(Manager *m, DoctorCallback callback, void *userdata);
typedef void (*CounterCallback)(const char *name, uint64_t value, void *userdata);
void manager_counters(Manager *m, CounterCallback callback, void *userdata);
/* Kept in the state directory: it outranks pclass.conf until set again. Errors: of the disk, with err. */
int manager_set_mode(Manager *m, Mode mode, TextError *err);
/* Judges every process again now. */
int manager_reclassify(Manager *m);

/* ---- who listens ------------------------------------------------------------------------------------------------- */
typedef struct ManagerOps {
        void (*rules_changed)(uint64_t generation, void *userdata);
        void (*classes_changed)(void *userdata);                    /* after any of the following two */
        void (*class_appeared)(const char *name, void *userdata);
        void (*class_vanished)(const char *name, void *userdata);
        void (*class_empty)(const char *name, bool empty, void *userdata); /* no process in it nor below it any more, or one again */
        void (*status_changed)(void *userdata); /* state or mode */
} ManagerOps;
void manager_set_ops(Manager *m, const ManagerOps *ops, void *userdata);
