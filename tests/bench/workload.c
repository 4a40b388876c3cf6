/* Rules and processes that are a function of their number. */
#include "workload.h"

#include <stdio.h>

static const char *const kind_names[_RULES_N] = { "mixed", "context", "user", "program", "member" };

int rule_kind_from_string(const char *s) {
        for (int k = 0; k < _RULES_N; k++)
                if (strcmp(s, kind_names[k]) == 0)
                        return k;
        return -EINVAL;
}

/* A site's rules: of 100, 30 programs by name, 20 by path, 18 users, 10 groups, 15 contexts, 5 directories, 1 pattern nobody can index. */
static int mixed_text(unsigned i, char *buf, size_t size) {
        switch (i % 100) {
        case 0 ... 29:
                return snprintf(buf, size, "r%u: comm=prog%u => c\n", i, i);
        case 30 ... 49:
                return snprintf(buf, size, "r%u: exe=/usr/bin/tool%u => c\n", i, i);
        case 50 ... 64:
                return snprintf(buf, size, "r%u: uid=%u => c\n", i, 100000 + i);
        case 65 ... 72:
                return snprintf(buf, size, "r%u: gid=%u => c\n", i, 200000 + i);
        case 73 ... 82:
                return snprintf(buf, size, "r%u: type=app%u_t => c\n", i, i);
        case 83 ... 87:
                return snprintf(buf, size, "r%u: context=system_u:system_r:svc%u_t:s0:c%u,* => c\n", i, i, i % 1024);
        case 88 ... 92:
                return snprintf(buf, size, "r%u: exe=/opt/app%u/* => c\n", i, i);
        case 93 ... 94:
                return snprintf(buf, size, "r%u: member=%u => c\n", i, 300000 + i);
        case 95 ... 96:
                return snprintf(buf, size, "r%u: uid=%u-%u => c\n", i, 1000000 + i * 10, 1000009 + i * 10);
        case 97 ... 98:
                return snprintf(buf, size, "r%u: uid=%u !comm=job%u => c\n", i, 100000 + i, i);
        default:
                return i / 100 % 2 ? snprintf(buf, size, "r%u: arg0=*/work%u/* => c\n", i, i) :
                                     snprintf(buf, size, "r%u: comm~\"batch%u-[0-9]+\" => c\n", i, i);
        }
}

int workload_rule_text(RuleKind kind, size_t number, char *buf, size_t size) {
        unsigned i = (unsigned) number;

        switch (kind) {
        case RULES_CONTEXT:
                return snprintf(buf, size, "r%u: context=system_u:system_r:svc%u_t:* => c\n", i, i);
        case RULES_USER:
                return snprintf(buf, size, "r%u: uid=%u => c\n", i, 100000 + i);
        case RULES_PROGRAM:
                return snprintf(buf, size, "r%u: comm=prog%u => c\n", i, i);
        case RULES_MEMBER:
                return snprintf(buf, size, "r%u: member=%u => c\n", i, 300000 + i);
        default:
                return mixed_text(i, buf, size);
        }
}

Ruleset *workload_rules(RuleKind kind, size_t n) {
        static const RulesetEnv env = {};
        char line[256];
        TextError err = {};
        Ruleset *rs;

        if (ruleset_new(&rs) < 0)
                abort();
        for (size_t i = 0; i < n; i++) {
                int size = workload_rule_text(kind, i, line, sizeof(line));
                if (ruleset_add_text(rs, line, (size_t) size, "bench", &err) < 0) {
                        fprintf(stderr, "rule %zu: %s: %s", i, err.message, line);
                        abort();
                }
        }
        if (ruleset_compile(rs, &env) < 0)
                abort();
        return rs;
}

/* A process that rule i is about, as far as its one condition goes. */
static void aim(RuleKind kind, unsigned i, Subject *s, gid_t *members, char *text, size_t size) {
        unsigned part = i % 100;

        if (kind == RULES_CONTEXT || (kind == RULES_MIXED && part >= 83 && part <= 87)) {
                snprintf(text, size, "system_u:system_r:svc%u_t:s0:c%u,c1023", i, i % 1024);
                s->context = text;
        } else if (kind == RULES_USER || (part >= 50 && part <= 64 && kind == RULES_MIXED) || (part >= 97 && part <= 98 && kind == RULES_MIXED))
                s->uid = 100000 + i;
        else if (kind == RULES_MEMBER || (kind == RULES_MIXED && (part == 93 || part == 94)))
                members[1] = 300000 + i;
        else if (kind == RULES_PROGRAM || part <= 29) {
                snprintf(text, size, "prog%u", i);
                s->comm = text;
        } else if (part <= 49 || (part >= 88 && part <= 92)) {
                snprintf(text, size, part <= 49 ? "/usr/bin/tool%u" : "/opt/app%u/bin/server", i);
                s->exe = text;
        } else if (part <= 72)
                s->gid = 200000 + i;
        else if (part <= 82) {
                snprintf(text, size, "system_u:system_r:app%u_t:s0", i);
                s->context = text;
        } else if (part == 99) {
                snprintf(text, size, i / 100 % 2 ? "/srv/work%u/run" : "batch%u-7", i);
                *(i / 100 % 2 ? &s->arg0 : &s->comm) = text;
        } else
                s->uid = 1000000 + i * 10;
}

void workload_subjects(RuleKind kind, size_t n, Subject subjects[static WORKLOAD_SUBJECTS]) {
        static char text[WORKLOAD_SUBJECTS][128];
        static gid_t members[WORKLOAD_SUBJECTS][4];
        uint64_t chance = 0x9e3779b97f4a7c15u;

        for (size_t k = 0; k < WORKLOAD_SUBJECTS; k++) {
                memcpy(members[k], (gid_t[]) { 100, 27, 44, 1000 }, sizeof(members[k]));
                subjects[k] = (Subject) {
                        .known = ~0u, .pid = 1000 + (pid_t) k, .uid = 1000, .gid = 1000,
                        .groups = members[k], .n_groups = 4, .members = members[k], .n_members = 4,
                        .context = "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023", .user = "someone", .group = "someone",
                        .comm = "bash", .exe = "/usr/bin/bash", .arg0 = "/usr/bin/bash",
                        .cgroup = "/user.slice/user-1000.slice/session-3.scope", .unit = "session-3.scope", .label = "unconfined",
                };
                chance = chance * 6364136223846793005u + 1442695040888963407u;
                if (k % 4)
                        aim(kind, (unsigned) ((chance >> 33) % n), &subjects[k], members[k], text[k], sizeof(text[k]));
        }
}
