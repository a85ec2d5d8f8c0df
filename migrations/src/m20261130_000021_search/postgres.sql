-- What searches and conversations' pages read. One node at a time fills it behind the messages (src/store/search), and all of
-- it can be made again from the messages: DELETE FROM search_messages, and UPDATE search_positions with empty texts.
CREATE TABLE search_positions (
  one                boolean PRIMARY KEY DEFAULT true CHECK (one),
  -- The newest message that was looked at, and up to where none can be missing: ids of a transaction that took long come late.
  inbound            text COLLATE "C" NOT NULL DEFAULT '',
  inbound_complete   text COLLATE "C" NOT NULL DEFAULT '',
  outbound           text COLLATE "C" NOT NULL DEFAULT '',
  outbound_complete  text COLLATE "C" NOT NULL DEFAULT '',
  contact            text COLLATE "C" NOT NULL DEFAULT ''
);
INSERT INTO search_positions DEFAULT VALUES;

-- seq is made of the id's time, so the order of numbers is the order of time. conversation_id is null while the message has
-- had no turn. words: folded, each behind a mark of its tenant, so that tenants share no list of the index.
CREATE TABLE search_messages (
  seq             bigint PRIMARY KEY,
  message_id      text COLLATE "C" NOT NULL,
  tenant_id       text COLLATE "C" NOT NULL,
  conversation_id text COLLATE "C",
  outbound        boolean NOT NULL,
  words           tsvector NOT NULL
);
CREATE INDEX search_messages_conversation ON search_messages (conversation_id, message_id);
CREATE INDEX search_messages_unplaced ON search_messages (seq) WHERE conversation_id IS NULL;
CREATE INDEX search_messages_words ON search_messages USING gin (words);

-- Every word of a tenant's messages once: what a misspelt word may have meant.
CREATE TABLE search_words (
  tenant_id text COLLATE "C" NOT NULL,
  word      text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, word)
);

-- Folded names, and the digits of addresses.
CREATE TABLE search_contacts (
  contact_id text COLLATE "C" PRIMARY KEY,
  tenant_id  text COLLATE "C" NOT NULL,
  text       text COLLATE "C" NOT NULL
);
CREATE INDEX search_contacts_tenant ON search_contacts (tenant_id);

-- Trigrams are an extension that the owner of a database may create where the server has its files. Without it, words that
-- are spelt right are found, and contacts by reading all of a tenant's.
DO $$
BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
  CREATE INDEX search_words_trigrams ON search_words USING gin (word gin_trgm_ops);
  CREATE INDEX search_contacts_trigrams ON search_contacts USING gin (text gin_trgm_ops);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
  RAISE NOTICE 'pg_trgm is not available: misspelt words are not found';
END
$$;
