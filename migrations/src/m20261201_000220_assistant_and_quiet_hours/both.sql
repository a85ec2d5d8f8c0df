
-- Advertising that waits for the morning (`quiet_hours`) leaves its conversation's queue as what a budget holds does.
DROP INDEX messages_out_deferred;
DROP INDEX messages_out_held;
DROP INDEX messages_out_held_line;
CREATE INDEX messages_out_deferred ON messages_out (tenant_id, conversation_id, id)
  WHERE state = 'deferred' AND blocked_reason IS DISTINCT FROM 'budget' AND blocked_reason IS DISTINCT FROM 'quiet_hours';
CREATE INDEX messages_out_held ON messages_out (tenant_id, next_attempt_at, id)
  WHERE state = 'deferred' AND blocked_reason IN ('budget', 'quiet_hours');
CREATE INDEX messages_out_held_line ON messages_out (tenant_id, conversation_id, id)
  WHERE state = 'deferred' AND blocked_reason IN ('budget', 'quiet_hours');
