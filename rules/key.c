/* The table of keys. */
#include "rules/key.h"

#include "rules/scanner.h"

static const struct {
        ValueKind kind;
        Fact fact;
} keys[_KEY_N] = {
        [KEY_CONTEXT] = { VALUE_CONTEXT, FACT_CONTEXT },
        [KEY_SEUSER] = { VALUE_TEXT, FACT_CONTEXT },
        [KEY_ROLE] = { VALUE_TEXT, FACT_CONTEXT },
        [KEY_TYPE] = { VALUE_TEXT, FACT_CONTEXT },
        [KEY_RANGE] = { VALUE_RANGE, FACT_CONTEXT },
        [KEY_UID] = { VALUE_NUMBER, FACT_UID },
        [KEY_GID] = { VALUE_NUMBER, FACT_GID },
        [KEY_USER] = { VALUE_NAME, FACT_USER },
        [KEY_GROUP] = { VALUE_NAME, FACT_GROUP },
        [KEY_MEMBER] = { VALUE_NAME, FACT_MEMBER },
        [KEY_COMM] = { VALUE_TEXT, FACT_COMM },
        [KEY_EXE] = { VALUE_TEXT, FACT_EXE },
        [KEY_ARG0] = { VALUE_TEXT, FACT_ARG0 },
        [KEY_CGROUP] = { VALUE_TEXT, FACT_CGROUP },
        [KEY_UNIT] = { VALUE_TEXT, FACT_UNIT },
        [KEY_LABEL] = { VALUE_TEXT, FACT_LABEL },
        [KEY_RUID] = { VALUE_NUMBER, FACT_RUID },
        [KEY_LOGINUID] = { VALUE_NUMBER, FACT_LOGINUID },
        [KEY_SESSION] = { VALUE_NUMBER, FACT_SESSION },
        [KEY_SCRIPT] = { VALUE_TEXT, FACT_SCRIPT },
        [KEY_PARENT_CLASS] = { VALUE_TEXT, FACT_PARENT_CLASS },
};

static const char *const names[_KEY_N + 1] = {
        [KEY_CONTEXT] = "context", [KEY_SEUSER] = "seuser", [KEY_ROLE] = "role",   [KEY_TYPE] = "type",
        [KEY_RANGE] = "range",     [KEY_UID] = "uid",       [KEY_GID] = "gid",     [KEY_USER] = "user",
        [KEY_GROUP] = "group",     [KEY_MEMBER] = "member", [KEY_COMM] = "comm",   [KEY_EXE] = "exe",
        [KEY_ARG0] = "arg0",       [KEY_CGROUP] = "cgroup", [KEY_UNIT] = "unit",   [KEY_LABEL] = "label",
        [KEY_RUID] = "ruid",       [KEY_LOGINUID] = "loginuid", [KEY_SESSION] = "session", [KEY_SCRIPT] = "script",
        [KEY_PARENT_CLASS] = "parent-class",
        [_KEY_N] = NULL,
};

/* Words of the language that this version does not serve: named, so that nobody looks for a typing mistake. */
static const char *const later[] = { "container", NULL };

const char *key_name(Key k) {
        return names[k];
}

ValueKind key_value_kind(Key k) {
        return keys[k].kind;
}

Fact key_fact(Key k) {
        return keys[k].fact;
}

static bool listed(const char *const *list, const char *name, size_t n, size_t *ret_index) {
        for (size_t i = 0; list[i]; i++)
                if (strlen(list[i]) == n && memcmp(list[i], name, n) == 0) {
                        *ret_index = i;
                        return true;
                }
        return false;
}

int key_from_name(const char *name, size_t n, Key *ret) {
        size_t i;

        if (listed(names, name, n, &i)) {
                *ret = (Key) i;
                return 0;
        }
        return listed(later, name, n, &i) ? -EOPNOTSUPP : -ENOENT;
}

const char *key_suggest(const char *name, size_t n) {
        return suggest(name, n, names);
}

const char *key_list(void) {
        return "context seuser role type range uid gid user group member comm exe arg0 cgroup unit label ruid loginuid "
               "session script parent-class";
}
