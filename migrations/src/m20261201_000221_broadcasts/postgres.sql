-- One message to many contacts: what it says, to whom, how fast, and how far it is.
CREATE TABLE broadcasts (
  id            text COLLATE "C" PRIMARY KEY,
  tenant_id     text COLLATE "C" NOT NULL,
  channel_id    text COLLATE "C" NOT NULL,
  label         text COLLATE "C",
  seen_since    timestamptz,
  body          text,
  template      text,
  per_minute    bigint NOT NULL,
  budget_micros bigint,
  state         text COLLATE "C" NOT NULL CHECK (state IN ('running', 'stopped', 'done')),
  reason        text,
  started_by    text NOT NULL,
  next_at       timestamptz NOT NULL,
  created_at    timestamptz NOT NULL,
  updated_at    timestamptz NOT NULL
);
CREATE INDEX broadcasts_tenant ON broadcasts (tenant_id, id);
-- Those of all tenants that go on.
CREATE INDEX broadcasts_due ON broadcasts (next_at) WHERE state = 'running';

-- Whom a broadcast is for, by their conversation: each once. Addresses stand with the contacts alone.
CREATE TABLE broadcast_recipients (
  tenant_id       text COLLATE "C" NOT NULL,
  broadcast_id    text COLLATE "C" NOT NULL,
  conversation_id text COLLATE "C" NOT NULL,
  state           text COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'asked', 'refused')),
  reason          text,
  message_id      text COLLATE "C",
  updated_at      timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, broadcast_id, conversation_id)
);
CREATE INDEX broadcast_recipients_waiting ON broadcast_recipients (tenant_id, broadcast_id, conversation_id) WHERE state = 'waiting';
