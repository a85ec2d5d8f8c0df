-- Scarce things that are taken: the time of a resource, an offer. The key lets one owner have each.
CREATE TABLE claims (
  tenant_id  text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  owner      text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, name)
);
CREATE INDEX claims_owner ON claims (tenant_id, owner);
-- What customers have booked. Until free_at the resource is taken.
CREATE TABLE bookings (
  id              text COLLATE "C" PRIMARY KEY,
  tenant_id       text COLLATE "C" NOT NULL,
  conversation_id text COLLATE "C" NOT NULL,
  contact_id      text COLLATE "C" NOT NULL,
  service         text NOT NULL,
  resource        text NOT NULL,
  starts_at       timestamptz NOT NULL,
  ends_at         timestamptz NOT NULL,
  free_at         timestamptz NOT NULL,
  state           text NOT NULL,
  correlation_id  text COLLATE "C" NOT NULL,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL
);
CREATE INDEX bookings_taken ON bookings (tenant_id, free_at) WHERE state IN ('held', 'confirmed');
CREATE INDEX bookings_day ON bookings (tenant_id, starts_at);
CREATE INDEX bookings_contact ON bookings (tenant_id, contact_id);
-- People who asked to be called back.
CREATE TABLE leads (
  id              text COLLATE "C" PRIMARY KEY,
  tenant_id       text COLLATE "C" NOT NULL,
  conversation_id text COLLATE "C" NOT NULL,
  contact_id      text COLLATE "C" NOT NULL,
  name            text,
  email           text,
  phone           text,
  need            text NOT NULL,
  urgent          boolean NOT NULL,
  state           text NOT NULL,
  source          text NOT NULL,
  correlation_id  text COLLATE "C" NOT NULL,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL
);
CREATE INDEX leads_tenant ON leads (tenant_id, id);
CREATE INDEX leads_contact ON leads (tenant_id, contact_id);
-- Work that goes to whoever of the people on duty takes it first.
CREATE TABLE offers (
  id              text COLLATE "C" PRIMARY KEY,
  tenant_id       text COLLATE "C" NOT NULL,
  conversation_id text COLLATE "C" NOT NULL,
  contact_id      text COLLATE "C" NOT NULL,
  kind            text NOT NULL,
  body            text NOT NULL,
  details         text NOT NULL,
  state           text NOT NULL,
  assigned_to     text COLLATE "C",
  expires_at      timestamptz NOT NULL,
  correlation_id  text COLLATE "C" NOT NULL,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL
);
CREATE INDEX offers_open ON offers (tenant_id, expires_at) WHERE state = 'open';
CREATE INDEX offers_tenant ON offers (tenant_id, id);
-- People who take offers now, by their conversations.
CREATE TABLE on_duty (
  tenant_id       text COLLATE "C" NOT NULL,
  conversation_id text COLLATE "C" NOT NULL,
  since           timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, conversation_id)
);
