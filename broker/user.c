/* Looking up users. */
#include "broker/user.h"

#include <pwd.h>

#include "common/str.h"

int user_find(const char *text, uid_t *ret_uid, gid_t *ret_gid) {
        uint32_t uid;

        if (!ret_gid && str_to_u32(text, &uid) >= 0) {
                *ret_uid = uid;
                return 0;
        }
        errno = 0;
        const struct passwd *pw = getpwnam(text);
        if (!pw) /* POSIX leaves the errors for "no such name" open */
                return is_shortage(-errno) || errno == EIO || errno == EINTR ? -errno : -ENOENT;
        *ret_uid = pw->pw_uid;
        if (ret_gid)
                *ret_gid = pw->pw_gid;
        return 0;
}
