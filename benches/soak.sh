#!/usr/bin/env bash
# Loads a daemon evenly for an hour and shows whether its memory stays where it is. docs/scaling.md shows a run.
#
#   benches/soak.sh                                            an hour at 1000 messages a second, on SQLite
#   benches/soak.sh postgres://user@127.0.0.1:5432/empty       the same on PostgreSQL, in an empty database
#   MINUTES=10 RATE=500 CONVERSATIONS=1000 benches/soak.sh     shorter, slower, fewer
#   PALABRE=path benches/soak.sh                               that program instead of a fresh release build
#
# Each tenth of the run is a row: the daemon's memory on average and at most. The first is for warming up; the memory is flat
# when the last is within a tenth of the second. Exits with 1 when it is not, or when a reply was lost, repeated or out of
# order. A message takes some 4 kB of disk. Needs jq and curl.
set -euo pipefail
cd "$(dirname "$0")/.."

MINUTES=${MINUTES:-60}
RATE=${RATE:-1000}
CONVERSATIONS=${CONVERSATIONS:-10000}
PORT=${PORT:-18980}
PROVIDER_PORT=${PROVIDER_PORT:-18981}
for program in jq curl; do
    command -v "$program" >/dev/null || { echo "$program is missing" >&2; exit 70; }
done
if [ -z "${PALABRE:-}" ]; then
    cargo build --release --locked --bin palabre
    PALABRE=${CARGO_TARGET_DIR:-target}/release/palabre
fi
PALABRE=$(realpath "$PALABRE")
if [ -n "${1:-}" ]; then
    case $1 in *@127.0.0.1*|*@localhost*) ;; *) echo "the server must be on 127.0.0.1" >&2; exit 64 ;; esac
    export PALABRE__DATABASE__URL=$1
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/palabre-soak.XXXXXX")
daemon=""
finish() {
    if [ -n "$daemon" ]; then
        kill -TERM "$daemon" 2>/dev/null || true
        wait "$daemon" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

"$PALABRE" simulate setup "$work" --port "$PORT" --provider-port "$PROVIDER_PORT" >/dev/null
"$PALABRE" serve --config "$work/palabre.toml" >"$work/daemon.log" 2>&1 &
daemon=$!
for _ in $(seq 100); do
    curl --silent --fail --output /dev/null "http://127.0.0.1:$PORT/readyz" && break
    kill -0 "$daemon" 2>/dev/null || { echo "the daemon did not start:" >&2; tail -5 "$work/daemon.log" >&2; exit 70; }
    sleep 0.1
done

failed=0
"$PALABRE" simulate run --config "$work/palabre.toml" --pid "$daemon" --json --rate "$RATE" --duration "${MINUTES}m" \
    --conversations "$CONVERSATIONS" >"$work/report.json" 2> >(awk 'NR % 60 == 0 { print; fflush() }' >&2) || failed=1
[ -s "$work/report.json" ] || exit 1

jq -r '
    def mean: add / length | . * 10 | round / 10;
    (.daemon.rss_samples_mib | length) as $n
    | [range(10) as $i | .daemon.rss_samples_mib[($n * $i / 10 | floor):($n * ($i + 1) / 10 | floor)]] as $parts
    | "\(.webhooks.posted) posted, \(.replies.received) of \(.replies.expected) replied, lost \(.replies.lost), "
        + "repeated \(.replies.repeated), out of order \(.replies.out_of_order)",
      "webhook p50/p99 \(.webhooks.latency.p50_ms)/\(.webhooks.latency.p99_ms) ms, "
        + "webhook → reply \(.replies.latency.p50_ms)/\(.replies.latency.p99_ms) ms, "
        + "CPU of the daemon \(.daemon.cpu_ms_per_message) ms a message",
      "", "| tenth of the run | memory of the daemon, mean MiB | highest MiB |", "|---|---|---|",
      ($parts | to_entries[] | "| \(.key + 1) | \(.value | mean) | \(.value | max) |")' "$work/report.json"
jq -e '(.daemon.rss_samples_mib | length) as $n
    | (.daemon.rss_samples_mib[($n / 10 | floor):($n * 2 / 10 | floor)] | add / length) as $early
    | (.daemon.rss_samples_mib[($n * 9 / 10 | floor):] | add / length) as $late | $late < 1.1 * $early' \
    "$work/report.json" >/dev/null || { echo "the memory is not flat" >&2; failed=1; }
exit "$failed"
