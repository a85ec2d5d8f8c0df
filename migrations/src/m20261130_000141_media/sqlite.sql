-- Files that came with messages: where the provider keeps each, and what became of fetching it. The bytes are in the media folder,
-- under their hash.
CREATE TABLE media (
  id              TEXT PRIMARY KEY NOT NULL,
  tenant_id       TEXT NOT NULL,
  channel_id      TEXT NOT NULL,
  message_id      TEXT NOT NULL,
  position        INTEGER NOT NULL,
  url             TEXT NOT NULL,
  declared_type   TEXT NOT NULL,
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
CREATE INDEX media_message ON media (tenant_id, message_id);
CREATE INDEX media_due ON media (next_attempt_at) WHERE state = 'waiting';
CREATE INDEX media_hash ON media (tenant_id, hash) WHERE hash IS NOT NULL;
