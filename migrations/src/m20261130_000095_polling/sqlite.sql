-- Where polling of a channel stands, and which node may poll it. Everything before the position is in messages_in.
CREATE TABLE poll_cursors (
  tenant_id  TEXT NOT NULL,
  channel_id TEXT NOT NULL,
  position   INTEGER,
  held_by    TEXT NOT NULL,
  held_until TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (tenant_id, channel_id)
) WITHOUT ROWID;
