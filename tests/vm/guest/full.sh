# shellcheck shell=bash disable=SC2034
# pclass as installed on the full machine. Sourced after lib.sh.

root=/pclass.slice/pclass-classes.scope/classes
conf=/etc/pclass
export TERM=dumb

# What a package would do: files, labels, users, directories, units.
install_pclass() {
        tar -C /work/pclass -c . | tar -C / -x --keep-directory-symlink --no-overwrite-dir || not_ok "install" "tar"
        systemd-sysusers
        systemd-tmpfiles --create pclass.conf
        { (cd /work/pclass && find . -mindepth 1 | sed 's|^\.||'); printf '%s\n' /var/lib/pclass /etc/passwd /etc/group /etc/shadow /etc/gshadow; } |
                restorecon -F -f -
        busctl --quiet call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig
        systemctl daemon-reload
}
main_pid() { systemctl show -P MainPID "$1"; }
active() { [ "$(systemctl is-active pclass)" = active ] && converged; }
await_service() {
        [ "$(systemctl show -P NRestarts pclass)" -lt 5 ] && await 40 active && return 0
        not_ok "service" "does not run"
        systemctl --no-pager -l status pclass
        journalctl -q -o cat --no-pager -u pclass | tail -n 30
        grep -h type=SECCOMP /var/log/audit/audit.log | tail -n 2
        avc_lines | grep pclass | tail -n 30
        return 1
}
type_of() { context_of "$1" | cut -d: -f3; }
start() { # start VARIABLE COMMAND...
        local -n pid_=$1
        shift
        "$@" </dev/null >/dev/null 2>&1 &
        pid_=$!
        started+=("$pid_")
}
started=()

# ---- denials -------------------------------------------------------------------------------------------------------------------------------
# Every denial of this boot and, from auditd's file, of those before.
avc_lines() { { cat /var/log/audit/audit.log 2>/dev/null; dmesg; } | grep 'avc: .*denied'; }
check_denials() { # check_denials WHEN
        local n
        avc_lines >"$out/denials-$boot.txt"
        n=$(grep -c -E 'pclass' "$out/denials-$boot.txt")
        is "no denial that concerns pclass, $1" "$n" 0
        [ "$n" = 0 ] || grep -E 'pclass' "$out/denials-$boot.txt" | sed 's/.*avc:/avc:/; s/pid=[0-9]* //; s/ino=[0-9]*//; s/path="[a-z]*:\[[0-9]*\]"//' | sort | uniq -c
        echo "-- denials of others: $(grep -v -c -E 'pclass' "$out/denials-$boot.txt")"
        grep -v pclass "$out/denials-$boot.txt" | sed 's/.*avc:/avc:/; s/pid=[0-9]* //; s/ino=[0-9]*//; s/path="[a-z]*:\[[0-9]*\]"//' | sort | uniq -c | sort -rn | head -n 12
}
