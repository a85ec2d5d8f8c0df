-- What stays of an address whose person was erased and had said STOP: a hash of it with a key of the installation. Whoever
-- comes back under it is silent until they say START.
CREATE TABLE erased_addresses (
  tenant_id TEXT NOT NULL,
  digest    TEXT NOT NULL,
  scope     TEXT NOT NULL CHECK (scope IN ('all', 'marketing')),
  source    TEXT NOT NULL,
  said_at   TEXT NOT NULL,
  erased_at TEXT NOT NULL,
  PRIMARY KEY (tenant_id, digest, scope)
) WITHOUT ROWID;

-- Persons who are to be exported or erased, and how far that is. held_until: whoever works on it is believed to be alive so
-- long.
CREATE TABLE privacy_requests (
  id           TEXT PRIMARY KEY NOT NULL,
  tenant_id    TEXT NOT NULL,
  kind         TEXT NOT NULL CHECK (kind IN ('export', 'erase')),
  contact_id   TEXT NOT NULL,
  state        TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
  requested_by TEXT NOT NULL,
  language     TEXT NOT NULL,
  progress     INTEGER NOT NULL DEFAULT 0,
  attempts     INTEGER NOT NULL DEFAULT 0,
  held_until   TEXT,
  -- Of an export: its file's name in privacy.export_dir, how long it is, its SHA-256, until when it is kept.
  file         TEXT,
  bytes        INTEGER,
  sha256       TEXT,
  expires_at   TEXT,
  -- JSON: what was done, in numbers.
  report       TEXT NOT NULL DEFAULT '{}',
  error        TEXT,
  created_at   TEXT NOT NULL,
  updated_at   TEXT NOT NULL,
  finished_at  TEXT
);
CREATE INDEX privacy_requests_tenant ON privacy_requests (tenant_id, id);
CREATE INDEX privacy_requests_open ON privacy_requests (id) WHERE state IN ('waiting', 'running');
CREATE INDEX privacy_requests_files ON privacy_requests (expires_at) WHERE file IS NOT NULL;

-- The ledger is append-only but for erasure: a row loses what names a person, and may then go.
DROP TRIGGER consents_unchanged;
DROP TRIGGER consents_kept;
CREATE TRIGGER consents_unchanged BEFORE UPDATE ON consents
  WHEN NEW.address <> '' OR NEW.contact_id IS NOT NULL OR NEW.evidence IS NOT NULL OR NEW.id IS NOT OLD.id
    OR NEW.tenant_id IS NOT OLD.tenant_id OR NEW.channel_id IS NOT OLD.channel_id OR NEW.what IS NOT OLD.what
    OR NEW.source IS NOT OLD.source OR NEW.scope IS NOT OLD.scope OR NEW.created_at IS NOT OLD.created_at
  BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END;
CREATE TRIGGER consents_kept BEFORE DELETE ON consents WHEN OLD.address <> ''
  BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END;
