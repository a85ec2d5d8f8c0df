#!/usr/bin/env bash
# Measures what traces cost: the daemon's processor time for a message without `[otlp]`, with a tenth of all messages traced, and with
# all of them, at one rate. The rounds take turns, and each is compared with the one without of its own round.
#
#   benches/tracing.sh                        five rounds, four minutes
#   PALABRE=path ROUNDS=3 benches/tracing.sh  that program instead of a fresh release build
#
# The collector is a few lines of Python that read and forget. Everything stays on 127.0.0.1 and in one temporary folder. Needs jq.
set -euo pipefail
cd "$(dirname "$0")/.."

PORT=${PORT:-18992}
PROVIDER_PORT=${PROVIDER_PORT:-18993}
COLLECTOR_PORT=${COLLECTOR_PORT:-18994}
SECONDS_EACH=${SECONDS_EACH:-10}
RATE=${RATE:-600}
ROUNDS=${ROUNDS:-5}
shares=(none 0.1 1.0)

command -v jq >/dev/null || { echo "jq is missing (apt-get install jq)" >&2; exit 70; }
if [ -z "${PALABRE:-}" ]; then
    cargo build --release --locked --bin palabre
    PALABRE=${CARGO_TARGET_DIR:-target}/release/palabre
fi
PALABRE=$(realpath "$PALABRE")
work=$(mktemp -d "${TMPDIR:-/tmp}/palabre-tracing.XXXXXX")
daemon=""
collector=""

# Ends what we started, and no other process.
stop() {
    [ -n "$1" ] || return 0
    kill -TERM "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}
trap 'stop "$daemon"; stop "$collector"; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

python3 - "$COLLECTOR_PORT" <<'PYTHON' &
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Collector).serve_forever()
PYTHON
collector=$!

for share in "${shares[@]}"; do
    "$PALABRE" simulate setup "$work/$share" --port "$PORT" --provider-port "$PROVIDER_PORT" >/dev/null
    if [ "$share" != none ]; then
        printf '\n[otlp]\nendpoint = "http://127.0.0.1:%s"\nsample = %s\n' "$COLLECTOR_PORT" "$share" >>"$work/$share/palabre.toml"
    fi
done
for round in $(seq "$ROUNDS"); do
    for share in "${shares[@]}"; do
        echo "round $round: $share" >&2
        dir=$work/$share
        "$PALABRE" serve --config "$dir/palabre.toml" >>"$dir/daemon.log" 2>&1 &
        daemon=$!
        for _ in $(seq 600); do
            "$PALABRE" health --config "$dir/palabre.toml" >/dev/null 2>&1 && break
            kill -0 "$daemon" 2>/dev/null || { tail -5 "$dir/daemon.log" >&2; exit 70; }
            sleep 0.05
        done
        timeout --signal=INT 300 "$PALABRE" simulate run --config "$dir/palabre.toml" --pid "$daemon" --json --quiet \
            --duplicates 0 --duration "${SECONDS_EACH}s" --rate "$RATE" >"$dir/$round.json" || echo "  $share: exit code $?" >&2
        curl -fsS "http://127.0.0.1:$PORT/metrics" 2>/dev/null | grep '^palabre_otlp_spans_total' | grep -v ' 0$' >&2 || true
        stop "$daemon"
        daemon=""
    done
done

# The median over the rounds of a figure, and of its share of the one without traces in the same round.
median() { jq -s 'sort | .[length / 2 | floor]'; }
printf '\n| traced | CPU a message at %s/s | of the one without | webhook → reply p50 | p99 |\n|---|---|---|---|---|\n' "$RATE"
for share in "${shares[@]}"; do
    cpu=$(for round in $(seq "$ROUNDS"); do jq .daemon.cpu_ms_per_message "$work/$share/$round.json"; done | median)
    of=$(for round in $(seq "$ROUNDS"); do
        jq -n --slurpfile with "$work/$share/$round.json" --slurpfile without "$work/none/$round.json" \
            '$with[0].daemon.cpu_ms_per_message / $without[0].daemon.cpu_ms_per_message'
    done | median)
    p50=$(for round in $(seq "$ROUNDS"); do jq .replies.latency.p50_ms "$work/$share/$round.json"; done | median)
    p99=$(for round in $(seq "$ROUNDS"); do jq .replies.latency.p99_ms "$work/$share/$round.json"; done | median)
    awk -v s="$share" -v c="$cpu" -v o="$of" -v a="$p50" -v b="$p99" \
        'BEGIN { printf "| %s | %.3f ms | %.0f %% | %.1f ms | %.1f ms |\n", s, c, 100 * o, a, b }'
done
