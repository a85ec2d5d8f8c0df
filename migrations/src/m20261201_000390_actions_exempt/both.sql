-- Whoever paid is let in, and whoever did not is let out, whatever the day has left.
DROP INDEX messages_out_duties;
CREATE INDEX messages_out_duties ON messages_out (tenant_id, channel_id, next_attempt_at, id)
  WHERE state = 'pending' AND kind IN ('opt_out_confirmation', 'help', 'action');
