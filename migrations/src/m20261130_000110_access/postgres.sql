-- What tenants sell, as their files have it: for those who look at the tables.
CREATE TABLE plans (
  tenant_id  text COLLATE "C" NOT NULL,
  id         text COLLATE "C" NOT NULL,
  name       text NOT NULL,
  price      bigint,
  currency   text NOT NULL,
  every      text NOT NULL,
  stars      bigint,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
-- One purchase of a plan, or one access that was given by hand.
CREATE TABLE subscriptions (
  id                       text COLLATE "C" PRIMARY KEY,
  tenant_id                text COLLATE "C" NOT NULL,
  plan_id                  text COLLATE "C" NOT NULL,
  -- The bot's channel and the member's address there; empty: nobody has claimed it yet.
  channel_id               text COLLATE "C" NOT NULL,
  address                  text COLLATE "C",
  contact_id               text COLLATE "C",
  language                 text NOT NULL,
  state                    text NOT NULL,
  current_period_end       timestamptz,
  grace_until              timestamptz,
  -- stripe, stars or hand.
  provider                 text COLLATE "C" NOT NULL,
  provider_subscription_id text COLLATE "C",
  provider_customer_id     text COLLATE "C",
  provider_payment_id      text COLLATE "C",
  account                  text COLLATE "C",
  email                    text,
  -- JSON: the ledger, and the notices that went out.
  ledger                   text NOT NULL,
  told                     text NOT NULL DEFAULT '[]',
  version                  bigint NOT NULL,
  next_check_at            timestamptz,
  bound_at                 timestamptz,
  created_at               timestamptz NOT NULL,
  updated_at               timestamptz NOT NULL
);
CREATE UNIQUE INDEX subscriptions_provider ON subscriptions (provider, provider_subscription_id);
CREATE INDEX subscriptions_tenant ON subscriptions (tenant_id, id);
CREATE INDEX subscriptions_member ON subscriptions (tenant_id, address);
CREATE INDEX subscriptions_due ON subscriptions (next_check_at);
-- What payment systems told, each event once. It holds no name, address or card.
CREATE TABLE payment_events (
  id                text COLLATE "C" PRIMARY KEY,
  tenant_id         text COLLATE "C",
  provider          text COLLATE "C" NOT NULL,
  provider_event_id text COLLATE "C" NOT NULL,
  type              text NOT NULL,
  livemode          boolean NOT NULL,
  account           text COLLATE "C",
  subject           text NOT NULL,
  subject_id        text,
  subscription_id   text COLLATE "C",
  amount            bigint,
  currency          text,
  outcome           text,
  attempts          bigint NOT NULL DEFAULT 0,
  next_attempt_at   timestamptz,
  received_at       timestamptz NOT NULL,
  applied_at        timestamptz
);
CREATE UNIQUE INDEX payment_events_once ON payment_events (provider, provider_event_id);
CREATE INDEX payment_events_due ON payment_events (next_attempt_at);
CREATE INDEX payment_events_tenant ON payment_events (tenant_id, received_at);
-- A subscription's place in one chat: whether the member was invited, is in, or is on the way out.
CREATE TABLE access_grants (
  id              text COLLATE "C" PRIMARY KEY,
  tenant_id       text COLLATE "C" NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  chat_id         text COLLATE "C" NOT NULL,
  state           text NOT NULL,
  invite_link     text,
  -- The row of the outbox that does what the state says.
  message_id      text COLLATE "C",
  updated_at      timestamptz NOT NULL
);
CREATE UNIQUE INDEX access_grants_once ON access_grants (subscription_id, chat_id);
CREATE INDEX access_grants_chat ON access_grants (tenant_id, chat_id);
-- Columns that were added to tables with a statistics target are sampled as little as the others.
DO $$
DECLARE
  wide record;
BEGIN
  FOR wide IN
    SELECT a.attrelid::regclass AS name, string_agg(format('ALTER COLUMN %I SET STATISTICS 10', a.attname), ', ') AS columns
    FROM unnest(ARRAY['messages_in', 'messages_out', 'conversations', 'contact_addresses']::regclass[]) parent
    CROSS JOIN LATERAL (SELECT parent AS id UNION ALL SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = parent) t
    JOIN pg_attribute a ON a.attrelid = t.id AND a.attnum > 0 AND NOT a.attisdropped AND coalesce(a.attstattarget, -1) < 0
    WHERE EXISTS (SELECT 1 FROM pg_attribute b
      WHERE b.attrelid = t.id AND b.attnum > 0 AND NOT b.attisdropped AND coalesce(b.attstattarget, -1) >= 0)
    GROUP BY 1
  LOOP
    EXECUTE format('ALTER TABLE ONLY %s %s', wide.name, wide.columns);
  END LOOP;
END
$$;
