/* The command line of pclass-broker. */
#pragma once
#include <sys/types.h>
#include "common/macro.h"

typedef struct Options {
        const char *config;   /* --config= */
        const char *without;  /* --without=: connector, exe-reader and landlock are the broker's own; all is handed on */
        char *listener;       /* --listener=, or pclassd in --libexec-dir= */
        char *names;          /* --names=, or pclass-names there */
        char *cmdline;        /* --cmdline=, or pclass-cmdline there */
        bool mount_hierarchies; /* do that and nothing else */
        pid_t short_turns;    /* 0, or give that process and its children short turns and do nothing else */
        bool supervise;
        int log_level;
        pid_t supervisor;     /* 0 = none */
} Options;

/* 1 = go on, 0 = done (--help, --version), -EINVAL was told. */
int options_parse(int argc, char **argv, Options *ret);
void options_free(Options *o);
bool options_without(const Options *o, const char *what);
