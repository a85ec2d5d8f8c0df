-- Customers who are told when a time becomes free, the first who asked first. resource, the hours and replaces are null where any will do.
CREATE TABLE waiting_list (
  id              text COLLATE "C" PRIMARY KEY,
  tenant_id       text COLLATE "C" NOT NULL,
  conversation_id text COLLATE "C" NOT NULL,
  contact_id      text COLLATE "C" NOT NULL,
  service         text NOT NULL,
  resource        text,
  from_at         timestamptz NOT NULL,
  until_at        timestamptz NOT NULL,
  from_time       text,
  until_time      text,
  replaces        text COLLATE "C",
  state           text NOT NULL,
  correlation_id  text COLLATE "C" NOT NULL,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL
);
CREATE INDEX waiting_list_open ON waiting_list (tenant_id, until_at) WHERE state IN ('waiting', 'offered');
CREATE INDEX waiting_list_contact ON waiting_list (tenant_id, contact_id);
