-- What a conversation does later. The turn that a timer leads to deletes its row, so a row is a timer that has not fired.
CREATE TABLE timers (
  id              text COLLATE "C" PRIMARY KEY,
  tenant_id       text COLLATE "C" NOT NULL,
  conversation_id text COLLATE "C" NOT NULL,
  kind            text NOT NULL,
  fires_at        timestamptz NOT NULL,
  payload         text NOT NULL DEFAULT '{}',
  correlation_id  text COLLATE "C" NOT NULL,
  created_at      timestamptz NOT NULL
);
CREATE INDEX timers_due ON timers (fires_at);
CREATE INDEX timers_conversation ON timers (conversation_id);
-- What a running flow remembers: JSON, with the number of its form.
ALTER TABLE conversations ADD COLUMN flow text;
-- A provider call that is not a message: JSON, its kind and its arguments.
ALTER TABLE messages_out ADD COLUMN action text;
