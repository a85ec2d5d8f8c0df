-- Each condition is that of a small partial index.
CREATE OR REPLACE FUNCTION palabre_raise_low_watermark(today date) RETURNS void LANGUAGE plpgsql AS $$
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
        ('messages_out', 'state = ''deferred'' AND blocked_reason IS DISTINCT FROM ''budget'' AND blocked_reason IS DISTINCT FROM ''quiet_hours'' AND blocked_reason IS DISTINCT FROM ''scheduled'''),
        ('messages_out', 'state = ''deferred'' AND blocked_reason IN (''budget'', ''quiet_hours'', ''scheduled'')')) q (parent, is_open)
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
