#!/usr/bin/env bash
# Measures on PostgreSQL whether a message costs the same with few and with many tenants, and with few and with many stored
# conversations: processor time of the daemon and of the server for each message, at one rate. docs/scaling.md shows a run.
#
#   benches/flat.sh postgres://user@127.0.0.1:5432/empty            everything, about eight minutes
#   TENANTS="10 5000" STORED="" RATE=500 benches/flat.sh URL        some of it, at another rate
#   PALABRE=path benches/flat.sh URL                                that program instead of a fresh release build
#
# The server runs on this machine, the user may create databases and its own processes are counted by the name `postgres`:
# nobody else may use the server meanwhile. Each row of the table has a database of its own, palabre_flat, which is dropped
# afterwards. Needs psql, jq, curl and bc.
set -euo pipefail
cd "$(dirname "$0")/.."

server=${1:?the URL of a database on this machine}
case $server in *@127.0.0.1*|*@localhost*) ;; *) echo "the server must be on 127.0.0.1" >&2; exit 64 ;; esac
TENANTS=${TENANTS-"10 1000 5000"}
STORED=${STORED-"10000 100000 1000000"}
RATE=${RATE:-1500}
SECONDS_EACH=${SECONDS_EACH:-8}
PORT=${PORT:-18980}
PROVIDER_PORT=${PROVIDER_PORT:-18981}
for program in psql jq curl bc; do
    command -v "$program" >/dev/null || { echo "$program is missing" >&2; exit 70; }
done
if [ -z "${PALABRE:-}" ]; then
    cargo build --release --locked --bin palabre
    PALABRE=${CARGO_TARGET_DIR:-target}/release/palabre
fi
PALABRE=$(realpath "$PALABRE")
database=${server%/*}/palabre_flat
export PALABRE__DATABASE__URL=$database

work=$(mktemp -d "${TMPDIR:-/tmp}/palabre-flat.XXXXXX")
daemon=""
sql() { psql --quiet --no-psqlrc -v ON_ERROR_STOP=1 "$@"; }
stop_daemon() {
    [ -n "$daemon" ] || return 0
    kill -TERM "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
    daemon=""
}
finish() {
    stop_daemon
    sql "$server" -c 'DROP DATABASE IF EXISTS palabre_flat' 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# fresh NAME TENANTS: an empty database and a folder with a configuration.
fresh() {
    stop_daemon
    sql "$server" -c 'DROP DATABASE IF EXISTS palabre_flat' -c 'CREATE DATABASE palabre_flat' 2>/dev/null
    dir=$work/$1
    "$PALABRE" simulate setup "$dir" --tenants "$2" --port "$PORT" --provider-port "$PROVIDER_PORT" >/dev/null
}
start_daemon() {
    "$PALABRE" serve --config "$dir/palabre.toml" >>"$dir/daemon.log" 2>&1 &
    daemon=$!
    for _ in $(seq 300); do
        curl -sf "http://127.0.0.1:$PORT/readyz" >/dev/null && return 0
        sleep 0.1
    done
    echo "the daemon is not ready after 30 s" >&2
    tail -5 "$dir/daemon.log" >&2
    exit 70
}
drive() {
    "$PALABRE" simulate run --config "$dir/palabre.toml" --pid "$daemon" --json --duplicates 0 "$@" >"$dir/report.json" 2>"$dir/run.log"
}
# Hundredths of a second: of the daemon, and of the server's processes.
of_daemon() { awk '{ print $14 + $15 }' "/proc/$daemon/stat"; }
of_server() {
    local pid
    for pid in $(pgrep -x postgres); do awk '{ print $14 + $15 }' "/proc/$pid/stat" 2>/dev/null || true; done | awk '{ all += $1 } END { print all }'
}
# measure TENANTS CONVERSATIONS STORED: one row of the table.
measure() {
    drive --rate "$RATE" --duration 3s --conversations "$2"
    local daemon_before server_before
    daemon_before=$(of_daemon) server_before=$(of_server)
    drive --rate "$RATE" --duration "${SECONDS_EACH}s" --conversations "$2"
    local daemon_cost server_cost
    daemon_cost=$(($(of_daemon) - daemon_before)) server_cost=$(($(of_server) - server_before))
    jq -r --arg tenants "$1" --arg stored "$3" --argjson daemon "$daemon_cost" --argjson server "$server_cost" '
        def ms(ticks): ticks * 10 / .webhooks.taken * 1000 | round / 1000;
        "| \($tenants) | \($stored) | \(ms($daemon)) | \(ms($server)) | \(ms($daemon + $server)) | \(.replies.per_second) | \(.replies.latency.p99_ms) |"
    ' "$dir/report.json"
}

echo "| tenants | stored conversations | daemon, ms a message | PostgreSQL | both | replies/s | webhook → reply p99, ms |"
echo "|---|---|---|---|---|---|---|"
for tenants in $TENANTS; do
    fresh "tenants-$tenants" "$tenants"
    start_daemon
    measure "$tenants" 5000 5000
done
for stored in $STORED; do
    fresh "stored-$stored" 10
    start_daemon
    drive --once --rate 1000 --conversations 1000
    stop_daemon
    # The thousand that wrote, again and again under other names, each with the message that it sent.
    sql "$database" >/dev/null <<SQL
SET synchronous_commit = off;
CREATE TEMP TABLE copies AS SELECT generate_series(1, $stored / 1000 - 1) AS k;
INSERT INTO contacts SELECT id || '-' || k, tenant_id, name, welcomed_at, confirmed_at, created_at, updated_at FROM contacts, copies;
INSERT INTO contact_addresses SELECT tenant_id, address || k, contact_id || '-' || k, created_at FROM contact_addresses, copies;
INSERT INTO conversations (id, tenant_id, channel_id, contact_id, address, status, handler, version, last_inbound_at, created_at, updated_at)
    SELECT id || '-' || k, tenant_id, channel_id, contact_id || '-' || k, address || k, status, handler, version, last_inbound_at,
        created_at, updated_at FROM conversations, copies;
INSERT INTO messages_once SELECT tenant_id, channel_id, provider_message_id || k, id || '-' || k, correlation_id FROM messages_once, copies;
INSERT INTO messages_in (id, tenant_id, channel_id, conversation_id, provider_message_id, "from", "to", body, role, state, correlation_id,
        created_at, processed_at)
    SELECT id || '-' || k, tenant_id, channel_id, conversation_id || '-' || k, provider_message_id || k, "from" || k, "to", body, role, state,
        correlation_id, created_at, processed_at FROM messages_in, copies;
VACUUM ANALYZE;
CHECKPOINT;
SQL
    start_daemon
    measure 10 1000 "$stored"
done
