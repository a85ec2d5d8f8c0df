#!/usr/bin/env bash
# Measures the daemon against its targets, with the load driver beside it on the same machine: durable ingest, replies
# sustained, latency at 200 messages a second, idle memory, time to ready, and 100,000 conversations touched once.
# docs/load.md says what each number means.
#
#   benches/targets.sh                  everything, about five minutes and a release build
#   benches/targets.sh idle latency     some of: idle latency ingest replies once
#   PALABRE=path benches/targets.sh     that program instead of a fresh release build
#   SECONDS_EACH=30 RATES="2000 4000"   longer, other rates
#
# Everything stays on 127.0.0.1 and in one temporary folder; KEEP=1 leaves that behind. Each part has a daemon and a
# database of its own. Exits with 1 when a reply was lost, repeated or out of order.
set -euo pipefail
cd "$(dirname "$0")/.."

PORT=${PORT:-18980}
PROVIDER_PORT=${PROVIDER_PORT:-18981}
SECONDS_EACH=${SECONDS_EACH:-15}
RATES=${RATES:-"1000 2000 3000 4000 5000 6000"}
CONVERSATIONS=${CONVERSATIONS:-1000}
ONCE_CONVERSATIONS=${ONCE_CONVERSATIONS:-100000}
ONCE_RATE=${ONCE_RATE:-3000}
parts=("${@:-all}")

command -v jq >/dev/null || { echo "jq is missing (apt-get install jq)" >&2; exit 70; }
if [ -z "${PALABRE:-}" ]; then
    cargo build --release --locked --bin palabre
    PALABRE=${CARGO_TARGET_DIR:-target}/release/palabre
fi
PALABRE=$(realpath "$PALABRE")

work=$(mktemp -d "${TMPDIR:-/tmp}/palabre-targets.XXXXXX")
daemon=""
failed=0
rows=()

# Ends the daemon that we started, and no other process.
stop_daemon() {
    [ -n "$daemon" ] || return 0
    kill -TERM "$daemon" 2>/dev/null || true
    for _ in $(seq 300); do
        kill -0 "$daemon" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
    daemon=""
}
finish() {
    stop_daemon
    if [ -n "${KEEP:-}" ]; then echo "left behind: $work" >&2; else rm -rf "$work"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

now_ms() { echo $(($(date +%s%N) / 1000000)); }
rss_mib() { awk '/^VmRSS:/ { printf "%.1f", $2 / 1024 }' "/proc/$daemon/status"; }
wanted() { [[ " ${parts[*]} " == *" $1 "* || "${parts[0]}" == all ]]; }
row() { rows+=("$1|$2|$3"); printf '  %-52s %s\n' "$1" "$2" >&2; }

is_ready() {
    local status=""
    { exec 9<>"/dev/tcp/127.0.0.1/$PORT"; } 2>/dev/null || return 1
    printf 'GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$PORT" >&9
    read -r -t 1 status <&9 || true
    exec 9<&- 9>&-
    [[ "$status" == *" 200 "* ]]
}

# start_daemon DIR: sets ready_ms.
start_daemon() {
    local began
    began=$(now_ms)
    "$PALABRE" serve --config "$1/palabre.toml" >>"$1/daemon.log" 2>&1 &
    daemon=$!
    while ! is_ready; do
        kill -0 "$daemon" 2>/dev/null || { echo "the daemon did not start:" >&2; tail -5 "$1/daemon.log" >&2; exit 70; }
        [ $(($(now_ms) - began)) -lt 30000 ] || { echo "the daemon is not ready after 30 s" >&2; exit 70; }
        sleep 0.005
    done
    ready_ms=$(($(now_ms) - began))
}

# fresh NAME: a folder with a configuration and a daemon that runs with it.
fresh() {
    printf '\n== %s\n' "$1" >&2
    stop_daemon
    dir=$work/$1
    "$PALABRE" simulate setup "$dir" --port "$PORT" --provider-port "$PROVIDER_PORT" >/dev/null
    start_daemon "$dir"
}

# drive NAME ARGS…: runs the driver; its report is in $report. No run may take longer than five minutes.
drive() {
    local name=$1 code=0
    shift
    report=$dir/$name.json
    timeout --signal=INT 300 "$PALABRE" simulate run --config "$dir/palabre.toml" --pid "$daemon" --json "$@" \
        >"$report" 2>"$dir/$name.log" || code=$?
    if [ "$code" -ne 0 ]; then
        failed=1
        echo "  $name: exit code $code" >&2
        tail -3 "$dir/$name.log" >&2
        [ -s "$report" ] || return 0
    fi
    jq -r '"  \(.webhooks.posted) posted, \(.webhooks.taken) taken, refused \(.webhooks.refused), no answer \(.webhooks.broken); "
        + "\(.replies.received) of \(.replies.expected) replied, lost \(.replies.lost), repeated \(.replies.repeated), "
        + "out of order \(.replies.out_of_order); driver \(.driver.cpu_us_per_webhook) us a webhook"' "$report" >&2
}
get() { jq -r "$1" "$report"; }

if wanted idle; then
    fresh idle
    row "start to ready, new database" "$ready_ms ms" "≤ 500 ms"
    stop_daemon
    start_daemon "$dir"
    row "start to ready, again" "$ready_ms ms" "≤ 500 ms"
    sleep 5
    row "idle memory, 5 s after start" "$(rss_mib) MiB" "≤ 40 MiB"
fi

if wanted latency; then
    fresh latency
    drive latency --rate 200 --duration "${SECONDS_EACH}s" --conversations "$CONVERSATIONS"
    row "200/s: webhook p50 / p99" "$(get '"\(.webhooks.latency.p50_ms) / \(.webhooks.latency.p99_ms) ms"')" "p99 ≤ 15 ms"
    row "200/s: webhook → reply p50 / p99" "$(get '"\(.replies.latency.p50_ms) / \(.replies.latency.p99_ms) ms"')" "p99 ≤ 60 ms"
    row "200/s: CPU of the daemon per message" "$(get '"\(.daemon.cpu_ms_per_message) ms"')" ""
fi

if wanted ingest; then
    fresh ingest
    drive ingest --closed --connections 256 --duration "${SECONDS_EACH}s" --duplicates 0 --grace 150s \
        --conversations "$CONVERSATIONS"
    row "ingest, 256 connections" "$(get '"\(.webhooks.taken_per_second)/s"')" "≥ 10000/s"
    row "ingest: webhook p50 / p99" "$(get '"\(.webhooks.latency.p50_ms) / \(.webhooks.latency.p99_ms) ms"')" ""
    row "ingest: replies while and after" "$(get '"\(.replies.per_second)/s"')" ""
    row "ingest: highest memory" "$(get '"\(.daemon.rss_highest_mib) MiB"')" ""
fi

if wanted replies; then
    fresh replies
    best="none"
    for rate in $RATES; do
        drive "replies-$rate" --rate "$rate" --duration "${SECONDS_EACH}s" --duplicates 0 --conversations "$CONVERSATIONS"
        # Sustained: when posting ended, no more was waiting than one second brings.
        sustained=$(get ".held and .replies.waiting_after_posting < $rate and (.webhooks.refused | length) == 0")
        row "replies at $rate/s: replies/s, webhook → reply p99" \
            "$(get '"\(.replies.per_second)/s, \(.replies.latency.p99_ms) ms, \(.replies.waiting_after_posting) waiting at the end"')" ""
        [ "$sustained" = true ] || break
        best="$(get '"\(.replies.per_second)/s"')"
    done
    row "replies sustained" "$best" "≥ 3000/s, goal 5000/s"
fi

if wanted once; then
    fresh once
    before=$(rss_mib)
    drive once --once --conversations "$ONCE_CONVERSATIONS" --rate "$ONCE_RATE" --duplicates 0 --grace 120s
    row "$ONCE_CONVERSATIONS conversations once: memory before" "$before MiB" ""
    row "$ONCE_CONVERSATIONS conversations once: highest memory" "$(get '"\(.daemon.rss_highest_mib) MiB"')" "bounded"
    echo "  MiB every fifth second: $(get '[.daemon.rss_samples_mib | to_entries[] | select(.key % 5 == 0).value] | join(" ")')" >&2
    echo "  and every tenth after the end:" >&2
    for _ in $(seq 9); do
        sleep 10
        echo "  $(rss_mib) MiB" >&2
    done
    row "$ONCE_CONVERSATIONS conversations once: 90 s later" "$(rss_mib) MiB" "falls back"
fi

stop_daemon
printf '\n| what | got | target |\n|---|---|---|\n'
for entry in "${rows[@]}"; do
    IFS='|' read -r what got target <<<"$entry"
    printf '| %s | %s | %s |\n' "$what" "$got" "$target"
done
exit "$failed"
