-- Whom an address leads to, however it is spelled: today's number of a phone, without a scheme, or the whole address. Other
-- spellings of one number have one identity. The daemon computes it; what somebody inserts by hand without it gets the number
-- as it is written there, and is checked by the daemon within seconds.
ALTER TABLE messages_in ADD COLUMN identity TEXT;
ALTER TABLE contact_addresses ADD COLUMN identity TEXT;
ALTER TABLE contact_addresses ADD COLUMN identity_checked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE opt_outs ADD COLUMN identity TEXT;
ALTER TABLE opt_outs ADD COLUMN identity_checked INTEGER NOT NULL DEFAULT 0;

UPDATE messages_in SET identity = CASE WHEN substr("from", 1, 10) = 'whatsapp:+' THEN substr("from", 10)
    WHEN substr("from", 1, 5) = 'sms:+' THEN substr("from", 5) ELSE "from" END WHERE processed_at IS NULL;
UPDATE contact_addresses SET identity = CASE WHEN substr(address, 1, 10) = 'whatsapp:+' THEN substr(address, 10)
    WHEN substr(address, 1, 5) = 'sms:+' THEN substr(address, 5) ELSE address END;
UPDATE opt_outs SET identity = CASE WHEN substr(address, 1, 10) = 'whatsapp:+' THEN substr(address, 10)
    WHEN substr(address, 1, 5) = 'sms:+' THEN substr(address, 5) ELSE address END;

CREATE TRIGGER contact_addresses_identity_given AFTER INSERT ON contact_addresses WHEN NEW.identity IS NULL BEGIN
  UPDATE contact_addresses SET identity = CASE WHEN substr(address, 1, 10) = 'whatsapp:+' THEN substr(address, 10)
    WHEN substr(address, 1, 5) = 'sms:+' THEN substr(address, 5) ELSE address END
    WHERE tenant_id = NEW.tenant_id AND address = NEW.address;
END;
CREATE TRIGGER opt_outs_identity_given AFTER INSERT ON opt_outs WHEN NEW.identity IS NULL BEGIN
  UPDATE opt_outs SET identity = CASE WHEN substr(address, 1, 10) = 'whatsapp:+' THEN substr(address, 10)
    WHEN substr(address, 1, 5) = 'sms:+' THEN substr(address, 5) ELSE address END
    WHERE tenant_id = NEW.tenant_id AND address = NEW.address;
END;

DROP INDEX messages_in_waiting;
CREATE INDEX messages_in_waiting ON messages_in (tenant_id, id, channel_id, identity) WHERE processed_at IS NULL;
CREATE INDEX contact_addresses_identity ON contact_addresses (tenant_id, identity, contact_id);
CREATE INDEX contact_addresses_unchecked ON contact_addresses (tenant_id) WHERE identity_checked = 0;
CREATE INDEX opt_outs_identity ON opt_outs (tenant_id, identity);
CREATE INDEX opt_outs_unchecked ON opt_outs (tenant_id) WHERE identity_checked = 0;

-- Two contacts that turned out to be one person: merged_into is the one that goes on. origin_contact_id is whose an address or a
-- conversation was before, so that a merge can be taken back.
ALTER TABLE contacts ADD COLUMN merged_into TEXT;
ALTER TABLE contacts ADD COLUMN merged_at TEXT;
ALTER TABLE contact_addresses ADD COLUMN origin_contact_id TEXT;
ALTER TABLE conversations ADD COLUMN merged_into TEXT;
ALTER TABLE conversations ADD COLUMN origin_contact_id TEXT;
CREATE INDEX contacts_merged ON contacts (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX conversations_merged ON conversations (merged_into) WHERE merged_into IS NOT NULL;
-- A contact has one conversation on each channel that goes on, and may have merged ones beside it.
DROP INDEX conversations_contact;
CREATE UNIQUE INDEX conversations_contact ON conversations (tenant_id, contact_id, channel_id,
  (CASE WHEN merged_into IS NULL THEN '' ELSE id END));
