-- When a chat is compared with the ledgers next, and when it was last.
ALTER TABLE access_chats
  ADD COLUMN next_audit_at timestamptz,
  ADD COLUMN audited_at    timestamptz;
-- What somebody was last seen to be in a paid chat.
CREATE TABLE chat_members (
  tenant_id  text COLLATE "C" NOT NULL,
  chat_id    text COLLATE "C" NOT NULL,
  address    text COLLATE "C" NOT NULL,
  -- owner, administrator, member, outside or banned.
  membership text NOT NULL,
  -- What the last comparison found: stranger, removed or missing; empty: as it should be.
  finding    text,
  seen_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, chat_id, address)
);
-- How far a bot's list of payments in Stars was read.
CREATE TABLE access_bots (
  tenant_id  text COLLATE "C" NOT NULL,
  channel_id text COLLATE "C" NOT NULL,
  read_up_to bigint NOT NULL DEFAULT 0,
  next_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, channel_id)
);
