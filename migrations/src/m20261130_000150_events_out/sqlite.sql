-- Endpoints that events go out to. URL and secrets stand in the tenants' files alone.
CREATE TABLE webhook_endpoints (
  tenant_id  TEXT NOT NULL,
  id         TEXT NOT NULL,
  -- A digest of the URL: when it changes, what was found out about the old one is forgotten.
  target     TEXT NOT NULL,
  -- Event types with a comma before and after each; '*': all of them.
  events     TEXT NOT NULL,
  -- active; disabled: the endpoint answered 410; removed: no file names it any more.
  state      TEXT NOT NULL,
  reason     TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;

-- An event on its way to an endpoint, with a copy of what the event log has. In a queue one goes out after the other, in the order
-- of created_at and event_id. The queue is NULL until the conversation of a message that came in is known.
CREATE TABLE webhook_deliveries (
  tenant_id       TEXT NOT NULL,
  endpoint_id     TEXT NOT NULL,
  event_id        TEXT NOT NULL,
  event_type      TEXT NOT NULL,
  entity_type     TEXT NOT NULL,
  entity_id       TEXT,
  correlation_id  TEXT NOT NULL,
  actor_type      TEXT NOT NULL,
  payload         TEXT NOT NULL,
  occurred_at     TEXT NOT NULL,
  queue           TEXT,
  -- pending, delivered, dead
  state           TEXT NOT NULL,
  attempts        INTEGER NOT NULL,
  -- A replay begins another generation: since when, and how many attempts were made before.
  life            INTEGER NOT NULL,
  life_since      TEXT NOT NULL,
  attempts_before INTEGER NOT NULL,
  next_attempt_at TEXT NOT NULL,
  last_error      TEXT,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL,
  PRIMARY KEY (tenant_id, endpoint_id, event_id)
) WITHOUT ROWID;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, endpoint_id, next_attempt_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_new ON webhook_deliveries (tenant_id, endpoint_id) WHERE state = 'pending' AND queue IS NULL;
CREATE INDEX webhook_deliveries_queue ON webhook_deliveries (tenant_id, endpoint_id, queue, created_at, event_id) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (tenant_id, endpoint_id, event_id) WHERE state = 'dead';
CREATE INDEX webhook_deliveries_done ON webhook_deliveries (tenant_id, updated_at) WHERE state <> 'pending';

-- A delivery is written by whatever writes the event, in the same transaction.
CREATE TRIGGER event_log_goes_out AFTER INSERT ON event_log
  WHEN EXISTS (SELECT 1 FROM webhook_endpoints WHERE tenant_id = NEW.tenant_id AND state = 'active') BEGIN
  INSERT INTO webhook_deliveries (tenant_id, endpoint_id, event_id, event_type, entity_type, entity_id, correlation_id, actor_type,
      payload, occurred_at, state, attempts, life, life_since, attempts_before, next_attempt_at, created_at, updated_at)
    SELECT NEW.tenant_id, w.id, NEW.id, NEW.event_type, NEW.entity_type, NEW.entity_id, NEW.correlation_id, NEW.actor_type,
      NEW.payload, NEW.created_at, 'pending', 0, 0, n.at, 0, n.at, n.at, n.at
    FROM webhook_endpoints w, (SELECT strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') AS at) n
    WHERE w.tenant_id = NEW.tenant_id AND w.state = 'active'
      AND (w.events = '*' OR instr(w.events, ',' || NEW.event_type || ',') > 0)
    ON CONFLICT DO NOTHING;
END;
