-- Statistics are taken from 300 rows, each from a page of its own, for each unit of the columns' target: with the usual 100,
-- 30,000 pages are read at random. Those of a large table lie on the disk, and a disk that reads them has no time to write
-- the log: whoever waits for a commit waits for seconds. The daemon's statements have one plan each, whatever the
-- statistics say (ADR 0012); for those of operators a tenth is good enough.

-- Every table that grows, unless somebody gave one of its columns a target. A partition does not take this from its parent,
-- so it is called when months are made. Who vacuums a table by hand keeps it for as long: it has its turn the next time.
CREATE FUNCTION palabre_sample_little() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  wide record;
BEGIN
  PERFORM set_config('lock_timeout', '5s', true);
  FOR wide IN
    SELECT a.attrelid::regclass AS name, string_agg(format('ALTER COLUMN %I SET STATISTICS 10', a.attname), ', ') AS columns
    FROM unnest(ARRAY['messages_in', 'messages_out', 'event_log', 'messages_once', 'messages_asked', 'conversations', 'contacts',
        'contact_addresses', 'sessions', 'consents']::regclass[]) parent
    CROSS JOIN LATERAL (SELECT parent AS id UNION ALL SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = parent) t
    JOIN pg_attribute a ON a.attrelid = t.id AND a.attnum > 0 AND NOT a.attisdropped
    GROUP BY 1 HAVING max(coalesce(a.attstattarget, -1)) < 0
  LOOP
    BEGIN
      EXECUTE format('ALTER TABLE ONLY %s %s', wide.name, wide.columns);
    EXCEPTION WHEN lock_not_available THEN
      NULL;
    END;
  END LOOP;
END
$$;
