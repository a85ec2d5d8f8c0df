-- When a chat is compared with the ledgers next, and when it was last.
ALTER TABLE access_chats ADD COLUMN next_audit_at TEXT;
ALTER TABLE access_chats ADD COLUMN audited_at TEXT;
-- What somebody was last seen to be in a paid chat.
CREATE TABLE chat_members (
  tenant_id  TEXT NOT NULL,
  chat_id    TEXT NOT NULL,
  address    TEXT NOT NULL,
  -- owner, administrator, member, outside or banned.
  membership TEXT NOT NULL,
  -- What the last comparison found: stranger, removed or missing; empty: as it should be.
  finding    TEXT,
  seen_at    TEXT NOT NULL,
  PRIMARY KEY (tenant_id, chat_id, address)
);
-- How far a bot's list of payments in Stars was read.
CREATE TABLE access_bots (
  tenant_id  TEXT NOT NULL,
  channel_id TEXT NOT NULL,
  read_up_to INTEGER NOT NULL DEFAULT 0,
  next_at    TEXT NOT NULL,
  PRIMARY KEY (tenant_id, channel_id)
);
