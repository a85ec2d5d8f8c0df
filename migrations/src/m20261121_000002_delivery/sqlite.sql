-- Delivery that can be trusted: lives, templates, deferral, pauses, usage, the consent ledger. And leaner indexes: those
-- that were written at random places by every message are written at their ends now.

-- A conversation's waiting messages are found among its tenant's, which are few: those in memory.
DROP INDEX messages_in_waiting;
CREATE INDEX messages_in_waiting ON messages_in (tenant_id, id, channel_id, "from") WHERE processed_at IS NULL;

DROP INDEX event_log_flow;
CREATE INDEX event_log_flow ON event_log (correlation_id);

-- behind: others of the conversation stand in line before it; only rows with 0 are claimed.
ALTER TABLE messages_out ADD COLUMN behind INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages_out ADD COLUMN template TEXT;
ALTER TABLE messages_out ADD COLUMN urgent INTEGER NOT NULL DEFAULT 1;
ALTER TABLE messages_out ADD COLUMN expires_at TEXT;
-- A replay begins another life: its number, when it began, and the attempts of those before it.
ALTER TABLE messages_out ADD COLUMN life INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages_out ADD COLUMN life_since TEXT;
ALTER TABLE messages_out ADD COLUMN attempts_before INTEGER NOT NULL DEFAULT 0;
-- The channel that was used when another took over.
ALTER TABLE messages_out ADD COLUMN sent_via TEXT;
ALTER TABLE messages_out ADD COLUMN cost_micros INTEGER NOT NULL DEFAULT 0;
-- Given by whoever asked for the message through the API: the same key is the same message.
ALTER TABLE messages_out ADD COLUMN idempotency_key TEXT;

DROP INDEX messages_out_unsettled;
DROP INDEX messages_out_pending;
DROP INDEX messages_out_sent;
-- The line of a conversation: who is its head, and whether there is one.
CREATE INDEX messages_out_line ON messages_out (tenant_id, conversation_id, id)
  WHERE state IN ('pending', 'sending', 'unknown');
-- Heads that wait, lane by lane.
CREATE INDEX messages_out_heads ON messages_out (tenant_id, channel_id, next_attempt_at, id)
  WHERE state = 'pending' AND behind = 0;
-- What senders are at, or lost track of.
CREATE INDEX messages_out_leased ON messages_out (lease_until) WHERE state = 'sending';
CREATE INDEX messages_out_unknown ON messages_out (next_attempt_at) WHERE state = 'unknown';
CREATE INDEX messages_out_deferred ON messages_out (tenant_id, conversation_id, id) WHERE state = 'deferred';
CREATE INDEX messages_out_expiring ON messages_out (expires_at) WHERE state = 'deferred' AND expires_at IS NOT NULL;
-- Dead letters, for people.
CREATE INDEX messages_out_dead ON messages_out (tenant_id, id) WHERE state IN ('dead', 'failed');
CREATE UNIQUE INDEX messages_out_asked_once ON messages_out (tenant_id, idempotency_key)
  WHERE idempotency_key IS NOT NULL;

-- What went out, in quarters of an hour (UTC): the day of every time zone is a whole number of them.
CREATE TABLE usage (
  tenant_id   TEXT NOT NULL,
  quarter     TEXT NOT NULL,
  channel_id  TEXT NOT NULL,
  messages    INTEGER NOT NULL,
  cost_micros INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, quarter, channel_id)
) WITHOUT ROWID;

CREATE TABLE channel_pauses (
  channel_id TEXT PRIMARY KEY NOT NULL,
  tenant_id  TEXT NOT NULL,
  reason     TEXT NOT NULL,
  until      TEXT NOT NULL,
  updated_at TEXT NOT NULL
) WITHOUT ROWID;

-- Double opt-in: when the contact was first asked, and when they said yes.
ALTER TABLE contacts ADD COLUMN welcomed_at TEXT;
ALTER TABLE contacts ADD COLUMN confirmed_at TEXT;

-- Who consented to what, when, and what proves it. Rows are never changed: opt_outs is what they add up to.
CREATE TABLE consents (
  id         TEXT PRIMARY KEY NOT NULL,
  tenant_id  TEXT NOT NULL,
  channel_id TEXT,
  contact_id TEXT,
  address    TEXT NOT NULL,
  what       TEXT NOT NULL CHECK (what IN ('opted_out', 'opted_in', 'welcomed', 'confirmed')),
  source     TEXT NOT NULL CHECK (source IN ('message', 'provider', 'operator')),
  evidence   TEXT,
  created_at TEXT NOT NULL
);
CREATE INDEX consents_address ON consents (tenant_id, address, id);
CREATE TRIGGER consents_unchanged BEFORE UPDATE ON consents
  BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END;
CREATE TRIGGER consents_kept BEFORE DELETE ON consents
  BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END;
INSERT INTO consents (id, tenant_id, address, what, source, evidence, created_at)
  SELECT id, tenant_id, address, 'opted_out', CASE source WHEN 'provider' THEN 'provider' ELSE 'message' END, message_id,
    created_at FROM opt_outs;

INSERT INTO usage (tenant_id, quarter, channel_id, messages, cost_micros)
  SELECT tenant_id, substr(sent_at, 1, 14) || printf('%02d', (CAST(substr(sent_at, 15, 2) AS INTEGER) / 15) * 15) || ':00Z',
    channel_id, count(*), 0 FROM messages_out WHERE sent_at IS NOT NULL GROUP BY 1, 2, 3;
UPDATE messages_out SET behind = 1 WHERE state = 'pending' AND EXISTS (SELECT 1 FROM messages_out o
  WHERE o.tenant_id = messages_out.tenant_id AND o.conversation_id = messages_out.conversation_id
  AND o.id < messages_out.id AND o.state IN ('pending', 'sending', 'unknown'));
