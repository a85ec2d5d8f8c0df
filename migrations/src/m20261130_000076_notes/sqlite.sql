-- What people write about a conversation for each other. The author's name stands as it was then.
CREATE TABLE notes (
  id              TEXT PRIMARY KEY NOT NULL,
  tenant_id       TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  author          TEXT NOT NULL,
  author_name     TEXT NOT NULL,
  body            TEXT NOT NULL,
  created_at      TEXT NOT NULL
);
CREATE INDEX notes_conversation ON notes (tenant_id, conversation_id, id);

-- Answers that people write often, by a word.
CREATE TABLE canned_replies (
  id         TEXT PRIMARY KEY NOT NULL,
  tenant_id  TEXT NOT NULL,
  shortcut   TEXT NOT NULL,
  body       TEXT NOT NULL,
  author     TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE UNIQUE INDEX canned_replies_shortcut ON canned_replies (tenant_id, shortcut);

CREATE TABLE conversation_labels (
  tenant_id       TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  label           TEXT NOT NULL,
  created_at      TEXT NOT NULL,
  PRIMARY KEY (tenant_id, conversation_id, label)
) WITHOUT ROWID;
CREATE INDEX conversation_labels_label ON conversation_labels (tenant_id, label);
