-- Busy times of resources, as their other calendars said last. source names the calendar without its address; busy is a list of pairs of Unix times.
CREATE TABLE calendar_feeds (
  tenant_id     text COLLATE "C" NOT NULL,
  source        text COLLATE "C" NOT NULL,
  resource      text NOT NULL,
  busy          text NOT NULL,
  attempts      bigint NOT NULL,
  last_error    text,
  fetched_at    timestamptz,
  next_fetch_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, source)
);
