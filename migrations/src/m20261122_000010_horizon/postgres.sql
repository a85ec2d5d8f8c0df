-- No message with a smaller id is open: waits for its turn (inbound), for a sender, an answer or its contact (outbound). What
-- looks for open messages of a conversation looks no further back, and the months before it cost nothing.
CREATE TABLE horizon (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  inbound text COLLATE "C" NOT NULL DEFAULT '',
  outbound text COLLATE "C" NOT NULL DEFAULT ''
);
INSERT INTO horizon DEFAULT VALUES;

-- Moves it to the first message that is open of the months that ended two days before this day at least (nodes' clocks agree
-- better than that), or to their end. Whoever opens an old message again moves it back first, and the row is locked until
-- then: so what is looked for here is looked for after that. Each question is what a small partial index holds.
CREATE FUNCTION palabre_raise_horizon(today date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  this_month text := to_char(today - 2, 'YYYY_MM');
  low_in text := palabre_first_id(date_trunc('month', (today - 2)::timestamp) AT TIME ZONE 'UTC');
  low_out text := low_in;
  question record;
  first_open text;
BEGIN
  PERFORM FROM horizon WHERE one FOR UPDATE;
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
  UPDATE horizon SET inbound = low_in, outbound = low_out WHERE one AND (inbound, outbound) IS DISTINCT FROM (low_in, low_out);
END
$$;
