-- Scarce things that are taken: the time of a resource, an offer. The key lets one owner have each.
CREATE TABLE claims (
  tenant_id  TEXT NOT NULL,
  name       TEXT NOT NULL,
  owner      TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (tenant_id, name)
);
CREATE INDEX claims_owner ON claims (tenant_id, owner);
-- What customers have booked. Until free_at the resource is taken.
CREATE TABLE bookings (
  id              TEXT PRIMARY KEY NOT NULL,
  tenant_id       TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  contact_id      TEXT NOT NULL,
  service         TEXT NOT NULL,
  resource        TEXT NOT NULL,
  starts_at       TEXT NOT NULL,
  ends_at         TEXT NOT NULL,
  free_at         TEXT NOT NULL,
  state           TEXT NOT NULL,
  correlation_id  TEXT NOT NULL,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
);
CREATE INDEX bookings_taken ON bookings (tenant_id, free_at) WHERE state IN ('held', 'confirmed');
CREATE INDEX bookings_day ON bookings (tenant_id, starts_at);
CREATE INDEX bookings_contact ON bookings (tenant_id, contact_id);
-- People who asked to be called back.
CREATE TABLE leads (
  id              TEXT PRIMARY KEY NOT NULL,
  tenant_id       TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  contact_id      TEXT NOT NULL,
  name            TEXT,
  email           TEXT,
  phone           TEXT,
  need            TEXT NOT NULL,
  urgent          INTEGER NOT NULL,
  state           TEXT NOT NULL,
  source          TEXT NOT NULL,
  correlation_id  TEXT NOT NULL,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
);
CREATE INDEX leads_tenant ON leads (tenant_id, id);
CREATE INDEX leads_contact ON leads (tenant_id, contact_id);
-- Work that goes to whoever of the people on duty takes it first.
CREATE TABLE offers (
  id              TEXT PRIMARY KEY NOT NULL,
  tenant_id       TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  contact_id      TEXT NOT NULL,
  kind            TEXT NOT NULL,
  body            TEXT NOT NULL,
  details         TEXT NOT NULL,
  state           TEXT NOT NULL,
  assigned_to     TEXT,
  expires_at      TEXT NOT NULL,
  correlation_id  TEXT NOT NULL,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
);
CREATE INDEX offers_open ON offers (tenant_id, expires_at) WHERE state = 'open';
CREATE INDEX offers_tenant ON offers (tenant_id, id);
-- People who take offers now, by their conversations.
CREATE TABLE on_duty (
  tenant_id       TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  since           TEXT NOT NULL,
  PRIMARY KEY (tenant_id, conversation_id)
);
