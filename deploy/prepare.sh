#!/bin/sh
# Makes, on the operator's machine, what docker-compose.yml needs and no repository may hold: .env with random
# secrets, and a certificate authority of one's own with a certificate for the broker.
# Makes only what is missing, so it may be run again. Give the names and addresses devices will use for the broker:
#   deploy/prepare.sh broker.example.org 192.0.2.10
# Needs openssl. Everything it makes is readable by its owner alone.
set -eu
umask 077

root="$(cd "$(dirname "$0")/.." && pwd)"
secrets="$root/deploy/secrets"
broker_user=1883 # the user of the broker's image

say() { echo "== $*"; }

random_secret() { openssl rand -hex 32; }

random_api_key() { printf 'hr_%s' "$(openssl rand -base64 32 | tr '+/' '-_' | tr -d '=')"; }

# Gives one line of .env.example with its secret filled in.
filled() {
    case "$1" in
        *_API_KEY=) printf '%s%s\n' "$1" "$(random_api_key)" ;;
        [A-Z]*=) printf '%s%s\n' "$1" "$(random_secret)" ;;
        *) printf '%s\n' "$1" ;;
    esac
}

make_env() {
    if [ -e "$root/.env" ]; then
        cp -p "$root/.env" "$root/.env.partial"
    else
        : >"$root/.env.partial"
    fi
    while IFS= read -r line; do
        case "$line" in
            [A-Z]*=*) grep -q "^${line%%=*}=" "$root/.env.partial" && continue ;;
            *) [ -e "$root/.env" ] && continue ;;
        esac
        filled "$line" >>"$root/.env.partial"
        [ ! -e "$root/.env" ] || say "added to .env: ${line%%=*}"
    done <"$root/.env.example"
    mv "$root/.env.partial" "$root/.env"
    say "ready: .env"
}

alternative_names() {
    list="DNS:mosquitto,DNS:localhost,IP:127.0.0.1"
    for name in "$@"; do
        case "$name" in
            *[!0-9.]*) list="$list,DNS:$name" ;;
            *) list="$list,IP:$name" ;;
        esac
    done
    printf '%s' "$list"
}

make_certificates() {
    if [ -e "$secrets/server.crt" ]; then
        say "kept: the broker's certificate ($(openssl x509 -in "$secrets/server.crt" -noout -enddate))"
        return 0
    fi
    if [ ! -e "$secrets/ca.crt" ]; then
        openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -sha256 -days 3650 \
            -subj "/CN=Hedgerow test authority" -addext "basicConstraints=critical,CA:TRUE,pathlen:0" \
            -addext "keyUsage=critical,keyCertSign,cRLSign" \
            -keyout "$secrets/ca.key" -out "$secrets/ca.crt" 2>/dev/null
        say "made: a certificate authority; devices need deploy/secrets/ca.crt"
    fi
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -sha256 -subj "/CN=mosquitto" \
        -addext "subjectAltName=$(alternative_names "$@")" -addext "extendedKeyUsage=serverAuth" \
        -keyout "$secrets/server.key" -out "$secrets/server.csr" 2>/dev/null
    openssl x509 -req -in "$secrets/server.csr" -CA "$secrets/ca.crt" -CAkey "$secrets/ca.key" -sha256 -days 397 \
        -copy_extensions copy -out "$secrets/server.crt" 2>/dev/null
    rm "$secrets/server.csr"
    say "made: the broker's certificate, good for 397 days"
}

# The containers' users must read these files. As root they are given to the broker's user. Otherwise the folder,
# which is closed to everybody else, protects them: each file is mounted by itself.
open_for_containers() {
    chmod 444 "$secrets/ca.crt" "$secrets/server.crt"
    if [ "$(id -u)" -eq 0 ]; then
        chown "$broker_user:$broker_user" "$secrets/server.key"
        chmod 400 "$secrets/server.key"
    else
        chmod 644 "$secrets/server.key"
    fi
}

mkdir -p "$secrets"
chmod 700 "$secrets"
make_env
make_certificates "$@"
open_for_containers
say "ready: docker compose up --build --detach"
