/* The keys a condition may ask for. Internal to rules/. */
#pragma once
#include "rules/subject.h"

typedef enum Key {
        KEY_CONTEXT, KEY_SEUSER, KEY_ROLE, KEY_TYPE, KEY_RANGE,
        KEY_UID, KEY_GID, KEY_USER, KEY_GROUP, KEY_MEMBER,
        KEY_COMM, KEY_EXE, KEY_ARG0, KEY_CGROUP, KEY_UNIT, KEY_LABEL,
        KEY_RUID, KEY_LOGINUID, KEY_SESSION, KEY_SCRIPT, KEY_PARENT_CLASS,
        _KEY_N,
} Key;

typedef enum ValueKind {
        VALUE_TEXT,    /* = ~ */
        VALUE_CONTEXT, /* = ~, four globs in one */
        VALUE_RANGE,   /* = ~ <= >= */
        VALUE_NUMBER,  /* = <= >= */
        VALUE_NAME,    /* = ~, a name of the user or group database */
} ValueKind;

const char *key_name(Key k);
ValueKind key_value_kind(Key k);
/* The fact whose text a glob or regular expression of this key is held against (MEMBER: the names of its gids). */
Fact key_fact(Key k);
/* -ENOENT; -EOPNOTSUPP for a key that a later version serves. */
int key_from_name(const char *name, size_t n, Key *ret);
/* For messages: the likely meant key or NULL; and all of them, blank-separated. */
const char *key_suggest(const char *name, size_t n);
const char *key_list(void);
