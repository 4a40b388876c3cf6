/* cgconfig.conf(5) of libcgroup: its sections as data, and as classes of pclass. Pure. */
#pragma once
#include <stdio.h>
#include "common/texterror.h"

#define CGCONFIG_SECTIONS_MAX 4096

typedef enum CgSectionKind { CG_MOUNT, CG_NAMESPACE, CG_SYSTEMD, CG_DEFAULT, CG_GROUP, CG_TEMPLATE, _CG_SECTION_N } CgSectionKind;

#define CG_PERM_TASK "perm task" /* no controller can be called so: a blank is in it */
#define CG_PERM_ADMIN "perm admin"

/* name = value; inside `where`: a controller, CG_PERM_..., or "" in a mount, namespace or systemd section. */
typedef struct CgSetting {
        char *where, *name, *value;
        unsigned line;
} CgSetting;

typedef struct CgSection {
        CgSectionKind kind;
        char *name;          /* of a group or template, "" else */
        char *file;
        unsigned line;
        char **controllers;  /* of a group or template, also those without settings */
        CgSetting *settings; /* in order */
        size_t n_settings;
} CgSection;

typedef struct CgConfig {
        CgSection *sections; /* in order of files and lines */
        size_t n;
} CgConfig;

int cgconfig_new(CgConfig **ret);
CgConfig *cgconfig_free(CgConfig *c);
DEFINE_CLEANUP(CgConfig *, cgconfig_free)

/* Appends the sections of one file. -EINVAL with err at the first mistake (nothing of the file is kept then), -ENOMEM. */
int cgconfig_add_text(CgConfig *c, const char *text, size_t size, const char *file, TextError *err);

/* Writes groups and templates as text for classes.d. What has no counterpart is a comment that tells why. -ENOMEM. */
int cgconfig_format(const CgConfig *c, FILE *f);
