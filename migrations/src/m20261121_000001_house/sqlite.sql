-- Ids are UUIDv7 as text. Times are UTC as text of fixed width, 2026-11-21T03:55:00.123456Z, so that the order of the
-- text is the order of time. The hot tables are ordinary rowid tables: appending to one is cheaper than to a
-- WITHOUT ROWID tree of wide rows, which SQLite rebalances in the middle. Every index on them is paid for by each message.

CREATE TABLE tenants (
  id         TEXT PRIMARY KEY NOT NULL,
  name       TEXT NOT NULL,
  language   TEXT NOT NULL,
  timezone   TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE channels (
  id         TEXT PRIMARY KEY NOT NULL,
  tenant_id  TEXT NOT NULL,
  provider   TEXT NOT NULL,
  address    TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE contacts (
  id         TEXT PRIMARY KEY NOT NULL,
  tenant_id  TEXT NOT NULL,
  name       TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);

CREATE TABLE contact_addresses (
  tenant_id  TEXT NOT NULL,
  address    TEXT NOT NULL,
  contact_id TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (tenant_id, address)
) WITHOUT ROWID;
CREATE INDEX contact_addresses_contact ON contact_addresses (tenant_id, contact_id);

CREATE TABLE conversations (
  id                TEXT PRIMARY KEY NOT NULL,
  tenant_id         TEXT NOT NULL,
  channel_id        TEXT NOT NULL,
  contact_id        TEXT NOT NULL,
  address           TEXT NOT NULL,
  status            TEXT NOT NULL CHECK (status IN ('new', 'in_progress', 'resolved')),
  handler           TEXT NOT NULL CHECK (handler IN ('bot', 'human')),
  assignee          TEXT,
  version           INTEGER NOT NULL,
  session_id        TEXT,
  session_opened_at TEXT,
  recent_answers    TEXT NOT NULL DEFAULT '[]',
  timer_at          TEXT,
  last_inbound_at   TEXT,
  created_at        TEXT NOT NULL,
  updated_at        TEXT NOT NULL
);
CREATE UNIQUE INDEX conversations_contact ON conversations (tenant_id, contact_id, channel_id);
CREATE INDEX conversations_timer ON conversations (timer_at) WHERE timer_at IS NOT NULL;

CREATE TABLE sessions (
  id              TEXT PRIMARY KEY NOT NULL,
  tenant_id       TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  opened_at       TEXT NOT NULL,
  closed_at       TEXT
);

CREATE TABLE live_sessions (
  id              TEXT PRIMARY KEY NOT NULL,
  tenant_id       TEXT NOT NULL,
  opened_at       TEXT NOT NULL,
  last_message_at TEXT NOT NULL,
  closed_at       TEXT
);
CREATE UNIQUE INDEX live_sessions_open ON live_sessions (tenant_id) WHERE closed_at IS NULL;

CREATE TABLE messages_in (
  id                  TEXT PRIMARY KEY NOT NULL,
  tenant_id           TEXT NOT NULL,
  channel_id          TEXT NOT NULL,
  conversation_id     TEXT,
  provider_message_id TEXT NOT NULL,
  "from"              TEXT NOT NULL,
  "to"                TEXT NOT NULL,
  body                TEXT NOT NULL,
  profile_name        TEXT,
  details             TEXT,
  role                TEXT CHECK (role IN ('seller', 'client')),
  state               TEXT NOT NULL CHECK (state IN ('accepted', 'processed', 'dead')),
  reason              TEXT,
  correlation_id      TEXT NOT NULL,
  created_at          TEXT NOT NULL,
  processed_at        TEXT
);
CREATE UNIQUE INDEX messages_in_once ON messages_in (tenant_id, channel_id, provider_message_id);
CREATE INDEX messages_in_waiting ON messages_in (tenant_id, channel_id, "from") WHERE processed_at IS NULL;

-- A provider's id is not indexed here: callbacks carry our own id, and explain may take its time.
CREATE TABLE messages_out (
  id                  TEXT PRIMARY KEY NOT NULL,
  tenant_id           TEXT NOT NULL,
  channel_id          TEXT NOT NULL,
  conversation_id     TEXT NOT NULL,
  in_reply_to         TEXT,
  "to"                TEXT NOT NULL,
  body                TEXT NOT NULL,
  kind                TEXT NOT NULL,
  state               TEXT NOT NULL CHECK (state IN ('pending', 'sending', 'unknown', 'sent', 'delivered', 'read',
                        'failed', 'deferred', 'suppressed', 'dead', 'cancelled')),
  attempts            INTEGER NOT NULL,
  next_attempt_at     TEXT NOT NULL,
  lease_owner         TEXT,
  lease_until         TEXT,
  provider_message_id TEXT,
  last_error          TEXT,
  correlation_id      TEXT NOT NULL,
  created_at          TEXT NOT NULL,
  sent_at             TEXT,
  updated_at          TEXT NOT NULL
);
-- The line of a conversation's unsettled rows: who is its head, and whether there is one.
CREATE INDEX messages_out_unsettled ON messages_out (tenant_id, conversation_id, id, state)
  WHERE state IN ('pending', 'sending', 'unknown', 'deferred');
CREATE INDEX messages_out_pending ON messages_out (tenant_id, next_attempt_at) WHERE state = 'pending';
CREATE INDEX messages_out_sent ON messages_out (tenant_id, sent_at) WHERE sent_at IS NOT NULL;

-- Append-only, read by flow or from the end; nobody asks for one event by its id, so the id has no index.
CREATE TABLE event_log (
  id             TEXT NOT NULL,
  tenant_id      TEXT NOT NULL,
  event_type     TEXT NOT NULL,
  entity_type    TEXT NOT NULL,
  entity_id      TEXT,
  correlation_id TEXT NOT NULL,
  actor_type     TEXT NOT NULL,
  payload        TEXT NOT NULL,
  created_at     TEXT NOT NULL
);
CREATE INDEX event_log_flow ON event_log (tenant_id, correlation_id);

-- Operators insert here by hand: only tenant and number must be given.
CREATE TABLE seller_phones (
  id           TEXT PRIMARY KEY NOT NULL DEFAULT (lower(hex(randomblob(16)))),
  tenant_id    TEXT NOT NULL,
  phone_number TEXT NOT NULL,
  created_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
);

CREATE TABLE opt_outs (
  id         TEXT PRIMARY KEY NOT NULL,
  tenant_id  TEXT NOT NULL,
  address    TEXT NOT NULL,
  source     TEXT NOT NULL,
  message_id TEXT,
  created_at TEXT NOT NULL
);
CREATE UNIQUE INDEX opt_outs_address ON opt_outs (tenant_id, address);
