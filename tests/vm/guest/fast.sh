# shellcheck shell=bash disable=SC2034
# The service and programs to classify on the fast machine. Sourced after lib.sh.

export PATH=/usr/sbin:/usr/bin
home=/home # cgroup in which test programs start; the service must fetch them from there
conf=/etc/pclass

first_cgroup2() { [ -e /sys/fs/cgroup/unified ] && echo /sys/fs/cgroup/unified || echo /sys/fs/cgroup; }
hierarchies() { first_cgroup2; [ -e /sys/fs/cgroup/cpuset/tasks ] && echo /sys/fs/cgroup/cpuset && echo /sys/fs/cgroup/memory; }

configure() { # configure [LINE]...: more lines for pclass.conf
        mkdir -p $conf/rules.d $conf/classes.d /disk/state
        chown pclass:pclass /disk/state
        printf '%s\n' '[pclass]' Mode=enforce ClassRoot=/pclass StateDir=/disk/state SweepSec=0 HeartbeatSec=1 "$@" >$conf/pclass.conf
        rm -f $conf/rules.d/* $conf/classes.d/*
}
make_home() {
        local h c
        hierarchies | while read -r h; do
                mkdir -p "$h$home" "$h/system"
                for c in cpuset.cpus cpuset.mems; do
                        [ -e "$h/cpuset.clone_children" ] || [ -e "$h/cgroup.clone_children" ] || continue
                        for d in "$home" /system; do [ ! -e "$h/$c" ] || cat "$h/$c" >"$h$d/$c"; done
                done
        done
}
start_bus() {
        dbus-daemon --system --nofork --nopidfile --nosyslog >/run/dbus.log 2>&1 &
        await 60 test -S /run/dbus/system_bus_socket
}
# enter PATH: the calling shell, in every hierarchy
enter() { hierarchies | while read -r h; do echo "$BASHPID" >"$h$1/cgroup.procs"; done; }
start_service() {
        # a pipeline runs in a process of its own, so the shell that becomes the broker writes its own number
        ( pid=$BASHPID; for h in $(hierarchies); do echo "$pid" >"$h/system/cgroup.procs"; done
          exec /usr/libexec/pclass/pclass-broker "$@" ) >>"$out/service.log" 2>&1 </dev/null &
        broker=$!
        await 120 converged || { not_ok "service" "does not run"; cat "$out/service.log"; return 1; }
}
ended() { [ ! -e "/proc/$broker" ] && ! pidof pclassd >/dev/null; }
stop_service() {
        kill "$broker"
        wait "$broker" 2>/dev/null
        await 60 ended || not_ok "stop" "the service does not end"
}
# start VARIABLE COMMAND...: a program in the home cgroup; its pid in VARIABLE
start() {
        local -n pid_=$1
        shift
        ( pid=$BASHPID; for h in $(hierarchies); do echo "$pid" >"$h$home/cgroup.procs"; done; exec "$@" ) </dev/null >/dev/null 2>&1 &
        pid_=$!
        started+=("$pid_")
}
started=()
end_programs() {
        [ ${#started[@]} -gt 0 ] || return 0 # without a number, wait would be for the service
        kill "${started[@]}" 2>/dev/null
        wait "${started[@]}" 2>/dev/null
        started=()
}
