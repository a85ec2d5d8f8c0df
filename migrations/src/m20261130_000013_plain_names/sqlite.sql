-- The table gets the name of what it holds.
ALTER TABLE channel_rests RENAME TO channel_notices;
