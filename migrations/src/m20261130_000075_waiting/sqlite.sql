-- Since when a contact waits for a person: set by the turn that leaves a message of theirs unanswered while a person has the
-- conversation, cleared by the person's reply, the hand-back or the end. The turn's own statement writes it.
ALTER TABLE conversations ADD COLUMN waiting_since TEXT;
-- Out of the list until then, unless the contact writes: it was put aside at snoozed_at.
ALTER TABLE conversations ADD COLUMN snoozed_until TEXT;
ALTER TABLE conversations ADD COLUMN snoozed_at TEXT;
UPDATE conversations SET waiting_since = last_inbound_at WHERE handler = 'human' AND status <> 'resolved' AND unread > 0;
CREATE INDEX conversations_waiting ON conversations (tenant_id, waiting_since, id) WHERE waiting_since IS NOT NULL;
-- What people did with a conversation: few events are about a conversation itself, so few pay for this index.
CREATE INDEX event_log_conversation ON event_log (entity_id) WHERE entity_type = 'conversation';
