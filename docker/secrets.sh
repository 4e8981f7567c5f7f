#!/bin/sh
# Writes the secrets of docker-compose.yml into .env, which only its owner reads: a random one for each that is not set.
#   sh docker/secrets.sh        (or `make secrets`)
# What is set stays: another password in .env would not change that of a database that exists.
set -eu
umask 077
cd "$(dirname "$0")/.."
missing=
for name in POSTGRES_PASSWORD MLFLOW_ADMIN_PASSWORD MLFLOW_SECRET_KEY; do
    grep -Eqs "^$name=.+" .env || missing="$missing $name"
done
# Whoever made it: by another umask, others may read it.
if [ -f .env ]; then chmod 600 .env; fi
if [ -z "$missing" ]; then
    echo "$PWD/.env has all secrets already, and nothing was written. Move it away to get new ones." >&2
    exit 1
fi
trap 'rm -f .env.new .env.rest' EXIT
trap 'exit 1' HUP INT TERM
{ cat .env 2>/dev/null || true; } >.env.new
for name in $missing; do
    grep -v "^$name=" .env.new >.env.rest || true
    echo "$name=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" >>.env.rest
    mv .env.rest .env.new
done
chmod 600 .env.new
mv .env.new .env
echo "Wrote$missing to $PWD/.env."
