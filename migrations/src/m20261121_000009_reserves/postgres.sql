-- What each node holds of a tenant's day and budget: its reserve, and what it has on the wire. `wanted`: others lack it.
CREATE TABLE reserves (
  tenant_id   text COLLATE "C" NOT NULL,
  node_id     text COLLATE "C" NOT NULL,
  messages    bigint NOT NULL,
  cost_micros bigint NOT NULL,
  wanted      boolean NOT NULL,
  updated_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, node_id)
) WITH (fillfactor = 50);
CREATE INDEX reserves_wanted ON reserves (node_id) WHERE wanted;

-- What may have gone out, tenant by tenant: it counts until it is known.
CREATE INDEX messages_out_unsure ON messages_out (tenant_id) WHERE state = 'unknown';
