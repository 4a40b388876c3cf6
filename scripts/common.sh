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
