-- When a purchase was last moved to another account.
ALTER TABLE subscriptions ADD COLUMN moved_at TEXT;
-- The id that a chat has now: it became a supergroup.
ALTER TABLE access_chats ADD COLUMN migrated_to TEXT;
