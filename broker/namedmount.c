/* Mounting named hierarchies. */
#include "broker/namedmount.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/cgroupfs.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/str.h"

#define TEXT_MAX (4 * 1024 * 1024)
#define NAME_MAX_BYTES 64     /* of the kernel */
#define PATH_BYTES 1200       /* RuntimeDir has at most 512 */
#define NAMES_MAX 16          /* no more than hierarchies can be used */
#define LINGER_ROUNDS 4       /* the kernel lets go of a hierarchy some time after its last directory; each round waits twice as long: */
#define LINGER_LOOKS 25
#define LINGER_NS (20 * 1000000L)

static bool name_ok(const char *name) {
        return *name && strlen(name) <= NAME_MAX_BYTES && !streq(name, "systemd") && !streq(name, ".") && !streq(name, "..") && !strchr(name, '/');
}

/* Names that classes ask for, each once. */
static int wanted_names(const ClassTable *t, char ***ret) {
        _cleanup_strv_ char **names = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < t->n; i++)
                for (char **h = t->classes[i]->hierarchies; r >= 0 && h && *h; h++) {
                        const char *name = startswith(*h, "name=");
                        if (name && name_ok(name) && !strv_contains(names, name) && strv_length(names) < NAMES_MAX)
                                r = strv_append(&names, name);
                }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(names);
        return 0;
}

/* A hierarchy of that name exists on the machine: /proc/self/cgroup lists those that are alive, mounted or not. */
static bool text_has_name(const char *text, const char *name, const char *before, const char *after) {
        char wanted[128];

        snprintf(wanted, sizeof(wanted), "%sname=%.64s%s", before, name, after);
        return strstr(text, wanted) != NULL;
}

static bool is_alive(const char *name) {
        _cleanup_free_ char *text = NULL;

        return fd_read_file(AT_FDCWD, "/proc/self/cgroup", TEXT_MAX, &text, NULL) >= 0 && text_has_name(text, name, ":", ":");
}

static bool is_mounted(const char *name) {
        _cleanup_free_ char *text = NULL;

        return fd_read_file(AT_FDCWD, "/proc/self/mountinfo", TEXT_MAX, &text, NULL) >= 0 &&
               (text_has_name(text, name, ",", "\n") || text_has_name(text, name, ",", ","));
}

static int mount_at(const char *path, const char *name) {
        char options[128];

        snprintf(options, sizeof(options), "none,name=%.64s", name);
        return mount("pclass", path, "cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0 ? -errno : 0;
}

/* Where the classes will be: uid 0 alone may not make a directory in a hierarchy's root (mode 0555), and the service is not more. */
static void make_class_root(const char *path, const char *class_root) {
        _cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        char root[1024];

        snprintf(root, sizeof(root), "%s%s", *class_root == '/' ? "" : "/", class_root);
        int r = fd < 0 ? -errno : cgroupfs_mkdir_parents(fd, root, 0);
        if (r < 0)
                log_warning_errno(r, "cannot make the class root in %s", path);
}

static void mount_one(const Config *config, const char *dir, const char *name) {
        char path[PATH_BYTES];

        if (is_mounted(name))
                return;
        snprintf(path, sizeof(path), "%s/%.64s", dir, name);
        if ((mkdir(dir, 0755) < 0 && errno != EEXIST) || (mkdir(path, 0755) < 0 && errno != EEXIST)) {
                log_warning_errno(errno, "cannot make %s", path);
                return;
        }
        int r = mount_at(path, name);
        if (r < 0) {
                log_warning_errno(r, "cannot mount the hierarchy name=%s", name);
                (void) rmdir(path);
                return;
        }
        make_class_root(path, config->class_root);
        log_info("mounted the hierarchy name=%s at %s", name, path);
}

/* ---- no longer wanted --------------------------------------------------------------------------------------------------- */

/* Removes the directories of classes, unless somebody is in one. True: none is left. */
static bool empty_tree(int mount_fd, const char *path, unsigned depth) {
        _cleanup_strv_ char **children = NULL;
        bool gone = depth < 32 && cgroupfs_list(mount_fd, path, &children) >= 0;
        char below[4096];

        for (char **child = children; child && *child; child++) {
                bool fits = (size_t) snprintf(below, sizeof(below), "%s/%s", streq(path, "/") ? "" : path, *child) < sizeof(below);
                gone = fits && empty_tree(mount_fd, below, depth + 1) && gone;
        }
        return gone && (streq(path, "/") || cgroupfs_rmdir(mount_fd, path) >= 0);
}

static bool is_gone_soon(const char *name, unsigned looks) {
        const struct timespec pause = { .tv_nsec = LINGER_NS };

        for (unsigned i = 0; i < looks; i++) {
                if (!is_alive(name))
                        return true;
                (void) nanosleep(&pause, NULL);
        }
        return false;
}

/* One that is unmounted right behind its last directory stays alive until it is mounted and unmounted once more. But a mount while it is going
 * away waits for that and makes a new one, which has to go away in turn: so none before it had time. */
static void let_go(const char *path, const char *name) {
        for (unsigned i = 0; i < LINGER_ROUNDS && !is_gone_soon(name, LINGER_LOOKS << i); i++)
                if (mount_at(path, name) >= 0)
                        (void) umount2(path, 0);
}

static void unmount_one(const char *dir, const char *name) {
        char path[PATH_BYTES];

        snprintf(path, sizeof(path), "%s/%.64s", dir, name);
        if (is_mounted(name)) {
                int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
                bool empty = fd >= 0 && empty_tree(fd, "/", 0);
                fd_close(fd);
                if (!empty) {
                        log_notice("the hierarchy name=%s is not needed any more and stays until its processes end", name);
                        return;
                }
                if (umount2(path, 0) < 0) {
                        log_notice("the hierarchy name=%s stays mounted: %s", name, strerror(errno));
                        return;
                }
                let_go(path, name);
                log_info("unmounted the hierarchy name=%s", name);
        }
        (void) rmdir(path);
}

static void unmount_others(const char *dir, char *const *wanted) {
        DIR *d = opendir(dir);
        struct dirent *e;

        while (d && (e = readdir(d)))
                if (name_ok(e->d_name) && !strv_contains(wanted, e->d_name))
                        unmount_one(dir, e->d_name);
        if (d)
                closedir(d);
}

int named_hierarchies_prepare(const Config *config, const ClassTable *table) {
        _cleanup_strv_ char **names = NULL;
        char dir[1024];
        int r = wanted_names(table, &names);

        if (r < 0)
                return r;
        snprintf(dir, sizeof(dir), "%s/" NAMED_DIRECTORY, config->runtime_dir);
        unmount_others(dir, names);
        for (char **name = names; name && *name; name++)
                mount_one(config, dir, *name);
        return 0;
}
