# shellcheck shell=bash
# The packages of debian/ as tests need them. Sourced.

# deb_copy TOP DIR: the tree as it is, with what is not committed, to DIR/tree.
deb_copy() (
        mkdir -p "$2/tree" && cd "$1" || return 1
        git -c safe.directory="$1" ls-files -z --cached --others --exclude-standard >"$2/files" || return 1
        # A file that was deleted and not committed is in the list too.
        tar --null --no-recursion --ignore-failed-read -T "$2/files" -cf - | tar -xf - -C "$2/tree"
)
# deb_build DIR: the packages from DIR/tree to DIR.
deb_build() ( cd "$1/tree" && DEB_BUILD_OPTIONS="nocheck noautodbgsym parallel=$(nproc)" dpkg-buildpackage -us -uc -b )
# deb_pair DIR: the package to DIR/two/old.deb, and one that is newer to DIR/two/new.deb.
deb_pair() {
        mkdir "$1/two" && cp "$1"/pclass_*.deb "$1/two/old.deb" && dpkg-deb -R "$1/two/old.deb" "$1/two/next" &&
                sed -i '/^Version:/s/$/+next/' "$1/two/next/DEBIAN/control" &&
                dpkg-deb --root-owner-group -Zgzip -b "$1/two/next" "$1/two/new.deb" && rm -rf "$1/two/next"
}
