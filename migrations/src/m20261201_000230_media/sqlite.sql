-- Files of messages: where the provider keeps each, and what became of fetching it. The bytes are in the media storage, under their
-- hash. A file without a message was uploaded, to be sent. `expired`: the bytes are to be deleted, the row may stay.
CREATE TABLE media (
  id              TEXT PRIMARY KEY NOT NULL,
  tenant_id       TEXT NOT NULL,
  channel_id      TEXT,
  message_id      TEXT,
  correlation_id  TEXT,
  position        INTEGER NOT NULL,
  url             TEXT,
  declared_type   TEXT NOT NULL,
  name            TEXT,
  state           TEXT NOT NULL CHECK (state IN ('waiting', 'stored', 'refused', 'failed', 'expired')),
  reason          TEXT,
  content_type    TEXT,
  size            INTEGER,
  hash            TEXT,
  attempts        INTEGER NOT NULL,
  next_attempt_at TEXT NOT NULL,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
);
CREATE INDEX media_message ON media (tenant_id, message_id) WHERE message_id IS NOT NULL;
-- Over all tenants: who fetches, and who deletes.
CREATE INDEX media_due ON media (next_attempt_at) WHERE state = 'waiting';
CREATE INDEX media_uploads ON media (created_at) WHERE message_id IS NULL;
CREATE INDEX media_expired ON media (id) WHERE state = 'expired' AND hash IS NOT NULL;
CREATE INDEX media_hash ON media (tenant_id, hash) WHERE hash IS NOT NULL;
