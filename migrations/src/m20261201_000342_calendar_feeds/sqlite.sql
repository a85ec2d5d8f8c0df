-- Busy times of resources, as their other calendars said last. source names the calendar without its address; busy is a list of pairs of Unix times.
CREATE TABLE calendar_feeds (
  tenant_id     TEXT NOT NULL,
  source        TEXT NOT NULL,
  resource      TEXT NOT NULL,
  busy          TEXT NOT NULL,
  attempts      INTEGER NOT NULL,
  last_error    TEXT,
  fetched_at    TEXT,
  next_fetch_at TEXT NOT NULL,
  PRIMARY KEY (tenant_id, source)
);
