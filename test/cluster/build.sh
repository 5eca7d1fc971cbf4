#!/bin/sh
# Builds kubectl, kube-apiserver, etcd and helm from their Go modules: `test/cluster/build.sh <folder> [program …]`.
# Takes about ten minutes on two cores, so what the folder already holds is kept; delete it to build again.
set -eu
out=${1:?usage: build.sh <folder outside the repository> [kubectl|kube-apiserver|etcd|helm …]}
shift
[ $# -gt 0 ] || set -- kubectl kube-apiserver etcd helm
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "$0")"

version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
stamp="-X k8s.io/component-base/version.gitVersion=$version"
stamp="$stamp -X k8s.io/client-go/pkg/version.gitVersion=$version"

for program in "$@"; do
  [ -x "$out/$program" ] && continue
  from=.
  case $program in
    etcd) package=go.etcd.io/etcd/server/v3 ;;
    # A module of its own: it asks for other versions of the same packages.
    helm) from=helm package=helm.sh/helm/v3/cmd/helm ;;
    *) package=k8s.io/kubernetes/cmd/$program ;;
  esac
  echo "building $program"
  CGO_ENABLED=0 nice -n 15 go -C "$from" build -trimpath -ldflags "-s -w $stamp" -o "$out/$program.part" "$package"
  mv "$out/$program.part" "$out/$program"
done
