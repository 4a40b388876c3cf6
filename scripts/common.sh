# shellcheck shell=bash
# What scripts/test and scripts/demo share. Sourced; expects $top, the root of the tree.

: "${top:?}"

# install_packages KIND...: installs those packages of scripts/packages that are missing. Asks apt only when one is.
install_packages() {
        local kind name missing=()
        while read -r kind name; do
                case " $* " in *" $kind "*) ;; *) continue ;; esac
                [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null)" = "ii " ] || missing+=("$name")
        done < <(grep -v '^#' "$top/scripts/packages")
        [ ${#missing[@]} -eq 0 ] && return 0
        echo "installing: ${missing[*]}"
        DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
                DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# unpack_packages KIND DIR: those packages of scripts/packages in DIR, unpacked and not installed. What is there from before is kept.
unpack_packages() {
        local names name
        mapfile -t names < <(sed -n "s/^$1 //p" "$top/scripts/packages")
        [ "$(cat "$2/.unpacked" 2>/dev/null)" = "${names[*]}" ] && return 0
        rm -rf "$2"
        mkdir -p "$2/deb"
        fetch() ( cd "$2/deb" && apt-get download -qq -o APT::Sandbox::User=root "${names[@]}" >/dev/null )
        fetch "$@" 2>/dev/null || { apt-get update -qq && fetch "$@"; } || return 1
        for name in "$2"/deb/*.deb; do
                dpkg-deb -x "$name" "$2" || return 1
        done
        rm -r "$2/deb"
        echo "${names[*]}" >"$2/.unpacked"
}

# configure DIR OPTIONS...: a meson build directory with exactly these options, made anew when they changed.
configure() {
        local dir=$1 said
        shift
        said="CC=${CC:-cc} $*"
        [ "$(cat "$dir/.configured" 2>/dev/null)" = "$said" ] && [ -e "$dir/build.ninja" ] && return 0
        rm -rf "$dir"
        meson setup --prefix=/usr --sysconfdir=/etc --localstatedir=/var "$@" "$dir" "$top" >"$dir.log" 2>&1 ||
                { cat "$dir.log" >&2; return 1; }
        echo "$said" >"$dir/.configured"
}
