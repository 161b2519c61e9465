#!/bin/sh
# Builds the image rashomon-etcd:3.6 (or the name that is given) from the etcd server's Go module. The same
# sources give the same binary, and so the same image.
set -eu

tag="${1:-rashomon-etcd:3.6}"
here="$(cd "$(dirname "$0")" && pwd)"
context="$(mktemp -d)"
trap 'rm -rf "$context"' EXIT

arch="$(docker version --format '{{.Server.Arch}}')"
(cd "$here" && CGO_ENABLED=0 GOOS=linux GOARCH="$arch" GOWORK=off GOFLAGS=-mod=readonly \
	go build -trimpath -buildvcs=false -ldflags='-s -w' -o "$context/etcd" .)
chmod 755 "$context" "$context/etcd"

# Neither builder needs anything from a registry for this.
docker build --quiet --tag "$tag" --file "$here/Dockerfile" "$context"
