//! Every SQL text of the search index in SQLite's words. The index is a file of its own; what is read of the messages themselves
//! goes to the database.

/// The tables of the file. `search_text` keeps no texts: its rows are the numbers of `search_messages`. `search_trigrams` and
/// `search_contact_text` find what stands in `search_words` and `search_contacts`, and triggers keep them the same.
pub(in crate::store) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS search_positions (
  one      INTEGER PRIMARY KEY CHECK (one = 1),
  inbound  TEXT NOT NULL DEFAULT '0',
  outbound TEXT NOT NULL DEFAULT '0',
  contact  TEXT NOT NULL DEFAULT ''
);
INSERT OR IGNORE INTO search_positions (one) VALUES (1);
CREATE TABLE IF NOT EXISTS search_messages (
  seq             INTEGER PRIMARY KEY,
  message_id      TEXT NOT NULL,
  tenant_id       TEXT NOT NULL,
  conversation_id TEXT,
  outbound        INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS search_messages_conversation ON search_messages (conversation_id, message_id);
CREATE INDEX IF NOT EXISTS search_messages_unplaced ON search_messages (seq) WHERE conversation_id IS NULL;
CREATE VIRTUAL TABLE IF NOT EXISTS search_text USING fts5 (
  words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
CREATE TABLE IF NOT EXISTS search_words (
  number    INTEGER PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  word      TEXT NOT NULL,
  UNIQUE (tenant_id, word)
);
CREATE VIRTUAL TABLE IF NOT EXISTS search_trigrams USING fts5 (
  word, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1'
);
CREATE TRIGGER IF NOT EXISTS search_words_added AFTER INSERT ON search_words BEGIN
  INSERT INTO search_trigrams (rowid, word) VALUES (new.number, ' ' || new.word || ' ');
END;
CREATE TRIGGER IF NOT EXISTS search_words_removed AFTER DELETE ON search_words BEGIN
  DELETE FROM search_trigrams WHERE rowid = old.number;
END;
CREATE TABLE IF NOT EXISTS search_contacts (
  number     INTEGER PRIMARY KEY,
  contact_id TEXT NOT NULL UNIQUE,
  tenant_id  TEXT NOT NULL,
  text       TEXT NOT NULL
);
CREATE VIRTUAL TABLE IF NOT EXISTS search_contact_text USING fts5 (
  text, content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1'
);
CREATE TRIGGER IF NOT EXISTS search_contacts_added AFTER INSERT ON search_contacts BEGIN
  INSERT INTO search_contact_text (rowid, text) VALUES (new.number, new.text);
END;
CREATE TRIGGER IF NOT EXISTS search_contacts_changed AFTER UPDATE OF text ON search_contacts BEGIN
  DELETE FROM search_contact_text WHERE rowid = old.number;
  INSERT INTO search_contact_text (rowid, text) VALUES (new.number, new.text);
END;
CREATE TRIGGER IF NOT EXISTS search_contacts_removed AFTER DELETE ON search_contacts BEGIN
  DELETE FROM search_contact_text WHERE rowid = old.number;
END;
";

/// There is one daemon.
pub(in crate::store) const TAKE: &str = "SELECT 1";

pub(in crate::store) const TRIGRAMS: &str = "SELECT 1";

/// Inbound, outbound, contact, and the first two again: rows are appended in the order in which they are committed.
pub(in crate::store) const POSITIONS: &str =
    "SELECT inbound, outbound, contact, inbound, outbound FROM search_positions";

/// Inbound, outbound, contact; PostgreSQL has two more.
pub(in crate::store) const KEEP_POSITIONS: &str = "UPDATE search_positions SET inbound = ?1, outbound = ?2, \
    contact = ?3 WHERE ?4 IS NOT NULL AND ?5 IS NOT NULL";

/// Rows of one table of messages after a position. A position that no row has is another file's: the index starts over.
macro_rules! after {
    ($table:literal) => {
        concat!(
            "SELECT CAST(rowid AS TEXT), id, tenant_id, conversation_id, body FROM ",
            $table,
            " NOT INDEXED WHERE rowid > CASE WHEN CAST(?1 AS INTEGER) > (SELECT coalesce(max(rowid), 0) FROM ",
            $table,
            ") THEN 0 ELSE CAST(?1 AS INTEGER) END ORDER BY rowid LIMIT ?2"
        )
    };
}

/// Position, how many: position, id, tenant, conversation or null, text.
pub(in crate::store) const INBOUND_AFTER: &str = after!("messages_in");
pub(in crate::store) const OUTBOUND_AFTER: &str = after!("messages_out");

/// Ids do not come late.
pub(in crate::store) const INBOUND_LATE: &str = "";
pub(in crate::store) const OUTBOUND_LATE: &str = "";

/// `[id, …]`: as `INBOUND_AFTER`.
pub(in crate::store) const INBOUND_DOCUMENTS: &str = "SELECT m.id, m.id, m.tenant_id, m.conversation_id, m.body \
    FROM json_each(+?1) j CROSS JOIN messages_in m ON m.id = j.value";
pub(in crate::store) const OUTBOUND_DOCUMENTS: &str = "SELECT m.id, m.id, m.tenant_id, m.conversation_id, m.body \
    FROM json_each(+?1) j CROSS JOIN messages_out m ON m.id = j.value";

/// `[[sequence, id], …]`: those that the index has.
pub(in crate::store) const KNOWN: &str = "SELECT m.message_id FROM jsonb_each(+?1) j \
    CROSS JOIN search_messages m ON m.seq BETWEEN j.value->>0 AND (j.value->>0) + 4095 WHERE m.message_id = j.value->>1";

/// `[[sequence, id], …]`: the numbers of those that the index has.
pub(in crate::store) const NUMBERS: &str = "SELECT m.seq FROM jsonb_each(+?1) j \
    CROSS JOIN search_messages m ON m.seq BETWEEN j.value->>0 AND (j.value->>0) + 4095 WHERE m.message_id = j.value->>1";

/// `[sequence, …]`: the last number in use of those that may follow each.
pub(in crate::store) const IN_USE: &str = "SELECT CAST(j.value AS INTEGER), max(m.seq) FROM json_each(+?1) j \
    CROSS JOIN search_messages m ON m.seq BETWEEN CAST(j.value AS INTEGER) AND CAST(j.value AS INTEGER) + 4095 \
    GROUP BY 1";

/// `[[number, id, tenant, conversation or null, outbound, words], …]`
pub(in crate::store) const ADD: &str = "INSERT INTO search_messages (seq, message_id, tenant_id, conversation_id, outbound) \
    SELECT j.value->>0, j.value->>1, j.value->>2, j.value->>3, j.value->>4 FROM jsonb_each(+?1) j WHERE true";
pub(in crate::store) const ADD_TEXT: &str = "INSERT INTO search_text (rowid, words) \
    SELECT j.value->>0, j.value->>5 FROM jsonb_each(+?1) j WHERE j.value->>5 <> ''";

/// `[[tenant, word], …]`
pub(in crate::store) const ADD_WORDS: &str = "INSERT OR IGNORE INTO search_words (tenant_id, word) \
    SELECT j.value->>0, j.value->>1 FROM jsonb_each(+?1) j WHERE true";

/// `[[contact, tenant, text], …]`
pub(in crate::store) const ADD_CONTACTS: &str = "INSERT INTO search_contacts (contact_id, tenant_id, text) \
    SELECT j.value->>0, j.value->>1, j.value->>2 FROM jsonb_each(+?1) j WHERE true \
    ON CONFLICT (contact_id) DO UPDATE SET text = excluded.text WHERE text <> excluded.text";

/// How many: messages that had no turn when they were looked at.
pub(in crate::store) const UNPLACED: &str = "SELECT seq, message_id FROM search_messages WHERE conversation_id IS NULL \
    ORDER BY seq DESC LIMIT ?1";

/// `[id, …]` of messages that came in: those that are there, with their conversations and whether they still wait for a turn.
/// What was set aside for good belongs to its contact's conversation on the channel.
pub(in crate::store) const PLACES: &str = "SELECT m.id, coalesce(m.conversation_id, (SELECT c.id FROM contact_addresses a \
        JOIN conversations c ON c.tenant_id = a.tenant_id AND c.contact_id = a.contact_id AND c.channel_id = m.channel_id \
        AND c.merged_into IS NULL WHERE m.processed_at IS NOT NULL AND a.tenant_id = m.tenant_id AND a.address = m.\"from\")), m.processed_at IS NULL \
    FROM json_each(+?1) j CROSS JOIN messages_in m ON m.id = j.value";

/// `[[number, conversation], …]`
pub(in crate::store) const PLACE: &str = "UPDATE search_messages SET conversation_id = j.value->>1 \
    FROM jsonb_each(+?1) j WHERE search_messages.seq = j.value->>0";

/// `[number, …]`
pub(in crate::store) const REMOVE_TEXT: &str =
    "DELETE FROM search_text WHERE rowid IN (SELECT CAST(value AS INTEGER) FROM json_each(+?1))";
pub(in crate::store) const REMOVE: &str =
    "DELETE FROM search_messages WHERE seq IN (SELECT CAST(value AS INTEGER) FROM json_each(+?1))";

/// `[conversation, …]`: their contacts: id, tenant, name, addresses.
pub(in crate::store) const CONTACTS_OF: &str = "SELECT p.id, p.tenant_id, p.name, (SELECT group_concat(a.address, char(10)) \
        FROM contact_addresses a WHERE a.tenant_id = p.tenant_id AND a.contact_id = p.id) \
    FROM contacts p WHERE p.id IN (SELECT c.contact_id FROM json_each(+?1) j CROSS JOIN conversations c ON c.id = j.value)";

/// After which id, how many.
pub(in crate::store) const CONTACTS_AFTER: &str = "SELECT p.id, p.tenant_id, p.name, (SELECT group_concat(a.address, \
        char(10)) FROM contact_addresses a WHERE a.tenant_id = p.tenant_id AND a.contact_id = p.id) \
    FROM contacts p WHERE p.merged_into IS NULL AND p.id > ?1 ORDER BY p.id LIMIT ?2";

/// After which number, how many: number, id, whether it went out.
pub(in crate::store) const PAGE: &str =
    "SELECT seq, message_id, outbound FROM search_messages WHERE seq > ?1 ORDER BY seq LIMIT ?2";

/// After which contact, how many.
pub(in crate::store) const CONTACT_PAGE: &str =
    "SELECT contact_id FROM search_contacts WHERE contact_id > ?1 ORDER BY contact_id LIMIT ?2";

/// `[id, …]`
pub(in crate::store) const REMOVE_CONTACTS: &str =
    "DELETE FROM search_contacts WHERE contact_id IN (SELECT value FROM json_each(+?1))";

/// After which tenant and word, how many.
pub(in crate::store) const WORD_PAGE: &str = "SELECT tenant_id, word FROM search_words \
    WHERE (tenant_id, word) > (?1, ?2) ORDER BY tenant_id, word LIMIT ?3";

/// `[[tenant, word, the word behind its tenant's mark], …]`: those that no message has any more go.
pub(in crate::store) const REMOVE_WORDS: &str = "DELETE FROM search_words WHERE number IN (SELECT v.number \
    FROM jsonb_each(+?1) j CROSS JOIN search_words v ON v.tenant_id = j.value->>0 AND v.word = j.value->>1 \
    WHERE NOT EXISTS (SELECT 1 FROM search_text WHERE search_text MATCH char(34) || (j.value->>2) || char(34)))";

/// `[id, …]`: those that are there.
pub(in crate::store) const INBOUND_THERE: &str =
    "SELECT m.id FROM json_each(+?1) j CROSS JOIN messages_in m ON m.id = j.value";
pub(in crate::store) const OUTBOUND_THERE: &str =
    "SELECT m.id FROM json_each(+?1) j CROSS JOIN messages_out m ON m.id = j.value";
pub(in crate::store) const CONTACTS_THERE: &str =
    "SELECT p.id FROM json_each(+?1) j CROSS JOIN contacts p ON p.id = j.value AND p.merged_into IS NULL";

/// Tenants, what fits, before which number, how many, and nothing: number, id, conversation, whether it went out. Along the
/// numbers, so that what fits a million messages costs no more than what fits fifty.
pub(in crate::store) const FIND: &str = "SELECT m.seq, m.message_id, m.conversation_id, m.outbound FROM search_text \
    CROSS JOIN search_messages m ON m.seq = search_text.rowid \
    WHERE search_text MATCH ?2 AND search_text.rowid < ?3 AND search_text.rowid >= ?5 \
        AND m.tenant_id IN (SELECT value FROM json_each(?1)) AND m.conversation_id IS NOT NULL \
    ORDER BY search_text.rowid DESC LIMIT ?4";

/// The numbers need not be looked at in parts.
pub(in crate::store) const FLOOR: &str = "";

/// Tenant, trigrams, how many: words that share some of them, those that share the rarest first.
pub(in crate::store) const SIMILAR: &str = "SELECT v.word FROM search_trigrams \
    CROSS JOIN search_words v ON v.number = search_trigrams.rowid \
    WHERE search_trigrams MATCH ?2 AND v.tenant_id = ?1 ORDER BY search_trigrams.rank LIMIT ?3";

/// Tenants, what fits, how many: contacts.
pub(in crate::store) const FIND_CONTACTS: &str = "SELECT s.contact_id, s.text FROM search_contact_text \
    CROSS JOIN search_contacts s ON s.number = search_contact_text.rowid \
    WHERE search_contact_text MATCH ?2 AND s.tenant_id IN (SELECT value FROM json_each(?1)) \
    ORDER BY search_contact_text.rank LIMIT ?3";

/// Tenants, pattern, how many: contacts, by reading all of them.
pub(in crate::store) const READ_CONTACTS: &str = "SELECT s.contact_id, s.text FROM search_contacts s \
    WHERE s.tenant_id IN (SELECT value FROM json_each(?1)) AND s.text LIKE ?2 LIMIT ?3";

/// Conversation, after which id, before which, how many; from either end.
pub(in crate::store) const TIMELINE_NEWEST: &str = "SELECT message_id, outbound FROM search_messages \
    WHERE conversation_id = ?1 AND message_id > ?2 AND message_id < ?3 ORDER BY message_id DESC LIMIT ?4";
pub(in crate::store) const TIMELINE_OLDEST: &str = "SELECT message_id, outbound FROM search_messages \
    WHERE conversation_id = ?1 AND message_id > ?2 AND message_id < ?3 ORDER BY message_id LIMIT ?4";

/// Position, conversation: ids of messages that the index may not have.
pub(in crate::store) const INBOUND_TAIL: &str = "SELECT id FROM messages_in NOT INDEXED \
    WHERE rowid > CAST(?1 AS INTEGER) AND conversation_id = ?2";
pub(in crate::store) const OUTBOUND_TAIL: &str = "SELECT id FROM messages_out NOT INDEXED \
    WHERE rowid > CAST(?1 AS INTEGER) AND conversation_id = ?2";
