#!/usr/bin/env bash
# Chaos day: builds, starts PostgreSQL, Redis, nginx and Prometheus on loopback, and has faults happen to three nodes for an hour while
# contacts write and members pay (docs/torture.md). Only root can make disks that can be filled.
#
#   benches/chaos.sh                 an hour
#   benches/chaos.sh 10m             ten minutes
#   benches/chaos.sh 10m --rate 50   and what else `palabre torture` takes
set -euo pipefail
cd "$(dirname "$0")/.."

lasts=${1:-1h}
shift || true
target=${CARGO_TARGET_DIR:-target}
cargo build --release --locked --bin palabre
cargo build --locked -p palabre-testbed --example torture
exec "$target/debug/examples/torture" "$target/release/palabre" config/nginx/palabre.conf 3 --chaos "$lasts" --settle-within 10m "$@"
