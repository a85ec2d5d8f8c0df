-- What failed and waits for another attempt goes by another channel when its own has shut: found among a million that wait
-- for anything else.
CREATE INDEX messages_out_failing ON messages_out (tenant_id, channel_id, next_attempt_at, id)
  WHERE state = 'pending' AND behind = 0 AND attempts > attempts_before;
