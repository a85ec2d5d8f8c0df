-- Where polling of a channel stands, and which node may poll it. Everything before the position is in messages_in.
CREATE TABLE poll_cursors (
  tenant_id  text COLLATE "C" NOT NULL,
  channel_id text COLLATE "C" NOT NULL,
  position   bigint,
  held_by    text COLLATE "C" NOT NULL,
  held_until timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, channel_id)
);
