/* Start of the broker. */
#include "broker/setup.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "broker/cgroupfs.h"
#include "broker/cgredsocket.h"
#include "broker/connector.h"
#include "broker/limits.h"
#include "broker/namedmount.h"
#include "broker/runtimeclass.h"
#include "broker/sandbox.h"
#include "broker/tune.h"
#include "broker/user.h"
#include "common/conf.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/str.h"
#include "common/textstream.h"

#define FILES_MAX 262144 /* one cgroup.procs a class and hierarchy */

void setup_done(Setup *s) {
        origins_free(s->origins);
        place_table_free(s->places);
        class_set_free(s->classes);
        allowed_roots_free(s->roots);
        hierarchy_set_free(s->hierarchies);
        class_table_free(s->table);
        for (size_t i = 0; i < s->n_read_again; i++)
                class_table_free(s->read_again[i]);
        free(s->read_again);
        config_free(s->config);
        strv_free(s->protect);
        free(s->protect_uids);
        fd_close(s->proc_fd);
        fd_close(s->runtime_fd);
        fd_close(s->connector_fd);
        fd_close(s->cgred_fd);
        for (size_t i = 0; i < SETUP_SPARES; i++)
                fd_close(s->spare_fds[i]);
}

/* ---- reading --------------------------------------------------------------------------------------------------------------- */

static int load(const Options *o, Config **ret_config, ClassTable **ret_table, TextError *err) {
        _cleanup_(config_freep) Config *config = NULL;
        int r = config_load(o->config, &config, err);

        if (r >= 0)
                r = class_table_load(config->class_dirs, ret_table, err);
        if (r >= 0)
                *ret_config = TAKE_PTR(config);
        return r;
}

/* -EINVAL, which ends the service for good, for what does not pass by itself. */
static int unless_it_passes(int r) {
        return r >= 0 || is_shortage(r) || r == -ENOSPC ? r : -EINVAL;
}

static int tell(int r, const TextError *err) {
        char text[600];

        text_error_format(err, text, sizeof(text));
        log_error("%s", text[0] ? text : strerror(-r));
        return r;
}

static void tell_skipped(const Config *c) {
        _cleanup_strv_ char **files = NULL, **skipped = NULL;

        (void) conf_list_files(c->class_dirs, ".conf", &files, &skipped);
        for (char **path = skipped; path && *path; path++)
                log_warning("%s " CONF_SKIPPED, *path);
}

static int table_text(const ClassTable *t, char **ret) {
        TextStream stream;
        FILE *f = text_stream_open(&stream);

        if (!f)
                return -ENOMEM;
        class_table_format(t, f);
        return text_stream_close(&stream, ret, NULL);
}

/* Whether another one can be used shows when the service is started with it: too late for a reload, which changes all or nothing. */
static int check_directories(const Setup *s, const Config *config, TextError *err) {
        const char *key = !streq(s->config->state_dir, config->state_dir) ? "StateDir" : !streq(s->config->runtime_dir, config->runtime_dir) ? "RuntimeDir" : NULL;

        return key ? text_error(err, s->options->config, 0, 0, "a changed %s= takes a restart of the service: systemctl restart pclass", key) : 0;
}

int setup_check_config(const Setup *s, TextError *err) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(class_table_freep) ClassTable *table = NULL;
        _cleanup_free_ char *old = NULL, *new = NULL;
        int r = load(s->options, &config, &table, err);

        if (r >= 0)
                r = allowed_roots_check(config, s->options->config, s->hierarchies, err);
        if (r >= 0)
                r = check_directories(s, config, err);
        if (r == -EACCES)
                return 1; /* a directory that did not exist when the sandbox was closed */
        if (r == -EINVAL)
                return r;
        if (r >= 0)
                r = table_text(s->table, &old);
        if (r >= 0)
                r = table_text(table, &new);
        if (r < 0)
                return text_error(err, NULL, 0, 0, "the configuration cannot be read: %s", strerror(-r));
        bool changed = !config_equal(s->config, config) || !streq(old, new);
        if (!changed) /* else the new start tells */
                tell_skipped(config);
        return changed;
}

void setup_reload_templates(Setup *s) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(class_table_freep) ClassTable *table = NULL;
        TextError err = {};
        int r = load(s->options, &config, &table, &err);

        if (r < 0) {
                (void) tell(r, &err);
                return;
        }
        ClassTable **grown = reallocarray(s->read_again, s->n_read_again + 1, sizeof(ClassTable *));
        if (!grown)
                return;
        s->read_again = grown;
        size_t n = class_set_take_templates(s->classes, table);
        s->read_again[s->n_read_again++] = TAKE_PTR(table);
        log_notice("%zu templates were read again; what else has changed a reload takes", n);
}

int setup_config_paths(const Setup *s, char ***ret) {
        _cleanup_strv_ char **paths = NULL;
        const char *slash = strrchr(s->options->config, '/');
        /* The directory, for editors replace the file. */
        int r = slash > s->options->config ? strv_append_n(&paths, s->options->config, slash - s->options->config) : 0;

        for (char **dir = s->config->class_dirs; r >= 0 && dir && *dir; dir++)
                r = strv_append(&paths, *dir);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(paths);
        return 0;
}

uint64_t setup_capabilities(const Setup *s) {
        uint64_t wanted = class_set_uses_cpuset(s->classes) ? UINT64_C(1) << CAP_SYS_NICE : 0;

        /* A unit without its drop-in does not give it, and all else works. */
        return class_set_needs_kill(s->classes) ? wanted | (sandbox_capabilities() & UINT64_C(1) << CAP_KILL) : wanted;
}

/* ---- users ------------------------------------------------------------------------------------------------------------------ */

static int find_service_user(Setup *s) {
        int r = user_find(PCLASS_USER, &s->uid, &s->gid);

        if (r < 0)
                return log_error_errno(r == -ENOENT ? ESRCH : r, "there is no user %s for pclassd to run as", PCLASS_USER);
        return s->uid == 0 ? log_error_errno(EPERM, "pclassd must not run as root") : 0;
}

static int find_protected_users(Setup *s) {
        char **names = s->config->protect_users;

        s->protect_uids = calloc(strv_length(names) + 1, sizeof(uid_t));
        if (!s->protect_uids)
                return -ENOMEM;
        for (; names && *names; names++) {
                int r = user_find(*names, &s->protect_uids[s->n_protect_uids], NULL);
                if (r == -ENOENT)
                        log_warning("ProtectUsers names %s, whom nobody knows here", *names);
                else if (r < 0)
                        return log_error_errno(r, "ProtectUsers names %s, who cannot be looked up", *names);
                s->n_protect_uids += r >= 0;
        }
        return 0;
}

/* ---- directories -------------------------------------------------------------------------------------------------------------- */

static int make_directories(const char *path, mode_t mode) {
        char part[1024];

        for (size_t n = 1; path[n - 1];) {
                n += strcspn(path + n, "/");
                snprintf(part, sizeof(part), "%.*s", (int) n, path);
                if (mkdir(part, path[n] ? 0755 : mode) < 0 && errno != EEXIST)
                        return -errno;
                n += path[n] ? 1 : 0;
                if (!path[n])
                        break;
        }
        return 0;
}

static int open_directory(const char *path, mode_t mode, int flags) {
        int r = make_directories(path, mode);
        int fd = r < 0 ? r : open(path, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (r >= 0 && fd < 0)
                fd = -errno;
        return fd < 0 ? log_error_errno(fd, "cannot make the directory %s", path) : fd;
}

/* The listener writes its own state; nobody else reads it, not even we without CAP_DAC_OVERRIDE: once it is the listener's we only look at
 * its owner. The mode is set before the owner: without CAP_FOWNER not after. */
static int make_state_dir(const Setup *s) {
        _cleanup_close_ int path = open_directory(s->config->state_dir, 0700, O_PATH);
        struct stat st;

        if (path < 0)
                return path;
        if (fstat(path, &st) < 0)
                return -errno;
        if (st.st_uid == s->uid)
                return 0;
        _cleanup_close_ int fd = open_directory(s->config->state_dir, 0700, O_RDONLY);
        if (fd < 0)
                return fd;
        if (fchmod(fd, 0700) < 0 || fchown(fd, s->uid, s->gid) < 0)
                return log_error_errno(errno, "cannot give %s to %s", s->config->state_dir, PCLASS_USER);
        return 0;
}

/* ---- cgroups ------------------------------------------------------------------------------------------------------------------ */

static bool needs_controllers(const Setup *s, unsigned hierarchy) {
        unsigned h;

        for (size_t i = 0; i < s->table->n; i++)
                for (ClassProperty p = 0; p < _CLASS_PROPERTY_N; p++)
                        if ((s->table->classes[i]->properties[p] || s->table->classes[i]->tunable[p].allowed) &&
                            limit_hierarchy(s->hierarchies, p, &h) >= 0 && h == hierarchy)
                                return true;
        return false;
}

/* v2: a cgroup with members cannot hand controllers down. If the class root lies below our own, we go into a leaf beside it. */
static int leave_own_cgroup(const Setup *s, unsigned i) {
        const Hierarchy *h = &s->hierarchies->items[i];
        char leaf[WIRE_PATH_MAX];

        if (h->version != 2 || s->config->class_root[0] == '/' || streq(h->own, "/") || !needs_controllers(s, i))
                return 0;
        snprintf(leaf, sizeof(leaf), "%s/" HIERARCHY_BROKER_LEAF, h->own);
        int r = cgroupfs_mkdir(h->mount_fd, leaf);
        _cleanup_close_ int fd = r < 0 ? r : cgroupfs_open(h->mount_fd, leaf, "cgroup.procs", O_WRONLY);
        r = fd < 0 ? fd : cgroupfs_move(fd, getpid());
        if (r >= 0 && s->options->supervisor > 0)
                r = cgroupfs_move(fd, s->options->supervisor);
        return r < 0 ? log_error_errno(r, "cannot go into the leaf %s%s", h->mount, leaf) : 0;
}

static int make_classes(Setup *s) {
        TextError err = {};
        int r = named_hierarchies_prepare(s->config, s->table);

        if (r >= 0)
                r = hierarchy_set_discover(s->config->class_root, options_without(s->options, "cgroup2"), &s->hierarchies);

        if (r < 0)
                return log_error_errno(r, "no cgroup hierarchy can be used");
        r = allowed_roots_check(s->config, s->options->config, s->hierarchies, &err);
        if (r < 0)
                return tell(r, &err);
        r = class_set_new(s->table, s->hierarchies, &s->classes);
        if (r >= 0) {
                s->classes->proc_fd = s->proc_fd;
                s->classes->runtime_fd = s->runtime_fd;
                s->classes->runtime_max = s->config->runtime_classes_max;
                r = runtime_classes_load(s->classes);
                s->runtime_classes = (KeptState) MAX(r, 0);
        }
        if (r >= 0)
                r = allowed_roots_open(s->config->allowed_roots, s->hierarchies, &s->roots);
        if (r >= 0)
                s->classes->roots = s->roots;
        for (unsigned i = 0; r >= 0 && i < s->hierarchies->n; i++)
                r = leave_own_cgroup(s, i);
        if (r < 0)
                return r;
        _cleanup_(class_table_freep) ClassTable *remembered = NULL;
        r = tune_load(s->runtime_fd, &remembered);
        if (r < 0)
                return r;
        s->tuned = (KeptState) r;
        class_set_restore(s->classes, remembered);
        r = class_set_realise(s->classes);
        s->classes->remembered = NULL;
        return r;
}

static int read_origins(Setup *s) {
        char boot_id[64];
        ssize_t n = fd_read_text(s->proc_fd, "sys/kernel/random/boot_id", boot_id, sizeof(boot_id));

        if (n < 0)
                return log_error_errno((int) n, "cannot read the boot id");
        boot_id[strcspn(boot_id, "\n")] = '\0';
        int r = place_table_new(&s->places);
        if (r >= 0)
                r = origins_open(s->runtime_fd, s->proc_fd, s->hierarchies, s->places, boot_id, &s->origins);
        if (r < 0)
                return log_error_errno(r, "cannot keep origins in %s", s->config->runtime_dir);
        if (origins_damaged(s->origins) > 0)
                log_warning("%zu of the origins in %s are damaged, and forgotten: who was moved before stays where he is when no rule wants him any more",
                            origins_damaged(s->origins), s->config->runtime_dir);
        if (r == 1)
                log_info("the origins in %s are of another boot, and forgotten", s->config->runtime_dir);
        return 0;
}

/* ---- all of it ---------------------------------------------------------------------------------------------------------------- */

static void raise_file_limit(void) {
        struct rlimit l;

        if (getrlimit(RLIMIT_NOFILE, &l) < 0)
                return;
        l.rlim_cur = MIN(l.rlim_max, (rlim_t) FILES_MAX);
        (void) setrlimit(RLIMIT_NOFILE, &l);
}

/* Before Linux 6.6 only privilege may subscribe, so pclassd could not replace a socket that fell silent. */
static bool needs_spares(const Options *o) {
        struct utsname u;
        unsigned major, minor;

        if (options_without(o, "event-mask")) /* plays such a kernel */
                return true;
        return uname(&u) >= 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2 && (major < 6 || (major == 6 && minor < 6));
}

static int make_everything(Setup *s) {
        int r = make_state_dir(s);

        if (r >= 0)
                r = s->runtime_fd = open_directory(s->config->runtime_dir, 0755, O_RDONLY);
        r = unless_it_passes(r);
        if (r >= 0)
                r = make_classes(s);
        if (r >= 0)
                r = unless_it_passes(read_origins(s));
        if (r < 0)
                return r;
        if (s->config->cgred_socket && (s->cgred_fd = cgred_socket_open(s->config->cgred_socket)) < 0)
                s->cgred_error = s->cgred_fd;
        s->connector_fd = options_without(s->options, "connector") ? -ENOTSUP : connector_open();
        if (s->connector_fd < 0)
                log_warning("there is no process connector here (%s): processes are looked for every %u s",
                            s->connector_fd == -EXDEV ? "this is a pid namespace of its own" : strerror(-s->connector_fd), s->config->scan_sec);
        else if (needs_spares(s->options))
                for (size_t i = 0; i < SETUP_SPARES; i++)
                        s->spare_fds[i] = connector_open_spare();
        return 0;
}

int setup_mount_hierarchies(const Options *o) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(class_table_freep) ClassTable *table = NULL;
        TextError err = {};
        int r = load(o, &config, &table, &err);

        if (r < 0)
                return tell(r, &err);
        r = make_directories(config->runtime_dir, 0755);
        return r < 0 ? log_error_errno(r, "cannot make the directory %s", config->runtime_dir) : named_hierarchies_prepare(config, table);
}

int setup_run(const Options *o, Setup *ret) {
        Setup s = { .options = o, .proc_fd = -EBADF, .runtime_fd = -EBADF, .connector_fd = -EBADF, .cgred_fd = -EBADF, .spare_fds = { -EBADF, -EBADF } };
        TextError err = {};
        int r = load(o, &s.config, &s.table, &err);

        if (r < 0)
                r = unless_it_passes(tell(r, &err));
        else
                tell_skipped(s.config);
        if (r >= 0)
                r = find_service_user(&s);
        if (r >= 0)
                r = find_protected_users(&s);
        if (r >= 0)
                r = broker_protect_list(s.config->protect, s.config->unprotect, &s.protect);
        if (r >= 0) {
                raise_file_limit();
                s.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
                r = s.proc_fd < 0 ? log_error_errno(errno, "cannot open /proc") : make_everything(&s);
        }
        if (r < 0)
                setup_done(&s);
        else
                *ret = s;
        return r;
}
