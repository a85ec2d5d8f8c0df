-- What people write about a conversation for each other. The author's name stands as it was then.
CREATE TABLE notes (
  id              text COLLATE "C" PRIMARY KEY,
  tenant_id       text COLLATE "C" NOT NULL,
  conversation_id text COLLATE "C" NOT NULL,
  author          text COLLATE "C" NOT NULL,
  author_name     text NOT NULL,
  body            text NOT NULL,
  created_at      timestamptz NOT NULL
);
CREATE INDEX notes_conversation ON notes (tenant_id, conversation_id, id);

-- Answers that people write often, by a word.
CREATE TABLE canned_replies (
  id         text COLLATE "C" PRIMARY KEY,
  tenant_id  text COLLATE "C" NOT NULL,
  shortcut   text COLLATE "C" NOT NULL,
  body       text NOT NULL,
  author     text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX canned_replies_shortcut ON canned_replies (tenant_id, shortcut);

CREATE TABLE conversation_labels (
  tenant_id       text COLLATE "C" NOT NULL,
  conversation_id text COLLATE "C" NOT NULL,
  label           text COLLATE "C" NOT NULL,
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, conversation_id, label)
);
CREATE INDEX conversation_labels_label ON conversation_labels (tenant_id, label);
