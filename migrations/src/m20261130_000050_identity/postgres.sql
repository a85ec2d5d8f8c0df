-- Whom an address leads to, however it is spelled: today's number of a phone, without a scheme, or the whole address. Other
-- spellings of one number have one identity. The daemon computes it; what somebody inserts by hand without it, or a node of the
-- version before, gets the number as it is written there, and is checked by the daemon within seconds.
CREATE FUNCTION palabre_plain_identity(address text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN substr(address, 1, 10) = 'whatsapp:+' THEN substr(address, 10)
    WHEN substr(address, 1, 5) = 'sms:+' THEN substr(address, 5) ELSE address END
$$;
CREATE FUNCTION palabre_give_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.identity := palabre_plain_identity(NEW.address);
  RETURN NEW;
END
$$;
CREATE FUNCTION palabre_give_sender_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.identity := palabre_plain_identity(NEW."from");
  RETURN NEW;
END
$$;

ALTER TABLE messages_in ADD COLUMN identity text COLLATE "C";
ALTER TABLE contact_addresses ADD COLUMN identity text COLLATE "C", ADD COLUMN identity_checked boolean NOT NULL DEFAULT false,
  ADD COLUMN origin_contact_id text COLLATE "C";
ALTER TABLE opt_outs ADD COLUMN identity text COLLATE "C", ADD COLUMN identity_checked boolean NOT NULL DEFAULT false;

UPDATE messages_in SET identity = palabre_plain_identity("from") WHERE processed_at IS NULL;
UPDATE contact_addresses SET identity = palabre_plain_identity(address);
UPDATE opt_outs SET identity = palabre_plain_identity(address);

CREATE TRIGGER messages_in_identity_given BEFORE INSERT ON messages_in
  FOR EACH ROW WHEN (NEW.identity IS NULL AND NEW.processed_at IS NULL) EXECUTE FUNCTION palabre_give_sender_identity();
CREATE TRIGGER contact_addresses_identity_given BEFORE INSERT ON contact_addresses
  FOR EACH ROW WHEN (NEW.identity IS NULL) EXECUTE FUNCTION palabre_give_identity();
CREATE TRIGGER opt_outs_identity_given BEFORE INSERT ON opt_outs
  FOR EACH ROW WHEN (NEW.identity IS NULL) EXECUTE FUNCTION palabre_give_identity();

-- Nodes of the version before find what waits by its sender until they are gone; there is little of it.
DROP INDEX messages_in_waiting;
CREATE INDEX messages_in_waiting ON messages_in (tenant_id, channel_id, identity, id) WHERE processed_at IS NULL;
CREATE INDEX contact_addresses_identity ON contact_addresses (tenant_id, identity, contact_id);
CREATE INDEX contact_addresses_unchecked ON contact_addresses (tenant_id) WHERE NOT identity_checked;
CREATE INDEX opt_outs_identity ON opt_outs (tenant_id, identity);
CREATE INDEX opt_outs_unchecked ON opt_outs (tenant_id) WHERE NOT identity_checked;

-- Two contacts that turned out to be one person: merged_into is the one that goes on. origin_contact_id is whose an address or a
-- conversation was before, so that a merge can be taken back.
ALTER TABLE contacts ADD COLUMN merged_into text COLLATE "C", ADD COLUMN merged_at timestamptz;
ALTER TABLE conversations ADD COLUMN merged_into text COLLATE "C", ADD COLUMN origin_contact_id text COLLATE "C";
CREATE INDEX contacts_merged ON contacts (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX conversations_merged ON conversations (merged_into) WHERE merged_into IS NOT NULL;
-- A contact has one conversation on each channel that goes on, and may have merged ones beside it.
DROP INDEX conversations_contact;
CREATE UNIQUE INDEX conversations_contact ON conversations (tenant_id, contact_id, channel_id,
  (CASE WHEN merged_into IS NULL THEN '' ELSE id END));
ALTER INDEX conversations_contact ALTER COLUMN 4 SET STATISTICS 10;

-- A column that is added to a table of which few rows are sampled (ADR 0022) is sampled as little as the others.
DO $$
DECLARE
  late record;
BEGIN
  FOR late IN
    SELECT a.attrelid::regclass AS name, a.attname AS column
    FROM pg_attribute a
    WHERE a.attname IN ('identity', 'identity_checked', 'origin_contact_id', 'merged_into', 'merged_at')
      AND coalesce(a.attstattarget, -1) < 0
      AND a.attrelid IN (SELECT unnest(ARRAY['messages_in', 'contacts', 'contact_addresses', 'conversations']::regclass[])
        UNION ALL SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = 'messages_in'::regclass)
      AND EXISTS (SELECT 1 FROM pg_attribute b WHERE b.attrelid = a.attrelid AND b.attnum > 0 AND b.attstattarget = 10)
  LOOP
    EXECUTE format('ALTER TABLE ONLY %s ALTER COLUMN %I SET STATISTICS 10', late.name, late.column);
  END LOOP;
END
$$;
