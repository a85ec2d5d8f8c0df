-- Who wrote an entry: `user:…`, `key:…` or `command-line`. Null: by hand, or before this was kept.
ALTER TABLE faq_entries ADD COLUMN author text;
