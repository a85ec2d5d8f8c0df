-- The people of the tenants and of the installation. A person without a password cannot sign in yet.
CREATE TABLE users (
  id              TEXT PRIMARY KEY NOT NULL,
  email           TEXT NOT NULL,
  name            TEXT NOT NULL,
  language        TEXT NOT NULL,
  password_hash   TEXT,
  -- Base32. It counts once a first code was right.
  totp_secret     TEXT,
  totp_enabled_at TEXT,
  -- The time step of the last code that was taken: none is taken twice.
  totp_last_step  INTEGER NOT NULL DEFAULT 0,
  -- A JSON array of digests; a used one is gone.
  recovery_codes  TEXT NOT NULL DEFAULT '[]',
  disabled_at     TEXT,
  signed_in_at    TEXT,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (email);

-- What a person is to a tenant; `*` stands for all of them.
CREATE TABLE memberships (
  tenant_id  TEXT NOT NULL,
  user_id    TEXT NOT NULL,
  role       TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (tenant_id, user_id)
) WITHOUT ROWID;
CREATE INDEX memberships_user ON memberships (user_id);

-- Who is signed in. The cookie's digest is kept, not the cookie.
CREATE TABLE user_sessions (
  id         TEXT PRIMARY KEY NOT NULL,
  user_id    TEXT NOT NULL,
  digest     TEXT NOT NULL,
  -- The tenant that is looked at.
  tenant_id  TEXT,
  -- `code`: the password was right, and the second factor is still asked for.
  stage      TEXT NOT NULL CHECK (stage IN ('code', 'whole')),
  device     TEXT NOT NULL,
  created_at TEXT NOT NULL,
  seen_at    TEXT NOT NULL,
  ends_at    TEXT NOT NULL
);
CREATE UNIQUE INDEX user_sessions_digest ON user_sessions (digest);
CREATE INDEX user_sessions_user ON user_sessions (user_id);

-- Links that let a person choose a password, once; an invitation makes them a member when they accept it.
CREATE TABLE user_links (
  id         TEXT PRIMARY KEY NOT NULL,
  user_id    TEXT NOT NULL,
  purpose    TEXT NOT NULL CHECK (purpose IN ('invitation', 'reset')),
  tenant_id  TEXT,
  role       TEXT,
  digest     TEXT NOT NULL,
  created_at TEXT NOT NULL,
  ends_at    TEXT NOT NULL
);
CREATE UNIQUE INDEX user_links_digest ON user_links (digest);
CREATE INDEX user_links_user ON user_links (user_id);
CREATE INDEX user_links_tenant ON user_links (tenant_id);

-- Keys of the API that were made in the console, beside those of the configuration.
CREATE TABLE api_keys (
  id         TEXT PRIMARY KEY NOT NULL,
  tenant_id  TEXT NOT NULL,
  -- Whose key it is; null: a program's.
  user_id    TEXT,
  name       TEXT NOT NULL,
  digest     TEXT NOT NULL,
  scopes     TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at TEXT NOT NULL,
  used_at    TEXT,
  ends_at    TEXT,
  revoked_at TEXT
);
CREATE UNIQUE INDEX api_keys_digest ON api_keys (digest);
CREATE INDEX api_keys_tenant ON api_keys (tenant_id, id);

-- What people and keys did. Rows are only appended; each hash covers the row and the hash before it. An empty tenant is the
-- installation.
CREATE TABLE audit_log (
  id             TEXT PRIMARY KEY NOT NULL,
  tenant_id      TEXT NOT NULL,
  position       INTEGER NOT NULL,
  actor          TEXT NOT NULL,
  action         TEXT NOT NULL,
  entity_type    TEXT NOT NULL,
  entity_id      TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  at             TEXT NOT NULL,
  metadata       TEXT NOT NULL DEFAULT '{}',
  hash           TEXT NOT NULL
);
CREATE UNIQUE INDEX audit_log_chain ON audit_log (tenant_id, position);

-- The end of each tenant's chain, and where it begins since older rows were deleted: the first position that is kept, and the
-- hash before it.
CREATE TABLE audit_heads (
  tenant_id  TEXT PRIMARY KEY NOT NULL,
  position   INTEGER NOT NULL,
  hash       TEXT NOT NULL,
  kept_from  INTEGER NOT NULL DEFAULT 1,
  kept_after TEXT NOT NULL DEFAULT ''
);
