-- Browsers of people that are told when somebody waits, and in which session they said so. told names whom they were told of in
-- the last minutes; failures counts pushes in a row that their push service did not take.
CREATE TABLE push_subscriptions (
  id         text COLLATE "C" NOT NULL PRIMARY KEY,
  user_id    text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  endpoint   text NOT NULL,
  p256dh     text NOT NULL,
  auth       text NOT NULL,
  told       text NOT NULL,
  failures   bigint NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX push_subscriptions_endpoint ON push_subscriptions (endpoint);
CREATE INDEX push_subscriptions_user ON push_subscriptions (user_id, session_id);
