-- When the last message of a conversation came or was written, and how many of the contact's nobody has read since. Both are
-- written with the turn, by the statement that writes the conversation anyway.
ALTER TABLE conversations ADD COLUMN last_message_at timestamptz, ADD COLUMN unread bigint NOT NULL DEFAULT 0;
UPDATE conversations SET last_message_at = coalesce(last_inbound_at, updated_at);
-- Lists show the newest first.
CREATE INDEX conversations_newest ON conversations (tenant_id, last_message_at, id);
