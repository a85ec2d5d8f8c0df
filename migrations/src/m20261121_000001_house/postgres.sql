-- The schema as of this step and the next two, which change nothing here. Ids are UUIDv7 as text, compared byte by byte,
-- so that their order is the order of time on every server, whatever language it speaks.
--
-- messages_in and messages_out are partitioned by id, which begins with the time: the primary key holds the partition key,
-- and whoever looks for an id looks into one partition. What must be unique over all of them has a table beside.

CREATE TABLE tenants (
  id         text COLLATE "C" PRIMARY KEY,
  name       text NOT NULL,
  language   text NOT NULL,
  timezone   text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);

CREATE TABLE channels (
  id         text COLLATE "C" PRIMARY KEY,
  tenant_id  text COLLATE "C" NOT NULL,
  provider   text NOT NULL,
  address    text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);

-- welcomed_at, confirmed_at: double opt-in, when the contact was first asked, and when they said yes.
CREATE TABLE contacts (
  id           text COLLATE "C" PRIMARY KEY,
  tenant_id    text COLLATE "C" NOT NULL,
  name         text,
  welcomed_at  timestamptz,
  confirmed_at timestamptz,
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL
);

CREATE TABLE contact_addresses (
  tenant_id  text COLLATE "C" NOT NULL,
  address    text COLLATE "C" NOT NULL,
  contact_id text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, address)
);
CREATE INDEX contact_addresses_contact ON contact_addresses (tenant_id, contact_id);

CREATE TABLE conversations (
  id                text COLLATE "C" PRIMARY KEY,
  tenant_id         text COLLATE "C" NOT NULL,
  channel_id        text COLLATE "C" NOT NULL,
  contact_id        text COLLATE "C" NOT NULL,
  address           text COLLATE "C" NOT NULL,
  status            text NOT NULL CHECK (status IN ('new', 'in_progress', 'resolved')),
  handler           text NOT NULL CHECK (handler IN ('bot', 'human')),
  assignee          text,
  version           bigint NOT NULL,
  session_id        text COLLATE "C",
  session_opened_at timestamptz,
  recent_answers    text NOT NULL DEFAULT '[]',
  timer_at          timestamptz,
  last_inbound_at   timestamptz,
  created_at        timestamptz NOT NULL,
  updated_at        timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX conversations_contact ON conversations (tenant_id, contact_id, channel_id);
CREATE INDEX conversations_timer ON conversations (timer_at) WHERE timer_at IS NOT NULL;

CREATE TABLE sessions (
  id              text COLLATE "C" PRIMARY KEY,
  tenant_id       text COLLATE "C" NOT NULL,
  conversation_id text COLLATE "C" NOT NULL,
  opened_at       timestamptz NOT NULL,
  closed_at       timestamptz
);

CREATE TABLE live_sessions (
  id              text COLLATE "C" PRIMARY KEY,
  tenant_id       text COLLATE "C" NOT NULL,
  opened_at       timestamptz NOT NULL,
  last_message_at timestamptz NOT NULL,
  closed_at       timestamptz
);
CREATE UNIQUE INDEX live_sessions_open ON live_sessions (tenant_id) WHERE closed_at IS NULL;

CREATE TABLE messages_in (
  id                  text COLLATE "C" PRIMARY KEY,
  tenant_id           text COLLATE "C" NOT NULL,
  channel_id          text COLLATE "C" NOT NULL,
  conversation_id     text COLLATE "C",
  provider_message_id text COLLATE "C" NOT NULL,
  "from"              text COLLATE "C" NOT NULL,
  "to"                text NOT NULL,
  body                text NOT NULL,
  profile_name        text,
  details             text,
  role                text CHECK (role IN ('seller', 'client')),
  state               text NOT NULL CHECK (state IN ('accepted', 'processed', 'dead')),
  reason              text,
  correlation_id      text COLLATE "C" NOT NULL,
  created_at          timestamptz NOT NULL,
  processed_at        timestamptz
) PARTITION BY RANGE (id);
CREATE TABLE messages_in_rest PARTITION OF messages_in DEFAULT;
-- What waits for a turn: a conversation's, and a tenant's.
CREATE INDEX messages_in_waiting ON messages_in (tenant_id, channel_id, "from", id) WHERE processed_at IS NULL;
CREATE INDEX messages_in_backlog ON messages_in (tenant_id, id) WHERE processed_at IS NULL;

-- The keys that no two messages share (I2), over all partitions.
CREATE TABLE messages_once (
  tenant_id           text COLLATE "C" NOT NULL,
  channel_id          text COLLATE "C" NOT NULL,
  provider_message_id text COLLATE "C" NOT NULL,
  id                  text COLLATE "C" NOT NULL,
  correlation_id      text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, channel_id, provider_message_id)
);

-- The clock that inbound ids are made from: microseconds since 1970, each given once, never going back. Nodes' clocks may
-- differ; the order of acceptance is this one's (I3). The lock is held for the length of this function, not of the
-- transaction, so that transactions of different nodes do not wait for each other's end.
CREATE SEQUENCE inbound_ticks;
CREATE FUNCTION palabre_ticks(how_many bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  first bigint;
BEGIN
  PERFORM pg_advisory_lock(7305801);
  BEGIN
    SELECT greatest(last_value + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) INTO first
      FROM inbound_ticks;
    PERFORM setval('inbound_ticks', first + how_many - 1);
  EXCEPTION WHEN query_canceled OR OTHERS THEN
    PERFORM pg_advisory_unlock(7305801);
    RAISE;
  END;
  PERFORM pg_advisory_unlock(7305801);
  RETURN first;
END
$$;

-- A provider's id is indexed only of what was sent late: callbacks carry our own id, and explain may take its time.
-- behind: others of the conversation stand in line before it; only rows without are claimed.
-- life: a replay begins another one: its number, when it began, and the attempts of those before it.
-- sent_via: the channel that was used when another took over.
CREATE TABLE messages_out (
  id                  text COLLATE "C" PRIMARY KEY,
  tenant_id           text COLLATE "C" NOT NULL,
  channel_id          text COLLATE "C" NOT NULL,
  conversation_id     text COLLATE "C" NOT NULL,
  in_reply_to         text COLLATE "C",
  "to"                text NOT NULL,
  body                text NOT NULL,
  kind                text NOT NULL,
  state               text NOT NULL CHECK (state IN ('pending', 'sending', 'unknown', 'sent', 'delivered', 'read',
                        'failed', 'deferred', 'suppressed', 'dead', 'cancelled')),
  attempts            bigint NOT NULL,
  next_attempt_at     timestamptz NOT NULL,
  lease_owner         text,
  lease_until         timestamptz,
  provider_message_id text COLLATE "C",
  last_error          text,
  correlation_id      text COLLATE "C" NOT NULL,
  created_at          timestamptz NOT NULL,
  sent_at             timestamptz,
  updated_at          timestamptz NOT NULL,
  behind              boolean NOT NULL DEFAULT false,
  template            text,
  urgent              boolean NOT NULL DEFAULT true,
  expires_at          timestamptz,
  life                bigint NOT NULL DEFAULT 0,
  life_since          timestamptz,
  attempts_before     bigint NOT NULL DEFAULT 0,
  sent_via            text COLLATE "C",
  cost_micros         bigint NOT NULL DEFAULT 0,
  idempotency_key     text COLLATE "C"
) PARTITION BY RANGE (id);
CREATE TABLE messages_out_rest PARTITION OF messages_out DEFAULT;
-- The line of a conversation: who is its head, and whether there is one.
CREATE INDEX messages_out_line ON messages_out (tenant_id, conversation_id, id)
  WHERE state IN ('pending', 'sending', 'unknown');
-- Heads that wait, lane by lane.
CREATE INDEX messages_out_heads ON messages_out (tenant_id, channel_id, next_attempt_at, id)
  WHERE state = 'pending' AND NOT behind;
-- What senders are at, or lost track of.
CREATE INDEX messages_out_leased ON messages_out (lease_until) WHERE state = 'sending';
CREATE INDEX messages_out_unknown ON messages_out (next_attempt_at, id) WHERE state = 'unknown';
CREATE INDEX messages_out_deferred ON messages_out (tenant_id, conversation_id, id) WHERE state = 'deferred';
CREATE INDEX messages_out_expiring ON messages_out (expires_at) WHERE state = 'deferred' AND expires_at IS NOT NULL;
-- Dead letters, for people.
CREATE INDEX messages_out_dead ON messages_out (tenant_id, id) WHERE state IN ('dead', 'failed');

-- What was sent long after it was written, by the provider's id: whose a receipt is (I5). What was sent at once is found
-- among its neighbours, and pays for no index.
CREATE INDEX messages_out_late ON messages_out (provider_message_id)
  WHERE provider_message_id IS NOT NULL AND coalesce(sent_at, updated_at) - created_at > interval '1 hour';

-- The keys of those who ask through the API: the same key is the same message, over all partitions.
CREATE TABLE messages_asked (
  tenant_id       text COLLATE "C" NOT NULL,
  idempotency_key text COLLATE "C" NOT NULL,
  id              text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, idempotency_key)
);

-- Append-only, read by flow or from the end; nobody asks for one event by its id, so the id has no index.
CREATE TABLE event_log (
  id             text COLLATE "C" NOT NULL,
  tenant_id      text COLLATE "C" NOT NULL,
  event_type     text NOT NULL,
  entity_type    text NOT NULL,
  entity_id      text COLLATE "C",
  correlation_id text COLLATE "C" NOT NULL,
  actor_type     text NOT NULL,
  payload        jsonb NOT NULL,
  created_at     timestamptz NOT NULL
) PARTITION BY RANGE (created_at);
CREATE TABLE event_log_rest PARTITION OF event_log DEFAULT;
CREATE INDEX event_log_flow ON event_log (correlation_id);

-- Operators insert here by hand: only tenant and number must be given.
CREATE TABLE seller_phones (
  id           text COLLATE "C" PRIMARY KEY DEFAULT gen_random_uuid()::text,
  tenant_id    text COLLATE "C" NOT NULL,
  phone_number text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE opt_outs (
  id         text COLLATE "C" PRIMARY KEY,
  tenant_id  text COLLATE "C" NOT NULL,
  address    text COLLATE "C" NOT NULL,
  source     text NOT NULL,
  message_id text COLLATE "C",
  created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX opt_outs_address ON opt_outs (tenant_id, address);

-- What went out, in quarters of an hour (UTC): the day of every time zone is a whole number of them. A busy channel's count
-- is kept in several rows, so that the transactions of different connections do not wait for each other.
CREATE TABLE usage (
  tenant_id   text COLLATE "C" NOT NULL,
  quarter     timestamptz NOT NULL,
  channel_id  text COLLATE "C" NOT NULL,
  share       bigint NOT NULL,
  messages    bigint NOT NULL,
  cost_micros bigint NOT NULL,
  PRIMARY KEY (tenant_id, quarter, channel_id, share)
) WITH (fillfactor = 50);

CREATE TABLE channel_pauses (
  channel_id text COLLATE "C" PRIMARY KEY,
  tenant_id  text COLLATE "C" NOT NULL,
  reason     text NOT NULL,
  until      timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);

-- Why a channel's messages are not even claimed (its breaker is open, its tenant's day is used up), and until when: for
-- people, and one row for each channel however many messages wait. Nothing decides by it. told_at: the nodes that say so
-- say it again while it is so; what nobody repeats is over.
CREATE TABLE channel_rests (
  channel_id text COLLATE "C" PRIMARY KEY,
  tenant_id  text COLLATE "C" NOT NULL,
  reason     text NOT NULL,
  until      timestamptz NOT NULL,
  told_at    timestamptz NOT NULL
);

-- Who consented to what, when, and what proves it. Rows are never changed: opt_outs is what they add up to.
CREATE TABLE consents (
  id         text COLLATE "C" PRIMARY KEY,
  tenant_id  text COLLATE "C" NOT NULL,
  channel_id text COLLATE "C",
  contact_id text COLLATE "C",
  address    text COLLATE "C" NOT NULL,
  what       text NOT NULL CHECK (what IN ('opted_out', 'opted_in', 'welcomed', 'confirmed')),
  source     text NOT NULL CHECK (source IN ('message', 'provider', 'operator')),
  evidence   text,
  created_at timestamptz NOT NULL
);
CREATE INDEX consents_address ON consents (tenant_id, address, id);
CREATE FUNCTION palabre_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% are append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER consents_append_only BEFORE UPDATE OR DELETE ON consents
  FOR EACH STATEMENT EXECUTE FUNCTION palabre_append_only();

-- One partition of a month (UTC), of each partitioned table. What stands in the default partition from a time without
-- partitions is left there: a month that has rows in it gets no partition any more.
CREATE FUNCTION palabre_first_id(at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || '-0000-0000-000000000000'
    FROM (SELECT lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') AS hex) h
$$;
CREATE FUNCTION palabre_make_month(month date) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  since timestamptz := date_trunc('month', month::timestamp) AT TIME ZONE 'UTC';
  till timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
  suffix text := to_char(month, 'YYYY_MM');
  made integer := 0;
  parent text;
BEGIN
  FOREACH parent IN ARRAY ARRAY['messages_in', 'messages_out', 'event_log'] LOOP
    CONTINUE WHEN to_regclass(format('%I', parent || '_' || suffix)) IS NOT NULL;
    BEGIN
      IF parent = 'event_log' THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', parent || '_' || suffix, parent,
          since, till);
      ELSE
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', parent || '_' || suffix, parent,
          palabre_first_id(since), palabre_first_id(till));
      END IF;
      made := made + 1;
    EXCEPTION WHEN check_violation OR duplicate_table THEN
      -- Rows of that month stand in the default partition; or another node was faster.
      NULL;
    END;
  END LOOP;
  RETURN made;
END
$$;
