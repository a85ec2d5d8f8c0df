#!/usr/bin/env bash
# Compares what a message costs on the channels of each provider: replies a second when every webhook is answered at once, and the
# daemon's processor time for a message. The first provider is what the others are compared with.
#
#   benches/providers.sh                              Twilio, Telegram and WhatsApp Cloud, three rounds of each
#   PALABRE=path benches/providers.sh twilio-whatsapp greenapi-whatsapp
#
# The rounds take turns, so that whatever else the machine does falls on all of them. Everything stays on 127.0.0.1 and in one
# temporary folder.
set -euo pipefail
cd "$(dirname "$0")/.."

PORT=${PORT:-18990}
PROVIDER_PORT=${PROVIDER_PORT:-18991}
SECONDS_EACH=${SECONDS_EACH:-10}
RATE=${RATE:-600}
ROUNDS=${ROUNDS:-3}
providers=("$@")
[ ${#providers[@]} -gt 0 ] || providers=(twilio-whatsapp telegram whatsapp-cloud)

command -v jq >/dev/null || { echo "jq is missing (apt-get install jq)" >&2; exit 70; }
if [ -z "${PALABRE:-}" ]; then
    cargo build --release --locked --bin palabre
    PALABRE=${CARGO_TARGET_DIR:-target}/release/palabre
fi
PALABRE=$(realpath "$PALABRE")
work=$(mktemp -d "${TMPDIR:-/tmp}/palabre-providers.XXXXXX")
daemon=""

# Ends the daemon that we started, and no other process.
stop_daemon() {
    [ -n "$daemon" ] || return 0
    kill -TERM "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
    daemon=""
}
trap 'stop_daemon; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# drive DIR NAME ARGS…: one run against a fresh daemon; its report is DIR/NAME.json.
drive() {
    local dir=$1 name=$2
    shift 2
    "$PALABRE" serve --config "$dir/palabre.toml" >>"$dir/daemon.log" 2>&1 &
    daemon=$!
    for _ in $(seq 600); do
        "$PALABRE" health --config "$dir/palabre.toml" >/dev/null 2>&1 && break
        kill -0 "$daemon" 2>/dev/null || { tail -5 "$dir/daemon.log" >&2; exit 70; }
        sleep 0.05
    done
    timeout --signal=INT 300 "$PALABRE" simulate run --config "$dir/palabre.toml" --pid "$daemon" --json --quiet \
        --duplicates 0 --duration "${SECONDS_EACH}s" "$@" >"$dir/$name.json" || echo "  $name: exit code $?" >&2
    stop_daemon
}

for provider in "${providers[@]}"; do
    "$PALABRE" simulate setup "$work/$provider" --provider "$provider" --port "$PORT" --provider-port "$PROVIDER_PORT" >/dev/null
done
for round in $(seq "$ROUNDS"); do
    for provider in "${providers[@]}"; do
        echo "round $round: $provider" >&2
        drive "$work/$provider" "closed-$round" --closed --connections 128 --grace 150s
        drive "$work/$provider" "paced-$round" --rate "$RATE"
    done
done

# The best round: the machine does other things too.
best() { jq -s "map($2) | $1" "$work/$3"/$4-*.json; }
first_replies=""
first_cpu=""
printf '\n| provider | replies/s | of the first | CPU a message at %s/s | of the first | webhook → reply p50 |\n|---|---|---|---|---|---|\n' "$RATE"
for provider in "${providers[@]}"; do
    replies=$(best max .replies.per_second "$provider" closed)
    cpu=$(best min .daemon.cpu_ms_per_message "$provider" paced)
    p50=$(best min .replies.latency.p50_ms "$provider" paced)
    first_replies=${first_replies:-$replies}
    first_cpu=${first_cpu:-$cpu}
    share() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.0f %%", b ? 100 * a / b : 0 }'; }
    printf '| %s | %s | %s | %s ms | %s | %s ms |\n' "$provider" "$replies" "$(share "$replies" "$first_replies")" "$cpu" \
        "$(share "$cpu" "$first_cpu")" "$p50"
done
