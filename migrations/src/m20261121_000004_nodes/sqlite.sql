-- The running daemon: on SQLite there is one at a time.
CREATE TABLE nodes (
  id         TEXT PRIMARY KEY,
  started_at TEXT NOT NULL,
  seen_at    TEXT NOT NULL
) WITHOUT ROWID;

-- What an installation has and nobody else knows: `secret`, with which addresses are hashed that leave for Redis.
CREATE TABLE installation (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
