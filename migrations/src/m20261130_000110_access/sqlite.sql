-- What tenants sell, as their files have it: for those who look at the tables.
CREATE TABLE plans (
  tenant_id  TEXT NOT NULL,
  id         TEXT NOT NULL,
  name       TEXT NOT NULL,
  price      INTEGER,
  currency   TEXT NOT NULL,
  every      TEXT NOT NULL,
  stars      INTEGER,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
-- One purchase of a plan, or one access that was given by hand.
CREATE TABLE subscriptions (
  id                       TEXT PRIMARY KEY NOT NULL,
  tenant_id                TEXT NOT NULL,
  plan_id                  TEXT NOT NULL,
  -- The bot's channel and the member's address there; empty: nobody has claimed it yet.
  channel_id               TEXT NOT NULL,
  address                  TEXT,
  contact_id               TEXT,
  language                 TEXT NOT NULL,
  state                    TEXT NOT NULL,
  current_period_end       TEXT,
  grace_until              TEXT,
  -- stripe, stars or hand.
  provider                 TEXT NOT NULL,
  provider_subscription_id TEXT,
  provider_customer_id     TEXT,
  provider_payment_id      TEXT,
  account                  TEXT,
  email                    TEXT,
  -- JSON: the ledger, and the notices that went out.
  ledger                   TEXT NOT NULL,
  told                     TEXT NOT NULL DEFAULT '[]',
  version                  INTEGER NOT NULL,
  next_check_at            TEXT,
  bound_at                 TEXT,
  created_at               TEXT NOT NULL,
  updated_at               TEXT NOT NULL
);
CREATE UNIQUE INDEX subscriptions_provider ON subscriptions (provider, provider_subscription_id);
CREATE INDEX subscriptions_tenant ON subscriptions (tenant_id, id);
CREATE INDEX subscriptions_member ON subscriptions (tenant_id, address);
CREATE INDEX subscriptions_due ON subscriptions (next_check_at);
-- What payment systems told, each event once. It holds no name, address or card.
CREATE TABLE payment_events (
  id                TEXT PRIMARY KEY NOT NULL,
  tenant_id         TEXT,
  provider          TEXT NOT NULL,
  provider_event_id TEXT NOT NULL,
  type              TEXT NOT NULL,
  livemode          INTEGER NOT NULL,
  account           TEXT,
  subject           TEXT NOT NULL,
  subject_id        TEXT,
  subscription_id   TEXT,
  amount            INTEGER,
  currency          TEXT,
  outcome           TEXT,
  attempts          INTEGER NOT NULL DEFAULT 0,
  next_attempt_at   TEXT,
  received_at       TEXT NOT NULL,
  applied_at        TEXT
);
CREATE UNIQUE INDEX payment_events_once ON payment_events (provider, provider_event_id);
CREATE INDEX payment_events_due ON payment_events (next_attempt_at);
CREATE INDEX payment_events_tenant ON payment_events (tenant_id, received_at);
-- A subscription's place in one chat: whether the member was invited, is in, or is on the way out.
CREATE TABLE access_grants (
  id              TEXT PRIMARY KEY NOT NULL,
  tenant_id       TEXT NOT NULL,
  subscription_id TEXT NOT NULL,
  chat_id         TEXT NOT NULL,
  state           TEXT NOT NULL,
  invite_link     TEXT,
  -- The row of the outbox that does what the state says.
  message_id      TEXT,
  updated_at      TEXT NOT NULL
);
CREATE UNIQUE INDEX access_grants_once ON access_grants (subscription_id, chat_id);
CREATE INDEX access_grants_chat ON access_grants (tenant_id, chat_id);
