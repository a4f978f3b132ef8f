#!/bin/sh
# Hashes in place the passwords of a file with lines NAME:PASSWORD, as the broker wants them.
# No password stands on a command line, where every user of the machine could read it.
#   deploy/hash-passwords.sh FILE
set -eu

if command -v mosquitto_passwd >/dev/null; then
    mosquitto_passwd -U "$1"
else
    image="$(sed -n 's/^ *image: \(eclipse-mosquitto:.*\)$/\1/p' "$(dirname "$0")/../docker-compose.yml")"
    docker run --rm --network none --user "$(id -u):$(id -g)" --volume "$(realpath "$(dirname "$1")"):/passwords" \
        "$image" mosquitto_passwd -U "/passwords/$(basename "$1")"
fi
