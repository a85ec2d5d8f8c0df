-- What a row of the ledger is about: every message, or marketing alone. What is said of marketing is read from the ledger, newest row
-- first; opt_outs is about every message, as before.
ALTER TABLE consents ADD COLUMN scope text NOT NULL DEFAULT 'all' CHECK (scope IN ('all', 'marketing'));
