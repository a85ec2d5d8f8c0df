-- Files that came with messages: where the provider keeps each, and what became of fetching it. The bytes are in the media folder,
-- under their hash.
CREATE TABLE media (
  id              text COLLATE "C" PRIMARY KEY,
  tenant_id       text COLLATE "C" NOT NULL,
  channel_id      text COLLATE "C" NOT NULL,
  message_id      text COLLATE "C" NOT NULL,
  position        bigint NOT NULL,
  url             text COLLATE "C" NOT NULL,
  declared_type   text COLLATE "C" NOT NULL,
  state           text COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'stored', 'refused', 'failed', 'expired')),
  reason          text COLLATE "C",
  content_type    text COLLATE "C",
  size            bigint,
  hash            text COLLATE "C",
  attempts        bigint NOT NULL,
  next_attempt_at timestamptz NOT NULL,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL
);
CREATE INDEX media_message ON media (tenant_id, message_id);
CREATE INDEX media_due ON media (next_attempt_at) WHERE state = 'waiting';
CREATE INDEX media_hash ON media (tenant_id, hash) WHERE hash IS NOT NULL;
