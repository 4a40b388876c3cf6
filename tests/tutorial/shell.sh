# shellcheck shell=bash
# What the shell of the tutorial knows beside its own commands: a systemctl for a place without systemd. Sourced with the rig's state directory.
TUTORIAL_STATE=$1
cd "$TUTORIAL_STATE/clone" || return 1
systemctl() {
        case "$*" in
        daemon-reload) ;;
        "reload dbus") busctl --quiet call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig ;;
        "start pclass") start_pclass ;;
        *) echo "systemctl $*: not known to the tutorial's test"; return 1 ;;
        esac
}
start_pclass() {
        local rig h i
        rig=/$(cat "$TUTORIAL_STATE/name")
        # The classes in the rig and not in the machine's own slice.
        sed -i "s|^ClassRoot=.*|ClassRoot=$rig/classes|" /etc/pclass/pclass.conf
        (
                while read -r h; do
                        [ ! -d "$h$rig/service" ] || echo "$BASHPID" >"$h$rig/service/cgroup.procs"
                done <"$TUTORIAL_STATE/hierarchies"
                exec setsid /usr/libexec/pclass/pclass-broker --supervise
        ) </dev/null >"$TUTORIAL_STATE/service.log" 2>&1 &
        disown
        for ((i = 0; i < 400; i++)); do
                if pclassctl status 2>/dev/null | grep -q 'State: running'; then return 0; fi
                sleep 0.05
        done
        cat "$TUTORIAL_STATE/service.log"
        return 1
}
