-- What stays of an address whose person was erased and had said STOP: a hash of it with a key of the installation. Whoever
-- comes back under it is silent until they say START.
CREATE TABLE erased_addresses (
  tenant_id text COLLATE "C" NOT NULL,
  digest    text COLLATE "C" NOT NULL,
  scope     text NOT NULL CHECK (scope IN ('all', 'marketing')),
  source    text NOT NULL,
  said_at   timestamptz NOT NULL,
  erased_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, digest, scope)
);

-- Persons who are to be exported or erased, and how far that is. held_until: whoever works on it is believed to be alive so
-- long.
CREATE TABLE privacy_requests (
  id           text COLLATE "C" PRIMARY KEY,
  tenant_id    text COLLATE "C" NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('export', 'erase')),
  contact_id   text COLLATE "C" NOT NULL,
  state        text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
  requested_by text NOT NULL,
  language     text NOT NULL,
  progress     bigint NOT NULL DEFAULT 0,
  attempts     bigint NOT NULL DEFAULT 0,
  held_until   timestamptz,
  -- Of an export: its file's name in privacy.export_dir, how long it is, its SHA-256, until when it is kept.
  file         text,
  bytes        bigint,
  sha256       text,
  expires_at   timestamptz,
  -- JSON: what was done, in numbers.
  report       text NOT NULL DEFAULT '{}',
  error        text,
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL,
  finished_at  timestamptz
);
CREATE INDEX privacy_requests_tenant ON privacy_requests (tenant_id, id);
CREATE INDEX privacy_requests_open ON privacy_requests (id) WHERE state IN ('waiting', 'running');
CREATE INDEX privacy_requests_files ON privacy_requests (expires_at) WHERE file IS NOT NULL;

-- The ledger is append-only but for erasure: a row loses what names a person, and may then go.
CREATE FUNCTION palabre_ledger_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND OLD.address = '' THEN
    RETURN OLD;
  END IF;
  IF TG_OP = 'UPDATE' AND NEW.address = '' AND NEW.contact_id IS NULL AND NEW.evidence IS NULL
    AND (NEW.id, NEW.tenant_id, NEW.channel_id, NEW.what, NEW.source, NEW.scope, NEW.created_at)
      IS NOT DISTINCT FROM (OLD.id, OLD.tenant_id, OLD.channel_id, OLD.what, OLD.source, OLD.scope, OLD.created_at) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% are append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;
DROP TRIGGER consents_append_only ON consents;
CREATE TRIGGER consents_append_only BEFORE UPDATE OR DELETE ON consents
  FOR EACH ROW EXECUTE FUNCTION palabre_ledger_kept();
