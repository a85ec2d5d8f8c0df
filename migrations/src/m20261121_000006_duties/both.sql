-- The confirmation of a STOP and the answer to HELP go whatever the day has left, wherever they stand in their line. Few
-- wait at a time.
CREATE INDEX messages_out_duties ON messages_out (tenant_id, channel_id, next_attempt_at, id)
  WHERE state = 'pending' AND kind IN ('opt_out_confirmation', 'help');
