-- What clients order in a live session.
CREATE TABLE order_lines (
  id              TEXT PRIMARY KEY NOT NULL,
  tenant_id       TEXT NOT NULL,
  live_session_id TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  contact_id      TEXT NOT NULL,
  reference       TEXT NOT NULL,
  size            TEXT,
  quantity        INTEGER NOT NULL,
  state           TEXT NOT NULL,
  correlation_id  TEXT NOT NULL,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
);
CREATE INDEX order_lines_session ON order_lines (tenant_id, live_session_id, id);
CREATE INDEX order_lines_contact ON order_lines (tenant_id, contact_id);
-- A session in which no orders are taken for now; who wrote in it and whose question nobody answered, once it is over.
ALTER TABLE live_sessions ADD COLUMN paused_at TEXT;
ALTER TABLE live_sessions ADD COLUMN clients INTEGER;
ALTER TABLE live_sessions ADD COLUMN unanswered INTEGER;
CREATE INDEX live_sessions_newest ON live_sessions (tenant_id, opened_at);
