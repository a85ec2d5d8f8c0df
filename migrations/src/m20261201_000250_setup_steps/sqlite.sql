-- Steps of the set-up that somebody of the tenant went through, so that it goes on where it was left. What they said stands in the
-- tenant's file and in the tables of what it is about.
CREATE TABLE setup_steps (
  tenant_id    TEXT NOT NULL,
  step         TEXT NOT NULL,
  author       TEXT NOT NULL,
  confirmed_at TEXT NOT NULL,
  PRIMARY KEY (tenant_id, step)
) WITHOUT ROWID;
