-- Steps of the set-up that somebody of the tenant went through, so that it goes on where it was left. What they said stands in the
-- tenant's file and in the tables of what it is about.
CREATE TABLE setup_steps (
  tenant_id    text COLLATE "C" NOT NULL,
  step         text COLLATE "C" NOT NULL,
  author       text COLLATE "C" NOT NULL,
  confirmed_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, step)
);
