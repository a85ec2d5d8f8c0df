-- The people of the tenants and of the installation. A person without a password cannot sign in yet.
CREATE TABLE users (
  id              text COLLATE "C" PRIMARY KEY,
  email           text COLLATE "C" NOT NULL,
  name            text NOT NULL,
  language        text NOT NULL,
  password_hash   text,
  -- Base32. It counts once a first code was right.
  totp_secret     text,
  totp_enabled_at timestamptz,
  -- The time step of the last code that was taken: none is taken twice.
  totp_last_step  bigint NOT NULL DEFAULT 0,
  -- A JSON array of digests; a used one is gone.
  recovery_codes  text NOT NULL DEFAULT '[]',
  disabled_at     timestamptz,
  signed_in_at    timestamptz,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (email);

-- What a person is to a tenant; `*` stands for all of them.
CREATE TABLE memberships (
  tenant_id  text COLLATE "C" NOT NULL,
  user_id    text COLLATE "C" NOT NULL,
  role       text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);

-- Who is signed in. The cookie's digest is kept, not the cookie.
CREATE TABLE user_sessions (
  id         text COLLATE "C" PRIMARY KEY,
  user_id    text COLLATE "C" NOT NULL,
  digest     text COLLATE "C" NOT NULL,
  -- The tenant that is looked at.
  tenant_id  text COLLATE "C",
  -- `code`: the password was right, and the second factor is still asked for.
  stage      text NOT NULL CHECK (stage IN ('code', 'whole')),
  device     text NOT NULL,
  created_at timestamptz NOT NULL,
  seen_at    timestamptz NOT NULL,
  ends_at    timestamptz NOT NULL
);
CREATE UNIQUE INDEX user_sessions_digest ON user_sessions (digest);
CREATE INDEX user_sessions_user ON user_sessions (user_id);

-- Links that let a person choose a password, once; an invitation makes them a member when they accept it.
CREATE TABLE user_links (
  id         text COLLATE "C" PRIMARY KEY,
  user_id    text COLLATE "C" NOT NULL,
  purpose    text NOT NULL CHECK (purpose IN ('invitation', 'reset')),
  tenant_id  text COLLATE "C",
  role       text,
  digest     text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  ends_at    timestamptz NOT NULL
);
CREATE UNIQUE INDEX user_links_digest ON user_links (digest);
CREATE INDEX user_links_user ON user_links (user_id);
CREATE INDEX user_links_tenant ON user_links (tenant_id);

-- Keys of the API that were made in the console, beside those of the configuration.
CREATE TABLE api_keys (
  id         text COLLATE "C" PRIMARY KEY,
  tenant_id  text COLLATE "C" NOT NULL,
  -- Whose key it is; null: a program's.
  user_id    text COLLATE "C",
  name       text NOT NULL,
  digest     text COLLATE "C" NOT NULL,
  scopes     text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  used_at    timestamptz,
  ends_at    timestamptz,
  revoked_at timestamptz
);
CREATE UNIQUE INDEX api_keys_digest ON api_keys (digest);
CREATE INDEX api_keys_tenant ON api_keys (tenant_id, id);

-- What people and keys did. Rows are only appended; each hash covers the row and the hash before it. An empty tenant is the
-- installation.
CREATE TABLE audit_log (
  id             text COLLATE "C" PRIMARY KEY,
  tenant_id      text COLLATE "C" NOT NULL,
  position       bigint NOT NULL,
  actor          text NOT NULL,
  action         text NOT NULL,
  entity_type    text NOT NULL,
  entity_id      text COLLATE "C" NOT NULL,
  correlation_id text COLLATE "C" NOT NULL,
  at             timestamptz NOT NULL,
  metadata       text NOT NULL DEFAULT '{}',
  hash           text NOT NULL
);
CREATE UNIQUE INDEX audit_log_chain ON audit_log (tenant_id, position);

-- The end of each tenant's chain, and where it begins since older rows were deleted: the first position that is kept, and the
-- hash before it.
CREATE TABLE audit_heads (
  tenant_id  text COLLATE "C" PRIMARY KEY,
  position   bigint NOT NULL,
  hash       text NOT NULL,
  kept_from  bigint NOT NULL DEFAULT 1,
  kept_after text NOT NULL DEFAULT ''
);
