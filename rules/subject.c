/* Names of the facts, as users write and read them. */
#include "rules/subject.h"

static const char *const fact_names[_FACT_N] = {
        [FACT_CONTEXT] = "context", [FACT_UID] = "uid",       [FACT_GID] = "gid",       [FACT_GROUPS] = "groups",
        [FACT_USER] = "user",       [FACT_GROUP] = "group",   [FACT_MEMBER] = "member", [FACT_COMM] = "comm",
        [FACT_EXE] = "exe",         [FACT_ARG0] = "arg0",     [FACT_CGROUP] = "cgroup", [FACT_UNIT] = "unit",
        [FACT_LABEL] = "label",     [FACT_PID] = "pid",         [FACT_RUID] = "ruid",     [FACT_LOGINUID] = "loginuid",
        [FACT_SESSION] = "session", [FACT_SCRIPT] = "script",   [FACT_PARENT_CLASS] = "parent-class",
};

const char *fact_name(Fact f) {
        return (unsigned) f < _FACT_N ? fact_names[f] : NULL;
}
