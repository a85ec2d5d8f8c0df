-- What clients order in a live session.
CREATE TABLE order_lines (
  id              text COLLATE "C" PRIMARY KEY,
  tenant_id       text COLLATE "C" NOT NULL,
  live_session_id text COLLATE "C" NOT NULL,
  conversation_id text COLLATE "C" NOT NULL,
  contact_id      text COLLATE "C" NOT NULL,
  reference       text NOT NULL,
  size            text,
  quantity        bigint NOT NULL,
  state           text NOT NULL,
  correlation_id  text COLLATE "C" NOT NULL,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL
);
CREATE INDEX order_lines_session ON order_lines (tenant_id, live_session_id, id);
CREATE INDEX order_lines_contact ON order_lines (tenant_id, contact_id);
-- A session in which no orders are taken for now; who wrote in it and whose question nobody answered, once it is over.
ALTER TABLE live_sessions ADD COLUMN paused_at timestamptz;
ALTER TABLE live_sessions ADD COLUMN clients bigint;
ALTER TABLE live_sessions ADD COLUMN unanswered bigint;
CREATE INDEX live_sessions_newest ON live_sessions (tenant_id, opened_at);
