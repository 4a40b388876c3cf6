/* Users, groups and classes of this machine. */
#include "client/host.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/fd.h"
#include "common/map.h"

#define MEMBERS_MAX 65536 /* NGROUPS_MAX */

typedef struct User {
        char *name; /* NULL: nobody has this uid */
        gid_t *members;
        size_t n_members;
} User;

struct Host {
        Map *users;  /* uid to User */
        Map *groups; /* gid to an owned name, "" = nobody has this gid */
        ClassTable *classes;
};

int host_new(Host **ret) {
        _cleanup_(host_freep) Host *h = calloc(1, sizeof(*h));
        int r;

        if (!h)
                return -ENOMEM;
        r = map_new_u64(&h->users);
        if (r >= 0)
                r = map_new_u64(&h->groups);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}

static User *user_free(User *u) {
        if (!u)
                return NULL;
        free(u->name);
        free(u->members);
        free(u);
        return NULL;
}
DEFINE_CLEANUP(User *, user_free)

Host *host_free(Host *h) {
        User *u;
        char *name;

        if (!h)
                return NULL;
        for (size_t i = 0; h->users && (u = map_next_u64(h->users, &i, NULL));)
                user_free(u);
        for (size_t i = 0; h->groups && (name = map_next_u64(h->groups, &i, NULL));)
                free(name);
        map_free(h->users);
        map_free(h->groups);
        class_table_free(h->classes);
        free(h);
        return NULL;
}

int host_load_classes(Host *h, char *const *dirs, TextError *err) {
        ClassTable *classes;
        struct stat st;
        int r;

        for (char *const *d = dirs; d && *d; d++) {
                if (stat(*d, &st) < 0)
                        return text_error(err, *d, 0, 0, "%s", strerror(errno));
                if (!S_ISDIR(st.st_mode))
                        return text_error(err, *d, 0, 0, "not a directory; expected one that holds *.conf files of classes");
        }
        r = class_table_load(dirs, &classes, err);
        if (r < 0)
                return r;
        class_table_free(h->classes);
        h->classes = classes;
        return 0;
}

/* What NSS means by nothing found: 0 and, by getpwnam(3), a handful of others. */
static int nss_error(int e) {
        return e == 0 || e == ENOENT || e == ESRCH || e == EPERM ? -ENOENT : -EAGAIN;
}

static int user_by_name(const char *name, uid_t *ret, void *userdata) {
        errno = 0;
        const struct passwd *pw = getpwnam(name);

        if (!pw)
                return nss_error(errno);
        *ret = pw->pw_uid;
        return 0;
}

static int group_by_name(const char *name, gid_t *ret, void *userdata) {
        errno = 0;
        const struct group *gr = getgrnam(name);

        if (!gr)
                return nss_error(errno);
        *ret = gr->gr_gid;
        return 0;
}

static const char *group_name(gid_t gid, void *userdata) {
        Host *h = userdata;
        char *name = map_get_u64(h->groups, gid);

        if (!name) {
                const struct group *gr = getgrgid(gid);
                name = strdup(gr ? gr->gr_name : "");
                if (!name || map_put_u64(h->groups, gid, name) < 0) {
                        free(name);
                        return NULL;
                }
        }
        return *name ? name : NULL;
}

static bool class_exists(const char *name, void *userdata) {
        const Host *h = userdata;

        return class_table_find(h->classes, name);
}

const char *host_no_context_reason(void) {
        return access("/sys/fs/selinux/enforce", F_OK) < 0 ? "SELinux is not enabled on this kernel" : NULL;
}

/* The file is there, and cannot be read, where that module is off. */
static bool has_label(const char *attribute) {
        char byte;
        _cleanup_close_ int fd = open(attribute, O_RDONLY | O_CLOEXEC);

        return fd >= 0 && read(fd, &byte, 1) == 1;
}

const char *host_no_label_reason(void) {
        return has_label("/proc/self/attr/apparmor/current") || has_label("/proc/self/attr/smack/current") ? NULL :
               "no security module with labels (AppArmor, Smack) is enabled";
}

const char *host_no_audit_reason(void) {
        return access("/proc/self/loginuid", F_OK) < 0 ? "this kernel has no audit, so processes have no loginuid and no session" : NULL;
}

RulesetEnv host_env(Host *h) {
        return (RulesetEnv) {
                .user_by_name = user_by_name,
                .group_by_name = group_by_name,
                .group_name = group_name,
                .class_exists = h->classes ? class_exists : NULL,
                .userdata = h,
        };
}

static int user_members(User *u, gid_t primary) {
        int n = 64, room;
        gid_t *grown;

        do {
                room = n;
                grown = reallocarray(u->members, room, sizeof(gid_t));
                if (!grown)
                        return -ENOMEM;
                u->members = grown;
        } while (getgrouplist(u->name, primary, u->members, &n) < 0 && n > room && n <= MEMBERS_MAX);
        u->n_members = MIN(n, room);
        return 0;
}

static int user_new(uid_t uid, User **ret) {
        _cleanup_(user_freep) User *u = calloc(1, sizeof(*u));
        const struct passwd *pw = getpwuid(uid);

        if (!u)
                return -ENOMEM;
        if (pw) {
                gid_t primary = pw->pw_gid;
                u->name = strdup(pw->pw_name);
                if (!u->name || user_members(u, primary) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(u);
        return 0;
}

static int host_user(Host *h, uid_t uid, User **ret) {
        User *u = map_get_u64(h->users, uid);
        int r;

        if (!u) {
                r = user_new(uid, &u);
                if (r < 0)
                        return r;
                r = map_put_u64(h->users, uid, u);
                if (r < 0) {
                        user_free(u);
                        return r;
                }
        }
        *ret = u;
        return 0;
}

static void lend_user(Subject *s, const User *u) {
        if (!u->name)
                return;
        if (!(s->known & FACT_BIT(FACT_USER)))
                s->user = u->name;
        if (!(s->known & FACT_BIT(FACT_MEMBER))) {
                s->members = u->members;
                s->n_members = u->n_members;
        }
        s->known |= FACT_BIT(FACT_USER) | FACT_BIT(FACT_MEMBER);
}

int host_complete(Host *h, Facts *f, uint32_t wanted) {
        Subject *s = &f->subject;
        const char *group;
        User *u;

        if ((wanted & (FACT_BIT(FACT_USER) | FACT_BIT(FACT_MEMBER))) && (s->known & FACT_BIT(FACT_UID))) {
                if (host_user(h, s->uid, &u) < 0)
                        return -ENOMEM;
                lend_user(s, u);
        }
        if ((wanted & FACT_BIT(FACT_GROUP)) && (s->known & FACT_BIT(FACT_GID)) && (group = group_name(s->gid, h))) {
                s->group = group;
                s->known |= FACT_BIT(FACT_GROUP);
        }
        return 0;
}

int host_assume_user(Host *h, Facts *f, const char *name) {
        char *copy = strdup(name);
        uid_t uid;
        User *u;

        if (!copy)
                return -ENOMEM;
        free(f->texts[FACT_USER]);
        f->subject.user = f->texts[FACT_USER] = copy;
        f->subject.known |= FACT_BIT(FACT_USER);
        if (user_by_name(name, &uid, NULL) < 0) {
                f->subject.known |= FACT_BIT(FACT_MEMBER); /* nobody is member of nothing */
                return 0;
        }
        if (host_user(h, uid, &u) < 0)
                return -ENOMEM;
        lend_user(&f->subject, u);
        if (!(f->subject.known & FACT_BIT(FACT_UID))) {
                f->subject.uid = uid;
                f->subject.known |= FACT_BIT(FACT_UID);
        }
        return 0;
}
