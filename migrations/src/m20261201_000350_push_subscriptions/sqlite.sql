-- Browsers of people that are told when somebody waits, and in which session they said so. told names whom they were told of in
-- the last minutes; failures counts pushes in a row that their push service did not take.
CREATE TABLE push_subscriptions (
  id         TEXT NOT NULL PRIMARY KEY,
  user_id    TEXT NOT NULL,
  session_id TEXT NOT NULL,
  endpoint   TEXT NOT NULL,
  p256dh     TEXT NOT NULL,
  auth       TEXT NOT NULL,
  told       TEXT NOT NULL,
  failures   INTEGER NOT NULL,
  created_at TEXT NOT NULL
);
CREATE UNIQUE INDEX push_subscriptions_endpoint ON push_subscriptions (endpoint);
CREATE INDEX push_subscriptions_user ON push_subscriptions (user_id, session_id);
