-- Files of messages: where the provider keeps each, and what became of fetching it. The bytes are in the media storage, under their
-- hash. A file without a message was uploaded, to be sent. `expired`: the bytes are to be deleted, the row may stay.
CREATE TABLE media (
  id              text COLLATE "C" PRIMARY KEY,
  tenant_id       text COLLATE "C" NOT NULL,
  channel_id      text COLLATE "C",
  message_id      text COLLATE "C",
  correlation_id  text COLLATE "C",
  position        bigint NOT NULL,
  url             text COLLATE "C",
  declared_type   text COLLATE "C" NOT NULL,
  name            text COLLATE "C",
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
CREATE INDEX media_message ON media (tenant_id, message_id) WHERE message_id IS NOT NULL;
-- Over all tenants: who fetches, and who deletes.
CREATE INDEX media_due ON media (next_attempt_at) WHERE state = 'waiting';
CREATE INDEX media_uploads ON media (created_at) WHERE message_id IS NULL;
CREATE INDEX media_expired ON media (id) WHERE state = 'expired' AND hash IS NOT NULL;
CREATE INDEX media_hash ON media (tenant_id, hash) WHERE hash IS NOT NULL;
