# shellcheck shell=bash disable=SC2034,SC2015
# What the builders and the runner of the machines share. Sourced; expects $top. Nothing here changes this machine but for packages.

: "${top:?}"
vm=$top/tests/vm
cache=${PCLASS_VM_CACHE:-$top/build/vm} # images live here between runs; delete it to start from nothing
logs=$cache/log
run=${run:-$cache} # of this run alone; set by the runner

die() { echo "vm: $*" >&2; exit 1; }
say() { printf '%4d s  %s\n' $SECONDS "$*" >&2; }

# need PACKAGE...: installs what is missing.
need() {
        local p missing=()
        for p; do
                [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null)" = "ii " ] || missing+=("$p")
        done
        [ ${#missing[@]} -eq 0 ] && return 0
        say "installing ${missing[*]}"
        DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
                DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# up_to_date KEYFILE INPUT...: whether what KEYFILE stands for was made from these words and files. Sets $key for made().
up_to_date() {
        local file=$1 item
        shift
        key=$(for item; do if [ -f "$item" ]; then cat "$item"; else printf '%s\n' "$item"; fi; done | sha256sum | cut -c1-32)
        [ "$(cat "$file" 2>/dev/null)" = "$key" ]
}
made() { echo "$key" >"$1"; }
versions() { dpkg-query -W -f '${Package}=${Version} ' "$@"; }

# Debian's kernel for clouds has NVMe and ext4 built in: no modules, no initramfs. 6.12 is in bookworm's security and backports suites.
kernel_package() {
        local meta=linux-image-cloud-amd64
        [ "$1" = 6.1 ] || meta=linux-image-$1-cloud-amd64
        apt-cache depends "$meta" 2>/dev/null | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }'
}
# fetch_kernel VERSION: leaves $cache/kernel-VERSION/vmlinuz.
fetch_kernel() {
        local dir=$cache/kernel-$1 package
        [ -e "$dir/vmlinuz" ] && return 0
        package=$(kernel_package "$1")
        [ -n "$package" ] || { apt-get update -qq; package=$(kernel_package "$1"); }
        [ -n "$package" ] || die "no package of kernel $1; is bookworm-security (or bookworm-backports) among the sources?"
        say "fetching $package"
        rm -rf "$dir.new" && mkdir -p "$dir.new/deb" "$dir.new/tree"
        (cd "$dir.new/deb" && apt-get download -qq -o APT::Sandbox::User=root "$package" >/dev/null) || die "cannot fetch $package"
        dpkg-deb -x "$dir.new"/deb/*.deb "$dir.new/tree" || die "cannot unpack $package"
        cp "$dir.new"/tree/boot/vmlinuz-* "$dir.new/vmlinuz" && cp "$dir.new"/tree/boot/config-* "$dir.new/config" || die "no kernel in $package"
        rm -rf "$dir.new/deb" "$dir.new/tree" "$dir" && mv "$dir.new" "$dir"
}

# ---- trees --------------------------------------------------------------------------------------------------------------------------
# copy_libraries TREE ELF...: the shared libraries that these ask for, at the paths where the loader looks for them.
copy_libraries() {
        local tree=$1 lib
        shift
        ldd "$@" 2>/dev/null | grep -o '/[^ ()]*\.so[^ ()]*' | sort -u | while read -r lib; do
                lib=$(realpath -s "$lib")
                case $lib in /lib*) lib=/usr$lib ;; esac
                [ -e "$tree$lib" ] || install -D -m 755 "$lib" "$tree$lib"
        done
}
copy_programs() {
        local tree=$1 name path
        shift
        for name; do
                path=$(PATH=$PATH:/usr/sbin:/sbin command -v "$name") || die "$name is not on this machine"
                case $path in /bin/* | /sbin/*) path=/usr$path ;; esac
                rm -f "$tree$path"
                install -D -m 755 "$(readlink -f "$path")" "$tree$path"
                copy_libraries "$tree" "$path"
        done
}
pack_cpio() { (cd "$1" && find . -mindepth 1 -print0 | sort -z | cpio -0 -o -H newc -R 0:0 --quiet); }

# install_pclass BUILD TREE: what `meson install` gives, stripped.
install_pclass() {
        rm -rf "$2"
        DESTDIR=$2 meson install --no-rebuild --quiet --strip -C "$1" >/dev/null || die "meson install failed"
}

# ---- running ------------------------------------------------------------------------------------------------------------------------
# boot_once NAME SECONDS KERNEL CMDLINE QEMU-ARGUMENTS...: runs a machine to its end. Its first serial port, the console, goes to
# $logs/NAME.console; what the tests say on the second to $logs/NAME.log and, in full, to our output. A panic ends the machine. no_timer_check: on a
# busy machine the kernel does not see the emulated timer's first ticks in time, and would give up.
boot_once() {
        local name=$1 limit=$2 kernel=$3 cmdline=$4 began=$SECONDS status
        shift 4
        : >"$logs/$name.console"
        timeout --foreground -k 5 "$limit" qemu-system-x86_64 -accel "${PCLASS_VM_ACCEL:-tcg,thread=multi}" -M q35 -cpu max -smp 2 \
                -m "${vm_memory:-768}" -nodefaults -no-reboot -display none -serial "file:$logs/$name.console" -serial stdio \
                -kernel "$cache/kernel-$kernel/vmlinuz" -append "console=ttyS0 quiet panic=-1 no_timer_check ${PCLASS_VM_APPEND:-} $cmdline" "$@" \
                </dev/null 2>"$logs/$name.qemu" | stdbuf -oL tr -d '\r' | tee -a "$logs/$name.log"
        status=${PIPESTATUS[0]}
        [ "$status" = 124 ] && echo "not ok $name: the machine was still running after $limit s"
        say "$name: $((SECONDS - began)) s"
        if [ "$status" != 0 ]; then
                tail -n 30 "$logs/$name.console" "$logs/$name.qemu"
        fi
        return "$status"
}
# emulator_broke_kernel NAME: whether the kernel met a breakpoint of its own code patching after it had been taken away. 
# TCG seems to keep a translation of the old bytes now and then (seen once in some hundred starts). No program can cause it, so it says nothing about pclass.
emulator_broke_kernel() { grep -q '\] \(Oops: \)\?int3: 0000 \[#1\]' "$logs/$1.console"; }
# boot ...: the same, and again with the same disks as long as the test asks for that, by status 42.
boot() {
        local n
        for n in 1 2 3; do
                boot_once "$@" || return 1
                grep -q 'vm: .*, status 42' "$logs/$1.console" || return 0
                cp "$logs/$1.console" "$logs/$1.console.$n"
        done
}
# test_disk NAME DIR MEGABYTES: an ext4 disk with the contents of DIR, at $run/NAME.img. The machine mounts it at /disk.
test_disk() {
        mke2fs -q -t ext4 -O ^has_journal -E root_owner=0:0 -L disk -d "$2" "$run/$1.img" "${3}M" >/dev/null || die "mke2fs failed"
}
# fetch NAME: what the machine left in the folder "out" of its disk, to $logs/NAME.
fetch() {
        mkdir -p "$logs/$1"
        debugfs -R "rdump /out $logs/$1" "$run/$1.img" 2>/dev/null
        [ ! -d "$logs/$1/out" ] || { find "$logs/$1/out" -mindepth 1 -maxdepth 1 -exec mv -t "$logs/$1" {} +; rmdir "$logs/$1/out"; }
}
