-- What a tenant's day adds up to, in the tenant's time zone. Made again from the messages whenever it is asked for while it can
-- still change; what is older stays as it was made.
CREATE TABLE daily_figures (
  tenant_id text COLLATE "C" NOT NULL,
  day       text COLLATE "C" NOT NULL,
  figures   text NOT NULL,
  made_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, day)
);
