/* Paths to block devices. */
#include "broker/device.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/fd.h"

/* Partitions have no queue of their own; the kernel takes limits for the whole disk only. */
static void take_whole_disk(LimitDevice *d) {
        char path[128], text[32];
        struct stat st;
        unsigned major, minor;

        snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", d->major, d->minor);
        if (stat(path, &st) < 0)
                return;
        snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../dev", d->major, d->minor);
        if (fd_read_text(AT_FDCWD, path, text, sizeof(text)) < 0 || sscanf(text, "%u:%u", &major, &minor) != 2)
                return;
        d->major = major;
        d->minor = minor;
}

/* The unit has a /dev of its own without disks, so a name below /dev is looked up as the kernel knows it. */
static int find_by_name(LimitDevice *d) {
        const char *name = startswith(d->path, "/dev/");
        char path[CLASS_DEVICE_PATH_MAX + 64], text[32];

        if (!name || !*name || *name == '.')
                return -ENOENT;
        int n = snprintf(path, sizeof(path), "/sys/class/block/");
        snprintf(path + n, sizeof(path) - n, "%s", name);
        for (char *slash = path + n; (slash = strchr(slash, '/'));) /* cciss/c0d0 is cciss!c0d0 there */
                *slash = '!';
        strcat(path, "/dev");
        ssize_t size = fd_read_text(AT_FDCWD, path, text, sizeof(text));
        if (size < 0)
                return size;
        return sscanf(text, "%u:%u", &d->major, &d->minor) == 2 ? 0 : -EBADMSG;
}

void limit_device_resolve(LimitDevice *d) {
        struct stat st;
        dev_t device;

        d->error = 0;
        if (stat(d->path, &st) < 0) {
                d->error = -errno;
                if (find_by_name(d) < 0)
                        return;
                d->error = 0;
                take_whole_disk(d);
                return;
        }
        if (S_ISBLK(st.st_mode))
                device = st.st_rdev;
        else if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
                device = st.st_dev;
        else {
                d->error = -ENOTBLK;
                return;
        }
        if (major(device) == 0) { /* tmpfs, btrfs and whatever else has only a number */
                d->error = -ENODEV;
                return;
        }
        d->major = major(device);
        d->minor = minor(device);
        take_whole_disk(d);
}

const LimitDevice *limit_device_find(const LimitDevice *list, size_t n, const char *path) {
        for (size_t i = 0; i < n; i++)
                if (streq(list[i].path, path))
                        return &list[i];
        return NULL;
}

int limit_devices_add(LimitDevice **list, size_t *n, const char *value) {
        LimitDevice d = {};
        char number[24];

        for (const char *s = value; class_value_next_device(&s, d.path, number) > 0;) {
                if (limit_device_find(*list, *n, d.path))
                        continue;
                limit_device_resolve(&d);
                LimitDevice *grown = reallocarray(*list, *n + 1, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                *list = grown;
                grown[(*n)++] = d;
        }
        return 0;
}
