/* Cgroups that nobody's rule may empty: those of container and virtual machine managers, and of what keeps the unit of the classes alive. */
#include "broker/broker.h"

#include "common/str.h"

/* Globs over whole paths in any hierarchy; * also matches /. */
static const char *const built_in[] = {
        "/machine.slice/*",
        "/docker/*",
        "*/docker-*",
        "*/libpod-*",
        "*/kubepods*",
        "*/crio-*",
        "*/cri-containerd-*",
        "/lxc/*",
        "*/lxc.payload*",
        PROTECT_DELEGATED,
        "/pclass.slice/pclass-classes.scope", /* without cgroup2 the keeper is in the scope itself: data/pclass-classes.in */
        "/pclass.slice/pclass-classes.scope/keeper",
};

bool broker_protects_itself(const char *glob) {
        for (size_t i = 0; i < ELEMENTSOF(built_in); i++)
                if (streq(glob, built_in[i]))
                        return true;
        return false;
}

int broker_protect_list(char *const *protect, char *const *unprotect, char ***ret) {
        _cleanup_strv_ char **list = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(built_in); i++)
                if (!strv_contains(unprotect, built_in[i]))
                        r = strv_append(&list, built_in[i]);
        for (; r >= 0 && protect && *protect; protect++)
                r = strv_append(&list, *protect);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}
