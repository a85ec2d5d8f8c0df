-- What the contact may choose from: a JSON list.
ALTER TABLE messages_out ADD COLUMN choices TEXT;
