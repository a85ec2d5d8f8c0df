-- Two kinds of rows are deferred: those that wait for the contact, and those that wait for their tenant's budget. Each is
-- found without the other: a tenant that has spent everything may have a million of the second kind.
DROP INDEX messages_out_deferred;
CREATE INDEX messages_out_deferred ON messages_out (tenant_id, conversation_id, id)
  WHERE state = 'deferred' AND last_error IS DISTINCT FROM 'budget';
CREATE INDEX messages_out_held ON messages_out (tenant_id, next_attempt_at, id)
  WHERE state = 'deferred' AND last_error = 'budget';
CREATE INDEX messages_out_held_line ON messages_out (tenant_id, conversation_id, id)
  WHERE state = 'deferred' AND last_error = 'budget';

-- Until now they stood in line.
UPDATE messages_out SET next_attempt_at = updated_at WHERE state = 'pending' AND last_error = 'budget';
