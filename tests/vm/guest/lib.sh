# shellcheck shell=bash disable=SC2034
# For the tests inside the machines. Sourced. A test says one line "ok NAME" or "not ok NAME: why" for each case.

export COLUMNS=150
out=/work/out
mkdir -p "$out"
boot=$(($(cat /work/boots 2>/dev/null || echo 0) + 1)) # which boot of this machine this is

ok() { echo "ok $suite: $*"; }
patience=20 # seconds; less once something went wrong
not_ok() {
        local name=$1
        patience=3
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
# await SECONDS COMMAND...: until it succeeds.
await() {
        local end=$((SECONDS + $1 + 1))
        shift
        until "$@"; do
                [ $SECONDS -lt $end ] || return 1
                sleep 0.05
        done
}

# ---- processes -------------------------------------------------------------------------------------------------------------------------
context_of() { tr -d '\0\n' <"/proc/$1/attr/current"; }
# where PID [CONTROLLER]: its cgroup, in cgroup2 or in the v1 hierarchy of that controller
where() {
        if [ "${2:-}" ]; then
                sed -n "s/^[0-9]*:\([a-z_,]*,\|\)$2\(,[a-z_,]*\|\):\(.*\)/\3/p" "/proc/$1/cgroup"
        else
                sed -n 's/^0:://p' "/proc/$1/cgroup"
        fi 2>/dev/null
}
in_place() { [ "$(where "$1" "${3:-}")" = "$2" ]; }
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
running() { [ "$(status_property State)" = 's "running"' ]; }
converged() { running && busctl -j get-property org.pclass /Status org.pclass.Status Convergence 2>/dev/null | grep -q '"Converged":{"type":"b","data":true}'; }
reclassify() { busctl --quiet call org.pclass /Status org.pclass.Status Reclassify 'a{sv}' 0; }
