#!/bin/sh
# Pins the images of docker-compose.yml by digest: asks their registry, and writes the answers into .env.
#   sh docker/digests.sh        (or `make digests`; again to take a newer build of the same version)
set -eu
cd "$(dirname "$0")/.."
touch .env
chmod 600 .env
for line in POSTGRES_IMAGE=postgres:17.6-bookworm PYTHON_IMAGE=python:3.11.14-slim-bookworm; do
    name=${line%%=*} image=${line#*=}
    digest=$(docker buildx imagetools inspect "$image" --format '{{.Manifest.Digest}}')
    case $digest in
        sha256:????????????????????????????????????????????????????????????????) ;;
        *) echo "docker says no digest of $image, but: $digest" >&2; exit 1 ;;
    esac
    grep -v "^$name=" .env >.env.new || true
    echo "$name=$image@$digest" >>.env.new
    cat .env.new >.env
    rm .env.new
    echo "$name=$image@$digest"
done
