-- What a tenant's assistant has cost on a day of the tenant's time zone, in millionths of its currency, with what is under way.
CREATE TABLE assistant_usage (
  tenant_id    TEXT NOT NULL,
  day          TEXT NOT NULL,
  spent_micros INTEGER NOT NULL,
  updated_at   TEXT NOT NULL,
  PRIMARY KEY (tenant_id, day)
);
