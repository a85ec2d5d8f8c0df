-- A message with `send_at` (`scheduled`) stays outside its conversation's queue until then, as what waits for the morning does.
DROP INDEX messages_out_deferred;
DROP INDEX messages_out_held;
DROP INDEX messages_out_held_line;
CREATE INDEX messages_out_deferred ON messages_out (tenant_id, conversation_id, id)
  WHERE state = 'deferred' AND blocked_reason IS DISTINCT FROM 'budget' AND blocked_reason IS DISTINCT FROM 'quiet_hours'
    AND blocked_reason IS DISTINCT FROM 'scheduled';
CREATE INDEX messages_out_held ON messages_out (tenant_id, next_attempt_at, id)
  WHERE state = 'deferred' AND blocked_reason IN ('budget', 'quiet_hours', 'scheduled');
CREATE INDEX messages_out_held_line ON messages_out (tenant_id, conversation_id, id)
  WHERE state = 'deferred' AND blocked_reason IN ('budget', 'quiet_hours', 'scheduled');
