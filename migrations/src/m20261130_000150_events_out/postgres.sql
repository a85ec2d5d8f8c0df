-- Endpoints that events go out to. URL and secrets stand in the tenants' files alone.
CREATE TABLE webhook_endpoints (
  tenant_id  text COLLATE "C" NOT NULL,
  id         text COLLATE "C" NOT NULL,
  -- A digest of the URL: when it changes, what was found out about the old one is forgotten.
  target     text NOT NULL,
  -- Event types with a comma before and after each; '*': all of them.
  events     text NOT NULL,
  -- active; disabled: the endpoint answered 410; removed: no file names it any more.
  state      text NOT NULL,
  reason     text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);

-- An event on its way to an endpoint, with a copy of what the event log has. In a queue one goes out after the other, in the order
-- of created_at and event_id. The queue is NULL until the conversation of a message that came in is known.
CREATE TABLE webhook_deliveries (
  tenant_id       text COLLATE "C" NOT NULL,
  endpoint_id     text COLLATE "C" NOT NULL,
  event_id        text COLLATE "C" NOT NULL,
  event_type      text NOT NULL,
  entity_type     text NOT NULL,
  entity_id       text COLLATE "C",
  correlation_id  text COLLATE "C" NOT NULL,
  actor_type      text NOT NULL,
  payload         jsonb NOT NULL,
  occurred_at     timestamptz NOT NULL,
  queue           text COLLATE "C",
  -- pending, delivered, dead
  state           text NOT NULL,
  attempts        bigint NOT NULL,
  -- A replay begins another generation: since when, and how many attempts were made before.
  life            bigint NOT NULL,
  life_since      timestamptz NOT NULL,
  attempts_before bigint NOT NULL,
  next_attempt_at timestamptz NOT NULL,
  last_error      text,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, endpoint_id, event_id)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, endpoint_id, next_attempt_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_new ON webhook_deliveries (tenant_id, endpoint_id) WHERE state = 'pending' AND queue IS NULL;
CREATE INDEX webhook_deliveries_queue ON webhook_deliveries (tenant_id, endpoint_id, queue, created_at, event_id) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (tenant_id, endpoint_id, event_id) WHERE state = 'dead';
CREATE INDEX webhook_deliveries_done ON webhook_deliveries (tenant_id, updated_at) WHERE state <> 'pending';

-- A delivery is written by whatever writes the event, in the same transaction. One call serves all events of a statement.
CREATE FUNCTION palabre_events_go_out() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM webhook_endpoints WHERE state = 'active') THEN
    RETURN NULL;
  END IF;
  at := clock_timestamp();
  INSERT INTO webhook_deliveries (tenant_id, endpoint_id, event_id, event_type, entity_type, entity_id, correlation_id, actor_type,
      payload, occurred_at, state, attempts, life, life_since, attempts_before, next_attempt_at, created_at, updated_at)
    SELECT n.tenant_id, w.id, n.id, n.event_type, n.entity_type, n.entity_id, n.correlation_id, n.actor_type,
      n.payload, n.created_at, 'pending', 0, 0, at, 0, at, at, at
    FROM added n JOIN webhook_endpoints w ON w.tenant_id = n.tenant_id AND w.state = 'active'
      AND (w.events = '*' OR strpos(w.events, ',' || n.event_type || ',') > 0)
    ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$;
CREATE TRIGGER event_log_goes_out AFTER INSERT ON event_log REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION palabre_events_go_out();
