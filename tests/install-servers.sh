#!/bin/sh
# Installs what the tests need beside Python, from Debian: Mosquitto, Chromium and a TimescaleDB server.
# Needs root. Without root the tests use what they find, and say what they skipped.
set -eu

cache="${XDG_CACHE_HOME:-$HOME/.cache}/hedgerow"
timescale_root="$cache/timescaledb-trixie"
postgres_program="usr/lib/postgresql/17/bin/postgres"

say() { echo "== $*"; }

install_packages() {
    missing=""
    for package in "$@"; do
        dpkg-query --show --showformat='${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "installing from Debian:$missing"
    log="$cache/apt.log"
    # shellcheck disable=SC2086  # a list of package names
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
        install --yes --no-install-recommends $missing; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        say "apt-get failed; the whole log: $log" >&2
        exit 1
    fi
}

# TimescaleDB lives in a Debian 13 folder of its own (Debian 12 has no package of it). The folder is built under
# another name and renamed when it is whole: an interrupted build is never used. A mount namespace, where one can be
# had, takes debootstrap's mounts with it however it ends.
build_timescale_root() {
    [ -x "$timescale_root/$postgres_program" ] && return 0
    say "building a Debian 13 folder with TimescaleDB (about half a minute): $timescale_root"
    rm -rf --one-file-system "$timescale_root" "$timescale_root".partial.*
    partial="$(mktemp -d "$timescale_root.partial.XXXXXX")"
    chmod 755 "$partial"
    log="$cache/debootstrap.log"
    alone=""
    unshare --mount true 2>/dev/null && alone="unshare --mount"
    if ! $alone debootstrap --variant=minbase --include=postgresql-17,postgresql-17-timescaledb \
        trixie "$partial" >"$log" 2>&1 || [ ! -x "$partial/$postgres_program" ]; then
        tail -n 20 "$log" >&2
        say "debootstrap failed; the whole log: $log" >&2
        exit 1
    fi
    rm -f "$partial"/var/cache/apt/archives/*.deb
    mv "$partial" "$timescale_root"
}

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    say "not root on a Debian machine: the tests use the servers they find (docs/testing.md tells which)"
    exit 0
fi
mkdir -p "$cache"
# One at a time: two test runs on one machine share the folder.
exec 9>"$cache/install.lock"
flock 9
install_packages debian-archive-keyring debootstrap mosquitto chromium fonts-dejavu-core
build_timescale_root
