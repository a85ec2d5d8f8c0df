-- Ids of messages that were deleted. A webhook that is sent again after that is known as old (I2).
CREATE TABLE messages_deleted (
  tenant_id           TEXT NOT NULL,
  channel_id          TEXT NOT NULL,
  provider_message_id TEXT NOT NULL,
  id                  TEXT NOT NULL,
  correlation_id      TEXT NOT NULL,
  PRIMARY KEY (tenant_id, channel_id, provider_message_id)
) WITHOUT ROWID;

-- Whoever deletes a message: retention, an erasure, a hand.
CREATE TRIGGER messages_in_deleted AFTER DELETE ON messages_in BEGIN
  INSERT OR IGNORE INTO messages_deleted (tenant_id, channel_id, provider_message_id, id, correlation_id)
    VALUES (old.tenant_id, old.channel_id, old.provider_message_id, old.id, old.correlation_id);
END;

-- One row is passed over; the others of the same statement are inserted.
CREATE TRIGGER messages_in_known BEFORE INSERT ON messages_in
WHEN EXISTS (SELECT 1 FROM messages_deleted d WHERE d.tenant_id = new.tenant_id AND d.channel_id = new.channel_id
  AND d.provider_message_id = new.provider_message_id)
BEGIN
  SELECT RAISE(IGNORE);
END;

-- What PostgreSQL has as the table `messages_once`: a move reads it.
CREATE VIEW messages_known AS
  SELECT tenant_id, channel_id, provider_message_id, id, correlation_id FROM messages_in
  UNION ALL SELECT tenant_id, channel_id, provider_message_id, id, correlation_id FROM messages_deleted;
