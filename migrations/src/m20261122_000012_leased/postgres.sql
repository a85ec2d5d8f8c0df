-- What senders are at. By the end of its lease, as it was, each entry came behind all before it, and those of messages that are
-- sent stayed until the next vacuum, which comes the later the larger the table is: whoever looked for what is left of them
-- read thousands of pages of nothing. Spread by the last digits of the id, entries come where dead ones were, which whoever
-- looks marks as such: the index stays as small as what is sent within seconds.
-- Nobody writes while the tables are read for it, but who reads is not kept from them until the old one goes.
SET LOCAL statement_timeout = 0;
CREATE INDEX messages_out_leased_by_id ON messages_out (tenant_id, (right(id, 4))) WHERE state = 'sending';
DROP INDEX messages_out_leased;
ALTER INDEX messages_out_leased_by_id RENAME TO messages_out_leased;
