-- Statistics are taken from 300 rows, each from a page of its own, for each unit of the columns' target: with the usual 100,
-- 30,000 pages are read at random. Those of a large table lie on the disk, and a disk that reads them has no time to write
-- the log: whoever waits for a commit waits for seconds. The daemon's statements have one plan each, whatever the
-- statistics say (ADR 0012); for those of operators a tenth is good enough.

CREATE FUNCTION palabre_sample_little(wide regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  columns text;
BEGIN
  SELECT string_agg(format('ALTER COLUMN %I SET STATISTICS 10', attname), ', ') INTO columns FROM pg_attribute
    WHERE attrelid = wide AND attnum > 0 AND NOT attisdropped;
  -- With its partitions, where it has any.
  EXECUTE format('ALTER TABLE %s %s', wide, columns);
END
$$;

SELECT palabre_sample_little(wide) FROM unnest(ARRAY['messages_in', 'messages_out', 'event_log', 'messages_once']::regclass[]) wide;

-- As before, and a new month does not take this from its parent.
CREATE OR REPLACE FUNCTION palabre_make_month(month date) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  since timestamptz := date_trunc('month', month::timestamp) AT TIME ZONE 'UTC';
  till timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
  suffix text := to_char(month, 'YYYY_MM');
  made integer := 0;
  parent text;
BEGIN
  FOREACH parent IN ARRAY ARRAY['messages_in', 'messages_out', 'event_log'] LOOP
    CONTINUE WHEN to_regclass(format('%I', parent || '_' || suffix)) IS NOT NULL;
    BEGIN
      IF parent = 'event_log' THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', parent || '_' || suffix, parent,
          since, till);
      ELSE
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', parent || '_' || suffix, parent,
          palabre_first_id(since), palabre_first_id(till));
      END IF;
      PERFORM palabre_sample_little(format('%I', parent || '_' || suffix)::regclass);
      made := made + 1;
    EXCEPTION WHEN check_violation OR duplicate_table THEN
      -- Rows of that month stand in the default partition; or another node was faster.
      NULL;
    END;
  END LOOP;
  RETURN made;
END
$$;
