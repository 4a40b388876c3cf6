/* What this machine knows of users, groups and classes, for rules that are tried without the daemon. Asks NSS and keeps the answers. */
#pragma once
#include "client/facts.h"
#include "common/classdef.h"
#include "rules/ruleset.h"

typedef struct Host Host;

int host_new(Host **ret);
Host *host_free(Host *h);
DEFINE_CLEANUP(Host *, host_free)

/* From now on a class exists only if these directories define it. -ENOTDIR and the like with err set, -EINVAL with err set. */
int host_load_classes(Host *h, char *const *dirs, TextError *err);
/* Contexts are believed, every controller exists. Valid as long as the host. */
RulesetEnv host_env(Host *h);

/* Why this machine has no contexts, or no labels; NULL when it has. Static. */
const char *host_no_context_reason(void);
const char *host_no_label_reason(void);
const char *host_no_audit_reason(void);

/* Adds those of `wanted` (FACT_BIT mask of FACT_USER, FACT_GROUP, FACT_MEMBER) that follow from the uid and the gid; an id that
 * nobody has leaves them unknown. What is known already stays. Lent texts live as long as the host. -ENOMEM. */
int host_complete(Host *h, Facts *f, uint32_t wanted);
/* The effective user is called `name`, whatever the uid says: its groups are the members, and where no uid is known it has that user's. -ENOMEM. */
int host_assume_user(Host *h, Facts *f, const char *name);
