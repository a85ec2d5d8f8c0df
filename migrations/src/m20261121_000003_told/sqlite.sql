-- Why a channel's messages are not even claimed (its breaker is open, its tenant's day is used up), and until when: for
-- people, and one row for each channel however many messages wait. Nothing decides by it. told_at: whoever said so says it
-- again while it is so; what nobody repeats is over.
CREATE TABLE channel_rests (
  channel_id TEXT PRIMARY KEY NOT NULL,
  tenant_id  TEXT NOT NULL,
  reason     TEXT NOT NULL,
  until      TEXT NOT NULL,
  told_at    TEXT NOT NULL
) WITHOUT ROWID;

-- What was sent in another hour than it was written in, by the provider's id: whose a receipt is (I5). What was sent at once
-- is found among its neighbours, and pays for no index.
CREATE INDEX messages_out_late ON messages_out (provider_message_id)
  WHERE provider_message_id IS NOT NULL
    AND substr(coalesce(sent_at, updated_at), 1, 13) <> substr(created_at, 1, 13);
