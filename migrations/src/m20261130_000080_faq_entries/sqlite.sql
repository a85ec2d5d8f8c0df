-- Questions with known answers, beside those of the tenants' files. A row inserted by hand counts within seconds.
-- `keywords` and `about` hold one word or phrase a line, or several between commas.
CREATE TABLE faq_entries (
  id         TEXT PRIMARY KEY NOT NULL DEFAULT (lower(hex(randomblob(16)))),
  tenant_id  TEXT NOT NULL,
  question   TEXT NOT NULL,
  keywords   TEXT NOT NULL DEFAULT '',
  about      TEXT NOT NULL DEFAULT '',
  answer     TEXT NOT NULL,
  language   TEXT,
  enabled    INTEGER NOT NULL DEFAULT 1,
  source     TEXT NOT NULL DEFAULT 'hand',
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
);
CREATE INDEX faq_entries_tenant ON faq_entries (tenant_id, id);
-- What the bot remembers of a conversation between two messages (a menu it offered, what it said once): JSON.
ALTER TABLE conversations ADD COLUMN memory TEXT;
