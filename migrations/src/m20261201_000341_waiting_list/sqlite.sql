-- Customers who are told when a time becomes free, the first who asked first. resource, the hours and replaces are null where any will do.
CREATE TABLE waiting_list (
  id              TEXT PRIMARY KEY NOT NULL,
  tenant_id       TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  contact_id      TEXT NOT NULL,
  service         TEXT NOT NULL,
  resource        TEXT,
  from_at         TEXT NOT NULL,
  until_at        TEXT NOT NULL,
  from_time       TEXT,
  until_time      TEXT,
  replaces        TEXT,
  state           TEXT NOT NULL,
  correlation_id  TEXT NOT NULL,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
);
CREATE INDEX waiting_list_open ON waiting_list (tenant_id, until_at) WHERE state IN ('waiting', 'offered');
CREATE INDEX waiting_list_contact ON waiting_list (tenant_id, contact_id);
