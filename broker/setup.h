/* Everything that happens before anybody is served: files read, directories and classes made, sockets opened. */
#pragma once
#include "broker/broker.h"
#include "broker/options.h"
#include "common/kept.h"

#define SETUP_SPARES 2

typedef struct Setup {
        const Options *options;
        uid_t uid; /* of the service user */
        gid_t gid;
        Config *config;
        ClassTable *table;
        ClassTable **read_again; /* what SIGUSR1 read: templates and their instances are defined there */
        size_t n_read_again;
        HierarchySet *hierarchies;
        ClassSet *classes;
        AllowedRoots *roots;
        PlaceTable *places;
        Origins *origins;
        KeptState tuned, runtime_classes; /* what there was of them */
        char **protect;
        uid_t *protect_uids;
        size_t n_protect_uids;
        int proc_fd, runtime_fd, connector_fd; /* connector_fd < 0: none here */
        int cgred_fd; /* listens; < 0: there is none */
        int cgred_error; /* why there is none though it is wanted: what else the service does goes on */
        int spare_fds[SETUP_SPARES]; /* of the connector, in reserve; < 0: not needed on this kernel */
} Setup;

/* Reads and checks everything first, then changes things. Errors are told. */
/* Reads the configuration and mounts the named hierarchies that it asks for; nothing else. */
int setup_mount_hierarchies(const Options *o);
/* -EINVAL: only the administrator can mend it. Other -errno: another start may help. */
int setup_run(const Options *o, Setup *ret);
void setup_done(Setup *s);

/* Templates as classes.d has them now, for the classes that are made from now on. What cannot be taken so, or is wrong, is told and stays as it was. */
void setup_reload_templates(Setup *s);
/* 0 = the files still say what is loaded, 1 = something else, -EINVAL with *err. */
int setup_check_config(const Setup *s, TextError *err);
/* Paths that the check reads (for the sandbox). strv_free(). */
int setup_config_paths(const Setup *s, char ***ret);
/* Capabilities that serving needs. */
uint64_t setup_capabilities(const Setup *s);
