#!/bin/sh
# Gives a device (or gateway, or network server) its own name and random password at the broker, and prints the
# password once. The name is the device's uid: the broker lets it write only under that.
#   deploy/add-device.sh a84041000181c061
set -eu
umask 077

here="$(cd "$(dirname "$0")" && pwd)"
passwords="$here/secrets/passwords"

if [ $# -ne 1 ] || ! printf '%s' "$1" | grep -Eqx '[a-z0-9][a-z0-9._-]{0,127}'; then
    echo "usage: deploy/add-device.sh UID   (small letters, digits, . _ -)" >&2
    exit 2
fi
if grep -q "^$1:" "$passwords"; then
    echo "$1 has a password already; delete its line in deploy/secrets/passwords to give it another" >&2
    exit 1
fi

password="$(openssl rand -hex 16)"
partial="$(mktemp "$here/secrets/device.XXXXXX")"
trap 'rm -f "$partial"' EXIT
printf '%s:%s\n' "$1" "$password" >"$partial"
"$here/hash-passwords.sh" "$partial"
# Appended, not replaced: the container sees this very file.
cat "$partial" >>"$passwords"
echo "user:     $1"
echo "password: $password"
echo "Now: docker compose restart mosquitto (nothing that waits is lost)"
