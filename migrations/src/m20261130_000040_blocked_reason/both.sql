-- Why a message is not sent at the moment. `last_error` keeps what an attempt or the provider said.
ALTER TABLE messages_out ADD COLUMN blocked_reason text;

-- Deferred messages say why: each of these conditions is that of an index.
UPDATE messages_out SET blocked_reason = last_error, last_error = NULL
  WHERE state = 'deferred' AND last_error IS DISTINCT FROM 'budget';
UPDATE messages_out SET blocked_reason = last_error, last_error = NULL
  WHERE state = 'deferred' AND last_error = 'budget';
-- So do those that were put back without an attempt. All other reasons in these states are of attempts.
UPDATE messages_out SET blocked_reason = last_error, last_error = NULL
  WHERE state IN ('pending', 'sending', 'unknown') AND state <> 'unknown' AND last_error IN ('paced', 'per_day', 'paused',
    'suspended', 'breaker_open', 'breaker_half_open', 'pacing_unavailable', 'usage_unavailable', 'day_count_unavailable',
    'consent_unavailable', 'channel_not_configured', 'provider_unknown', 'fallback_window_closed', 'lease_short');

DROP INDEX messages_out_deferred;
DROP INDEX messages_out_held;
DROP INDEX messages_out_held_line;
CREATE INDEX messages_out_deferred ON messages_out (tenant_id, conversation_id, id)
  WHERE state = 'deferred' AND blocked_reason IS DISTINCT FROM 'budget';
CREATE INDEX messages_out_held ON messages_out (tenant_id, next_attempt_at, id)
  WHERE state = 'deferred' AND blocked_reason = 'budget';
CREATE INDEX messages_out_held_line ON messages_out (tenant_id, conversation_id, id)
  WHERE state = 'deferred' AND blocked_reason = 'budget';
