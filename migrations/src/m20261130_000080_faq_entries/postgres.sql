-- Questions with known answers, beside those of the tenants' files. A row inserted by hand counts within seconds.
-- `keywords` and `about` hold one word or phrase a line, or several between commas.
CREATE TABLE faq_entries (
  id         text COLLATE "C" PRIMARY KEY DEFAULT gen_random_uuid()::text,
  tenant_id  text COLLATE "C" NOT NULL,
  question   text NOT NULL,
  keywords   text NOT NULL DEFAULT '',
  about      text NOT NULL DEFAULT '',
  answer     text NOT NULL,
  language   text,
  enabled    boolean NOT NULL DEFAULT true,
  source     text NOT NULL DEFAULT 'hand',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX faq_entries_tenant ON faq_entries (tenant_id, id);
-- What the bot remembers of a conversation between two messages (a menu it offered, what it said once): JSON.
ALTER TABLE conversations ADD COLUMN memory text;
