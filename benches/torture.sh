#!/usr/bin/env bash
# The long torture of several nodes: builds, starts PostgreSQL, Redis and nginx on loopback, and runs `palabre torture` on them.
#
#   benches/torture.sh                              three nodes, 1,000 conversations, 90 kills
#   benches/torture.sh 5 --kills 20 --rate 50       other numbers: how many nodes, then what `palabre torture` takes
set -euo pipefail
cd "$(dirname "$0")/.."

nodes=3
if [ "$#" -gt 0 ]; then
    nodes=$1
    shift
else
    set -- --kills 90 --conversations 1000 --rate 100 --settle-within 10m
fi
target=${CARGO_TARGET_DIR:-target}
cargo build --release --locked --bin palabre
cargo build --locked -p palabre-testbed --example torture
exec "$target/debug/examples/torture" "$target/release/palabre" config/nginx/palabre.conf "$nodes" "$@"
