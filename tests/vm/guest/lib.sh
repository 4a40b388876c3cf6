# shellcheck shell=bash disable=SC2034
# For the tests inside the machines. Sourced. A test says one line "ok NAME" or "not ok NAME: why" for each case.

export COLUMNS=150
out=/disk/out
mkdir -p "$out"
boot=$(($(cat /disk/boots 2>/dev/null || echo 0) + 1)) # which boot of this machine this is

ok() { echo "ok $suite: $*"; }
patience=120 # seconds, for emulation on a loaded machine; less once something went wrong
not_ok() {
        local name=$1
        patience=30
        shift
        echo "not ok $suite: $name: $*"
}
# run CASE...: functions of the test, with the time at which each began
run() {
        local c
        for c; do
                echo "-- $(cut -d' ' -f1 /proc/uptime) s: $c"
                "$c"
        done
}
# is NAME ACTUAL EXPECTED
is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "is \"$2\" instead of \"$3\""; fi; }
# has NAME TEXT PART...
has() {
        local name=$1 text=$2 part
        shift 2
        for part; do
                case $text in *"$part"*) ;; *) not_ok "$name" "\"$part\" is not in: $text"; return ;; esac
        done
        ok "$name"
}
# fails NAME TEXT STATUS COMMAND...: the command ends with that status and says that text.
fails() {
        local name=$1 text=$2 wanted=$3 said status
        shift 3
        said=$("$@" 2>&1)
        status=$?
        case $status/$said in
        "$wanted"/*"$text"*) ok "$name" ;;
        *) not_ok "$name" "status $status, said: $said" ;;
        esac
}
# await SECONDS COMMAND...: until it succeeds. Under emulation starting a program costs more than most checks, so the shell itself waits.
idle=/run/vm-idle
[ -p $idle ] || mkfifo $idle
await() {
        local end=$((SECONDS + $1 + 1))
        shift
        until "$@"; do
                [ $SECONDS -lt $end ] || return 1
                read -rt 0.05 <>$idle
        done
        return 0 # not what the read returned
}

# ---- processes -------------------------------------------------------------------------------------------------------------------------
context_of() {
        local context
        { IFS= read -r -d '' context <"/proc/$1/attr/current"; } 2>/dev/null
        printf '%s' "${context%$'\n'}"
}
# find_place PID [CONTROLLER]: sets place to its cgroup, in cgroup2 or in the v1 hierarchy of that controller
find_place() {
        local lines=() line controllers
        place=
        { mapfile -t lines <"/proc/$1/cgroup"; } 2>/dev/null
        for line in "${lines[@]}"; do
                controllers=${line#*:}
                controllers=${controllers%%:*}
                case ${2:-}/,$controllers, in "/,," | "${2:-/}/"*",${2:-/},"*) place=${line#*:*:} ;; esac
        done
}
where() { find_place "$@"; echo "$place"; }
in_place() { local place; find_place "$1" "${3:-}"; [ "$place" = "$2" ]; }
# lands NAME PID PATH [CONTROLLER [SECONDS]]: that process comes to be there.
lands() {
        if await "${5:-$patience}" in_place "$2" "$3" "${4:-}"; then
                ok "$1"
        else
                not_ok "$1" "process $2 ($(context_of "$2")) is in $(where "$2" "${4:-}") instead of $3"
                pclassctl explain "$2" | cat
        fi
}
# stays NAME PID PATH: that process is still there after the service has gone over every process.
stays() {
        reclassify
        is "$1" "$(where "$2")" "$3"
}

# ---- the service -----------------------------------------------------------------------------------------------------------------------
status_property() { busctl get-property org.pclass /Status org.pclass.Status "$1" 2>/dev/null; }
# running, and every process looked at: one call for both
converged() {
        case $(busctl -j call org.pclass /Status org.freedesktop.DBus.Properties GetAll s org.pclass.Status 2>/dev/null) in
        *'"State":{"type":"s","data":"running"}'*'"Converged":{"type":"b","data":true}'* | *'"Converged":{"type":"b","data":true}'*'"State":{"type":"s","data":"running"}'*) ;;
        *) return 1 ;;
        esac
}
reclassify() { busctl --quiet call org.pclass /Status org.pclass.Status Reclassify 'a{sv}' 0; }
