#!/bin/bash
# A private system bus with real polkitd, in a mount namespace of its own, on the machine's own kernel, pid and network namespaces (the proc
# connector works only there). /etc /usr /var are overlays that vanish, /run is an empty tmpfs, the rest of the machine shows through.
# Needs root, dbus-daemon, polkitd, util-linux. Source it, or run it: `rig.sh up DIR`, `rig.sh run DIR [-u USER] CMD`, `rig.sh down DIR`.
#
#   rig_up DIR            starts everything; DIR keeps its state (made if missing). Sets RIG_STATE=DIR; another shell just sets RIG_STATE itself.
#   rig_run [-u USER] [-c LEAF] CMD...
#                         runs CMD inside, as USER with its groups (default root), in the cgroup LEAF (default "run") of the rig; waits,
#                         returns its status. The environment is empty but for PATH HOME TERM LC_ALL; names like A=b before CMD work with env.
#   rig_exec ...          the same, but replaces the shell: `rig_exec -c service CMD & pid=$!` gives the pid of CMD itself.
#   rig_install BUILDDIR  `meson install` (no rebuild) of a configured build with prefix /usr into the overlays; the bus reads its policy again.
#   rig_cgroup [LEAF]     path of the rig's cgroup (or that leaf) as /proc/PID/cgroup shows it: the same in every hierarchy.
#   rig_pid               pid of the process that holds the namespace (nsenter -t PID -m).
#   rig_down              ends every process of the rig (cgroup.kill) and removes its cgroups. Safe to call twice and after a failed rig_up.
#
# Users inside: pclass (the service's), alice (a polkit rule allows her every org.pclass action), bob (a rule denies him), carol (an administrator
# by group sudo, password carolpw), dave (nobody in particular, password davepw), root's password is rootpw. Homes: /run/home-NAME.
# Bus: /run/dbus/system_bus_socket, activation works, its log is DIR/dbus.log. It is dbus-daemon; with RIG_BUS=broker it is dbus-broker, and
# RIG_ACTIVATOR is the built tests/lib/activator.
# Cgroups: in every hierarchy /pclass-rig.N/LEAF, for the leaves run and service and any other that -c names. The service, started with -c
# service, keeps its class root below its own cgroup; so what it moves stays within the rig and ends with it. A test that puts
# processes anywhere else must fetch them back itself.

RIG_LIB=$(realpath "${BASH_SOURCE[0]}")
RIG_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

rig_fail() { echo "rig: $*" >&2; return 1; }

# mount points of all cgroup hierarchies, the cgroup2 one first
rig_hierarchies() {
        awk '{ for (i = 7; $i != "-"; i++); if ($(i+1) == "cgroup2") two = $5 "\n"; else if ($(i+1) == "cgroup") one = one $5 "\n" }
             END { printf "%s%s", two, one }' /proc/self/mountinfo
}
rig_cgroup() { echo "/$(cat "$RIG_STATE/name")${1:+/$1}"; }
rig_pid() { cat "$RIG_STATE/pid"; }

# A v1 cpuset takes no process before it has cpus and memory nodes.
rig_cgroup_fill() {
        local f
        for f in cpuset.cpus cpuset.mems; do
                [ -e "$1/cpuset.clone_children" ] || [ -e "$1/cgroup.clone_children" ] || return 0
                [ -e "$1/$f" ] && cat "$1/../$f" >"$1/$f"
        done
        return 0
}
# On cgroup2 the rig's own directory holds no process, so that leaves may have controllers.
rig_leaf() {
        local h d c
        while read -r h; do
                d=$h$(rig_cgroup)
                [ -d "$d" ] || continue
                [ -d "$d/$1" ] && continue
                if [ -e "$d/cgroup.subtree_control" ]; then
                        for c in $(cat "$d/cgroup.controllers"); do echo "+$c" >"$d/cgroup.subtree_control"; done
                fi
                mkdir "$d/$1" 2>/dev/null || true # another rig_run may be faster
                rig_cgroup_fill "$d/$1"
        done <"$RIG_STATE/hierarchies"
}
rig_make_cgroups() {
        local two h n=0
        rig_hierarchies >"$RIG_STATE/hierarchies"
        two=$(head -n1 "$RIG_STATE/hierarchies")
        [ -e "$two/cgroup.controllers" ] || { rig_fail "no cgroup2 mounted"; return 1; }
        while ! mkdir "$two/pclass-rig.$$.$n" 2>/dev/null; do
                n=$((n + 1))
                [ $n -lt 100 ] || { rig_fail "cannot make a cgroup in $two: are you root?"; return 1; }
        done
        echo "pclass-rig.$$.$n" >"$RIG_STATE/name"
        [ -e "$two/pclass-rig.$$.$n/cgroup.kill" ] || { rig_fail "the kernel has no cgroup.kill"; return 1; }
        while read -r h; do
                [ "$h" = "$two" ] && continue
                mkdir "$h/pclass-rig.$$.$n" 2>/dev/null || continue # a hierarchy that is read-only here
                rig_cgroup_fill "$h/pclass-rig.$$.$n"
        done <"$RIG_STATE/hierarchies"
        rig_leaf run
        rig_leaf service
}
# moves the calling shell
rig_join() {
        local h d
        rig_leaf "$1"
        while read -r h; do
                d=$h$(rig_cgroup "$1")
                [ -d "$d" ] || continue
                echo "$BASHPID" >"$d/cgroup.procs" || { rig_fail "cannot enter $d"; return 1; }
        done <"$RIG_STATE/hierarchies"
}

# What runs inside the new namespace, up to the process that holds it.
rig_inner() {
        local ov=$RIG_STATE/ov d u
        set -eu
        mkdir -p "$ov"
        mount -t tmpfs -o mode=755 rig-ov "$ov"
        for d in etc usr var; do
                mkdir -p "$ov/$d.u" "$ov/$d.w"
                mount -t overlay "rig-$d" -o "lowerdir=/$d,upperdir=$ov/$d.u,workdir=$ov/$d.w" "/$d"
        done
        mount -t tmpfs -o mode=755 rig-run /run
        mkdir -p /run/dbus /run/lock /run/user
        for u in pclass alice bob carol dave; do # a machine may have the service's user already
                id "$u" >/dev/null 2>&1 && continue
                if [ $u = pclass ]; then useradd -r -M -d / -s /usr/sbin/nologin pclass
                else useradd -m -d "/run/home-$u" -s /bin/bash "$u"; fi
        done
        getent group sudo >/dev/null || groupadd -r sudo
        usermod -aG sudo carol
        printf '%s\n' root:rootpw carol:carolpw dave:davepw | chpasswd
        install -d -o polkitd -g root -m 700 /etc/polkit-1/rules.d
        rig_polkit_rules >/etc/polkit-1/rules.d/10-pclass-rig.rules
        chmod 644 /etc/polkit-1/rules.d/10-pclass-rig.rules
        rig_bus >"$RIG_STATE/dbus.log" 2>&1 &
        for ((d = 0; d < 500; d++)); do [ -S /run/dbus/system_bus_socket ] && break; sleep 0.01; done
        [ -S /run/dbus/system_bus_socket ]
        chmod 666 /run/dbus/system_bus_socket
        rig_bus_ready
        touch "$RIG_STATE/ready"
        exec sleep infinity
}
# The system bus, within the namespace; runs until it ends.
rig_bus() {
        if [ "${RIG_BUS:-daemon}" = broker ]; then
                exec python3 "$(dirname "$RIG_LIB")/broker-bus.py" "$RIG_ACTIVATOR"
        fi
        exec dbus-daemon --system --nofork --nopidfile --nosyslog
}
# dbus-broker listens before it serves, and activates nothing before somebody stands for systemd.
rig_bus_ready() {
        local i
        [ "${RIG_BUS:-daemon}" = broker ] || return 0
        for ((i = 0; i < 500; i++)); do
                busctl --timeout=5 status org.freedesktop.systemd1 >/dev/null 2>&1 && return 0
                sleep 0.02
        done
        return 1
}
rig_polkit_rules() {
        cat <<'RULES'
polkit.addRule(function(action, subject) {
        if (action.id.indexOf("org.pclass.") != 0) return polkit.Result.NOT_HANDLED;
        if (subject.user == "alice") return polkit.Result.YES;
        if (subject.user == "bob") return polkit.Result.NO;
        return polkit.Result.NOT_HANDLED;
});
polkit.addAdminRule(function(action, subject) { return ["unix-group:sudo"]; });
RULES
}

rig_up() {
        [ -n "${1:-}" ] || { rig_fail "usage: rig_up DIR"; return 2; }
        mkdir -p "$1" || return 1
        RIG_STATE=$(realpath "$1")
        export RIG_STATE
        [ -e "$RIG_STATE/name" ] && { rig_fail "$RIG_STATE is in use: rig_down first"; return 1; }
        rm -f "$RIG_STATE/ready" "$RIG_STATE/pid"
        rig_make_cgroups || { rig_down; return 1; }
        ( rig_join run && exec setsid unshare -m --propagation private \
                env -i PATH="$RIG_PATH" LC_ALL=C.UTF-8 RIG_STATE="$RIG_STATE" RIG_BUS="${RIG_BUS:-}" RIG_ACTIVATOR="${RIG_ACTIVATOR:-}" bash "$RIG_LIB" inner ) \
                >"$RIG_STATE/log" 2>&1 </dev/null &
        local pid=$! i
        disown $pid
        for ((i = 0; i < 1000; i++)); do
                [ -e "$RIG_STATE/ready" ] && { echo $pid >"$RIG_STATE/pid"; return 0; }
                kill -0 $pid 2>/dev/null || break
                sleep 0.01
        done
        cat "$RIG_STATE/log" "$RIG_STATE/dbus.log" >&2
        rig_down
        rig_fail "did not come up"
}

rig_exec() {
        local user=root leaf=run
        while :; do
                case ${1:-} in
                -u) user=$2; shift 2 ;;
                -c) leaf=$2; shift 2 ;;
                *) break ;;
                esac
        done
        [ -s "${RIG_STATE:-}/pid" ] || { rig_fail "not up"; exit 125; }
        rig_join "$leaf" || exit 125
        local keep=(PATH="$RIG_PATH" "TERM=${TERM:-dumb}" LC_ALL=C.UTF-8)
        if [ "$user" = root ]; then
                exec nsenter -t "$(rig_pid)" -m -- env -i "${keep[@]}" HOME=/root USER=root "$@"
        fi
        exec nsenter -t "$(rig_pid)" -m -- setpriv --reuid "$user" --regid "$user" --init-groups -- \
                env -i "${keep[@]}" HOME="/run/home-$user" USER="$user" "$@"
}
rig_run() { ( rig_exec "$@" ) }

rig_install() {
        [ -d "${1:-}" ] || { rig_fail "usage: rig_install BUILDDIR"; return 2; }
        rig_run meson install --no-rebuild --quiet -C "$(realpath "$1")" || return 1
        rig_run busctl --quiet call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig
}

rig_down() {
        local h d i
        [ -s "${RIG_STATE:-}/name" ] || return 0
        d=$(head -n1 "$RIG_STATE/hierarchies")$(rig_cgroup)
        [ -d "$d" ] && echo 1 >"$d/cgroup.kill"
        for ((i = 0; i < 500; i++)); do
                grep -qs 'populated 1' "$d/cgroup.events" || break
                sleep 0.01
        done
        while read -r h; do
                d=$h$(rig_cgroup)
                for ((i = 0; i < 1000; i++)); do # a dying process leaves its v1 cgroups a moment later
                        [ -d "$d" ] || break
                        find "$d" -depth -type d -exec rmdir {} + 2>/dev/null || true
                        [ -d "$d" ] || break
                        sleep 0.01
                done
                [ -d "$d" ] && rig_fail "$d is still in use"
        done <"$RIG_STATE/hierarchies"
        rmdir "$RIG_STATE/ov" 2>/dev/null || true
        rm -f "$RIG_STATE/name" "$RIG_STATE/pid" "$RIG_STATE/ready" "$RIG_STATE/hierarchies"
        return 0
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
        verb=${1:-}
        shift
        case $verb in
        up) rig_up "$@" ;;
        inner) rig_inner ;;
        bus) rig_bus ;;
        run) export RIG_STATE=$1; shift; rig_exec "$@" ;;
        install) export RIG_STATE=$1; rig_install "$2" ;;
        cgroup) export RIG_STATE=$1; rig_cgroup "${2:-}" ;;
        down) export RIG_STATE=$1; rig_down ;;
        *) echo "usage: rig.sh up|run|install|cgroup|down DIR ..." >&2; exit 2 ;;
        esac
fi
