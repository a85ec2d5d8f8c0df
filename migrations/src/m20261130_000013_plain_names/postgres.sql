-- Tables get the names of what they hold.
ALTER TABLE channel_rests RENAME TO channel_notices;
ALTER INDEX channel_rests_pkey RENAME TO channel_notices_pkey;
ALTER TABLE reserves RENAME TO quota_leases;
ALTER INDEX reserves_pkey RENAME TO quota_leases_pkey;
ALTER INDEX reserves_wanted RENAME TO quota_leases_wanted;
ALTER TABLE horizon RENAME TO low_watermark;
ALTER INDEX horizon_pkey RENAME TO low_watermark_pkey;

-- No message with a smaller id is open: inbound that waits for its turn, outbound that waits for a sender, an answer or its
-- contact. The function raises it to the first open message of the months that ended at least two days before the given day
-- (nodes' clocks agree better than that), or to their end. A transaction that opens an old message again lowers it first and
-- keeps the row locked, so the function, which locks it too, sees that message. A small partial index answers each question.
CREATE FUNCTION palabre_raise_low_watermark(today date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  this_month text := to_char(today - 2, 'YYYY_MM');
  low_in text := palabre_first_id(date_trunc('month', (today - 2)::timestamp) AT TIME ZONE 'UTC');
  low_out text := low_in;
  question record;
  first_open text;
BEGIN
  PERFORM FROM low_watermark WHERE one FOR UPDATE;
  FOR question IN
    SELECT c.relname AS part, q.parent, q.is_open FROM (VALUES
        ('messages_in', 'processed_at IS NULL'),
        ('messages_out', 'state IN (''pending'', ''sending'', ''unknown'')'),
        ('messages_out', 'state = ''deferred'' AND last_error IS DISTINCT FROM ''budget'''),
        ('messages_out', 'state = ''deferred'' AND last_error = ''budget''')) q (parent, is_open)
      JOIN pg_inherits i ON i.inhparent = to_regclass(q.parent) JOIN pg_class c ON c.oid = i.inhrelid
      WHERE c.relname = q.parent || '_rest' OR c.relname < q.parent || '_' || this_month
  LOOP
    EXECUTE format('SELECT min(id) FROM %I WHERE %s', question.part, question.is_open) INTO first_open;
    IF question.parent = 'messages_in' THEN
      low_in := least(low_in, first_open);
    ELSE
      low_out := least(low_out, first_open);
    END IF;
  END LOOP;
  UPDATE low_watermark SET inbound = low_in, outbound = low_out WHERE one AND (inbound, outbound) IS DISTINCT FROM (low_in, low_out);
END
$$;

-- Nodes of the version before work on under the old names until they are restarted.
CREATE VIEW channel_rests AS SELECT * FROM channel_notices;
CREATE VIEW reserves AS SELECT * FROM quota_leases;
CREATE VIEW horizon AS SELECT * FROM low_watermark;
CREATE OR REPLACE FUNCTION palabre_raise_horizon(today date) RETURNS void LANGUAGE sql AS $$
  SELECT palabre_raise_low_watermark(today)
$$;
