# shellcheck shell=bash disable=SC2034
# pclass as installed on the full machine. Sourced after lib.sh.

root=/pclass.slice/pclass-classes.scope/classes
conf=/etc/pclass
export TERM=dumb

# What a package would do: files, labels, users, directories, units.
install_pclass() {
        tar -C /disk/pclass -c . | tar -C / -x --keep-directory-symlink --no-overwrite-dir || not_ok "install" "tar"
        systemd-sysusers
        systemd-tmpfiles --create pclass.conf
        { (cd /disk/pclass && find . -mindepth 1 | sed 's|^\.||'); printf '%s\n' /var/lib/pclass /etc/passwd /etc/group /etc/shadow /etc/gshadow; } |
                restorecon -F -f -
        busctl --quiet call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig
        systemctl daemon-reload
}
main_pid() { systemctl show -P MainPID "$1"; }
active() { [ "$(systemctl is-active pclass)" = active ] && converged; }
await_service() { # await_service [STARTS]: until it runs, unless it was started anew so often
        [ "$(systemctl show -P NRestarts pclass)" -lt "${1:-5}" ] && await 300 active && return 0
        not_ok "service" "does not run"
        systemctl --no-pager -l status pclass
        journalctl -q -o cat --no-pager -u pclass | tail -n 30
        grep -h type=SECCOMP /var/log/audit/audit.log | tail -n 2
        avc_lines | grep pclass | tail -n 30
        return 1
}
type_of() { context_of "$1" | cut -d: -f3; }
# one of pclass's own processes by its name
own_pid() { pgrep -x "$1" | head -n 1; }
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
check_denials() { # check_denials WHEN: nobody on this machine was denied anything
        avc_lines >"$out/denials-$boot.txt"
        is "no denial in the audit log, $1" "$(wc -l <"$out/denials-$boot.txt")" 0
        sed 's/.*avc:/avc:/; s/pid=[0-9]* //; s/ino=[0-9]*//; s/path="[a-z]*:\[[0-9]*\]"//' "$out/denials-$boot.txt" | sort | uniq -c | sort -rn | head -n 20
}
