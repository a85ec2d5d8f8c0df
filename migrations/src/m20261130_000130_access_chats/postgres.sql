-- When the invoice in Stars was sent, where the last payment is receipted, and where what is open is paid.
ALTER TABLE subscriptions
  ADD COLUMN invoiced_at timestamptz,
  ADD COLUMN receipt_url text,
  ADD COLUMN pay_url     text;
UPDATE subscriptions SET invoiced_at = created_at, provider_customer_id = NULL WHERE provider_customer_id = 'invoiced';
-- How it stands with each paid chat.
CREATE TABLE access_chats (
  tenant_id   text COLLATE "C" NOT NULL,
  chat_id     text COLLATE "C" NOT NULL,
  -- Since when the bot can let nobody in or out; empty: it can.
  stuck_since timestamptz,
  -- When it could again: what failed before is asked for at once.
  mended_at   timestamptz,
  PRIMARY KEY (tenant_id, chat_id)
);
