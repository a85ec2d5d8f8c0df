-- One message to many contacts: what it says, to whom, how fast, and how far it is.
CREATE TABLE broadcasts (
  id            TEXT PRIMARY KEY NOT NULL,
  tenant_id     TEXT NOT NULL,
  channel_id    TEXT NOT NULL,
  label         TEXT,
  seen_since    TEXT,
  body          TEXT,
  template      TEXT,
  per_minute    INTEGER NOT NULL,
  budget_micros INTEGER,
  state         TEXT NOT NULL CHECK (state IN ('running', 'stopped', 'done')),
  reason        TEXT,
  started_by    TEXT NOT NULL,
  next_at       TEXT NOT NULL,
  created_at    TEXT NOT NULL,
  updated_at    TEXT NOT NULL
);
CREATE INDEX broadcasts_tenant ON broadcasts (tenant_id, id);
-- Those of all tenants that go on.
CREATE INDEX broadcasts_due ON broadcasts (next_at) WHERE state = 'running';

-- Whom a broadcast is for, by their conversation: each once. Addresses stand with the contacts alone.
CREATE TABLE broadcast_recipients (
  tenant_id       TEXT NOT NULL,
  broadcast_id    TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  state           TEXT NOT NULL CHECK (state IN ('waiting', 'asked', 'refused')),
  reason          TEXT,
  message_id      TEXT,
  updated_at      TEXT NOT NULL,
  PRIMARY KEY (tenant_id, broadcast_id, conversation_id)
) WITHOUT ROWID;
CREATE INDEX broadcast_recipients_waiting ON broadcast_recipients (tenant_id, broadcast_id, conversation_id) WHERE state = 'waiting';
