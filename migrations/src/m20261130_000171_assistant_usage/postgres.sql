-- What a tenant's assistant has cost on a day of the tenant's time zone, in millionths of its currency, with what is under way.
CREATE TABLE assistant_usage (
  tenant_id    text COLLATE "C" NOT NULL,
  day          text COLLATE "C" NOT NULL,
  spent_micros bigint NOT NULL,
  updated_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, day)
);
