-- Running daemons, and when each was last seen, by this server's clock.
CREATE TABLE nodes (
  id         text COLLATE "C" PRIMARY KEY,
  started_at timestamptz NOT NULL,
  seen_at    timestamptz NOT NULL
);

-- What the nodes have in common and nobody else knows: `secret`, with which addresses are hashed that leave for Redis.
CREATE TABLE installation (
  name  text COLLATE "C" PRIMARY KEY,
  value text NOT NULL
);
