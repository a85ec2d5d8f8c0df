-- Why a channel's messages are not even claimed (its breaker is open, its tenant's day is used up), and until when: for
-- people, and one row for each channel however many messages wait. Nothing decides by it.
CREATE TABLE channel_rests (
  channel_id TEXT PRIMARY KEY NOT NULL,
  tenant_id  TEXT NOT NULL,
  reason     TEXT NOT NULL,
  until      TEXT NOT NULL
) WITHOUT ROWID;
