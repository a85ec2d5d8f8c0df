-- What a conversation does later. The turn that a timer leads to deletes its row, so a row is a timer that has not fired.
CREATE TABLE timers (
  id              TEXT PRIMARY KEY NOT NULL,
  tenant_id       TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  kind            TEXT NOT NULL,
  fires_at        TEXT NOT NULL,
  payload         TEXT NOT NULL DEFAULT '{}',
  correlation_id  TEXT NOT NULL,
  created_at      TEXT NOT NULL
);
CREATE INDEX timers_due ON timers (fires_at);
CREATE INDEX timers_conversation ON timers (conversation_id);
-- What a running flow remembers: JSON, with the number of its form.
ALTER TABLE conversations ADD COLUMN flow TEXT;
-- A provider call that is not a message: JSON, its kind and its arguments.
ALTER TABLE messages_out ADD COLUMN action TEXT;
