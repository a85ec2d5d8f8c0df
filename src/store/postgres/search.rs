//! Every SQL text of the search index in PostgreSQL's words.

/// One node at a time indexes: true for whoever may. Held to the end of the transaction. A number of our own.
pub(in crate::store) const TAKE: &str = "SELECT 1 WHERE pg_try_advisory_xact_lock(7305810)";

/// Whether misspelt words can be found.
pub(in crate::store) const TRIGRAMS: &str =
    "SELECT 1 FROM pg_class WHERE oid = to_regclass('search_contacts_trigrams')";

/// Inbound, outbound, contact, and up to where nothing can be missing.
pub(in crate::store) const POSITIONS: &str =
    "SELECT inbound, outbound, contact, inbound_complete, outbound_complete FROM search_positions";

/// Inbound, outbound, contact, and up to where nothing can be missing.
pub(in crate::store) const KEEP_POSITIONS: &str = "UPDATE search_positions SET inbound = $1, outbound = $2, contact = $3, \
    inbound_complete = $4, outbound_complete = $5";

/// Position, how many: position, id, tenant, conversation or null, text.
pub(in crate::store) const INBOUND_AFTER: &str = "SELECT id, id, tenant_id, conversation_id, body FROM messages_in \
    WHERE id > $1 ORDER BY id LIMIT $2";
pub(in crate::store) const OUTBOUND_AFTER: &str = "SELECT id, id, tenant_id, conversation_id, body FROM messages_out \
    WHERE id > $1 ORDER BY id LIMIT $2";

/// After which id, before which, how many: ids of messages of which some may have been committed late.
pub(in crate::store) const INBOUND_LATE: &str =
    "SELECT id FROM messages_in WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3";
pub(in crate::store) const OUTBOUND_LATE: &str =
    "SELECT id FROM messages_out WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3";

/// `[id, …]`: as `INBOUND_AFTER`.
pub(in crate::store) const INBOUND_DOCUMENTS: &str = "SELECT m.id, m.id, m.tenant_id, m.conversation_id, m.body \
    FROM unnest($1::text[]) j (id) JOIN messages_in m ON m.id = j.id";
pub(in crate::store) const OUTBOUND_DOCUMENTS: &str = "SELECT m.id, m.id, m.tenant_id, m.conversation_id, m.body \
    FROM unnest($1::text[]) j (id) JOIN messages_out m ON m.id = j.id";

/// `(sequence, id)`: those that the index has.
pub(in crate::store) const KNOWN: &str = "SELECT m.message_id FROM unnest($1::bigint[], $2::text[]) j (seq, id) \
    JOIN search_messages m ON m.seq BETWEEN j.seq AND j.seq + 4095 AND m.message_id = j.id";

/// `(sequence, id)`: the numbers of those that the index has.
pub(in crate::store) const NUMBERS: &str = "SELECT m.seq FROM unnest($1::bigint[], $2::text[]) j (seq, id) \
    JOIN search_messages m ON m.seq BETWEEN j.seq AND j.seq + 4095 AND m.message_id = j.id";

/// `[sequence, …]`: the last number in use of those that may follow each.
pub(in crate::store) const IN_USE: &str = "SELECT j.seq::bigint, max(m.seq) FROM unnest($1::text[]) j (seq) \
    JOIN search_messages m ON m.seq BETWEEN j.seq::bigint AND j.seq::bigint + 4095 GROUP BY 1";

/// `(number, id, tenant, conversation or null, outbound, words)`
pub(in crate::store) const ADD: &str = "INSERT INTO search_messages (seq, message_id, tenant_id, conversation_id, outbound, \
        words) SELECT j.seq, j.id, j.tenant_id, j.conversation_id, j.outbound, \
        array_to_tsvector(string_to_array(j.words, ' ')) \
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[]) \
        j (seq, id, tenant_id, conversation_id, outbound, words)";
/// Done with the row.
pub(in crate::store) const ADD_TEXT: &str = "";

/// `(tenant, word)`
pub(in crate::store) const ADD_WORDS: &str = "INSERT INTO search_words (tenant_id, word) \
    SELECT * FROM unnest($1::text[], $2::text[]) j ORDER BY 1, 2 ON CONFLICT DO NOTHING";

/// `(contact, tenant, text)`
pub(in crate::store) const ADD_CONTACTS: &str = "INSERT INTO search_contacts AS s (contact_id, tenant_id, text) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) j ORDER BY 1 \
    ON CONFLICT (contact_id) DO UPDATE SET text = excluded.text WHERE s.text <> excluded.text";

/// How many: messages that had no turn when they were looked at.
pub(in crate::store) const UNPLACED: &str = "SELECT seq, message_id FROM search_messages WHERE conversation_id IS NULL \
    ORDER BY seq DESC LIMIT $1";

/// `[id, …]` of messages that came in: those that are there, with their conversations and whether they still wait for a turn.
/// What was set aside for good belongs to its contact's conversation on the channel.
pub(in crate::store) const PLACES: &str = "SELECT m.id, coalesce(m.conversation_id, (SELECT c.id FROM contact_addresses a \
        JOIN conversations c ON c.tenant_id = a.tenant_id AND c.contact_id = a.contact_id AND c.channel_id = m.channel_id \
        AND c.merged_into IS NULL WHERE m.processed_at IS NOT NULL AND a.tenant_id = m.tenant_id AND a.address = m.\"from\" LIMIT 1)), \
        m.processed_at IS NULL \
    FROM unnest($1::text[]) j (id) JOIN messages_in m ON m.id = j.id";

/// `(number, conversation)`
pub(in crate::store) const PLACE: &str = "UPDATE search_messages m SET conversation_id = j.conversation_id \
    FROM unnest($1::bigint[], $2::text[]) j (seq, conversation_id) WHERE m.seq = j.seq";

/// Goes with the row.
pub(in crate::store) const REMOVE_TEXT: &str = "";
/// `[number, …]`
pub(in crate::store) const REMOVE: &str =
    "DELETE FROM search_messages WHERE seq IN (SELECT j.seq::bigint FROM unnest($1::text[]) j (seq))";

/// `[conversation, …]`: their contacts: id, tenant, name, addresses.
pub(in crate::store) const CONTACTS_OF: &str = "SELECT p.id, p.tenant_id, p.name, (SELECT string_agg(a.address, chr(10)) \
        FROM contact_addresses a WHERE a.tenant_id = p.tenant_id AND a.contact_id = p.id) \
    FROM (SELECT DISTINCT c.contact_id FROM unnest($1::text[]) j (id) JOIN conversations c ON c.id = j.id) c \
    JOIN contacts p ON p.id = c.contact_id";

/// After which id, how many.
pub(in crate::store) const CONTACTS_AFTER: &str = "SELECT p.id, p.tenant_id, p.name, (SELECT string_agg(a.address, chr(10)) \
        FROM contact_addresses a WHERE a.tenant_id = p.tenant_id AND a.contact_id = p.id) \
    FROM contacts p WHERE p.merged_into IS NULL AND p.id > $1 ORDER BY p.id LIMIT $2";

/// After which number, how many: number, id, whether it went out.
pub(in crate::store) const PAGE: &str =
    "SELECT seq, message_id, outbound FROM search_messages WHERE seq > $1 ORDER BY seq LIMIT $2";

/// After which contact, how many.
pub(in crate::store) const CONTACT_PAGE: &str =
    "SELECT contact_id FROM search_contacts WHERE contact_id > $1 ORDER BY contact_id LIMIT $2";

/// `[id, …]`
pub(in crate::store) const REMOVE_CONTACTS: &str =
    "DELETE FROM search_contacts WHERE contact_id IN (SELECT * FROM unnest($1::text[]))";

/// After which tenant and word, how many.
pub(in crate::store) const WORD_PAGE: &str = "SELECT tenant_id, word FROM search_words \
    WHERE (tenant_id, word) > ($1, $2) ORDER BY tenant_id, word LIMIT $3";

/// `(tenant, word, the word behind its tenant's mark)`: those that no message has any more go.
pub(in crate::store) const REMOVE_WORDS: &str = "DELETE FROM search_words v \
    USING unnest($1::text[], $2::text[], $3::text[]) j (tenant_id, word, marked) \
    WHERE v.tenant_id = j.tenant_id AND v.word = j.word AND NOT EXISTS (SELECT 1 FROM search_messages m \
        WHERE m.words @@ (quote_literal(j.marked))::tsquery)";

/// `[id, …]`: those that are there.
pub(in crate::store) const INBOUND_THERE: &str =
    "SELECT m.id FROM unnest($1::text[]) j (id) JOIN messages_in m ON m.id = j.id";
pub(in crate::store) const OUTBOUND_THERE: &str =
    "SELECT m.id FROM unnest($1::text[]) j (id) JOIN messages_out m ON m.id = j.id";
pub(in crate::store) const CONTACTS_THERE: &str =
    "SELECT p.id FROM unnest($1::text[]) j (id) JOIN contacts p ON p.id = j.id AND p.merged_into IS NULL";

/// Tenants, what fits, before which number, how many, from which number: number, id, conversation, whether it went out.
pub(in crate::store) const FIND: &str = "SELECT * FROM (SELECT m.seq, m.message_id, m.conversation_id, m.outbound \
        FROM search_messages m WHERE m.words @@ $2::text::tsquery AND m.seq < $3 AND m.seq >= $5 \
        AND m.tenant_id = ANY ($1::text[]) AND m.conversation_id IS NOT NULL OFFSET 0) found \
    ORDER BY seq DESC LIMIT $4";

/// Before which number: the number that so many of the newest messages begin with. What fits a large part of all messages is
/// found among those, and the list of all of it is never made.
pub(in crate::store) const FLOOR: &str =
    "SELECT seq FROM search_messages WHERE seq < $1 ORDER BY seq DESC OFFSET 20000 LIMIT 1";

/// Tenant, word, how many.
pub(in crate::store) const SIMILAR: &str = "SELECT word FROM search_words WHERE tenant_id = $1 AND word % $2 \
    ORDER BY similarity(word, $2) DESC, word LIMIT $3";

/// Tenants, text, how many: contacts one of whose words is like it.
pub(in crate::store) const FIND_CONTACTS: &str = "SELECT contact_id, text FROM search_contacts \
    WHERE tenant_id = ANY ($1::text[]) AND $2 <% text ORDER BY word_similarity($2, text) DESC LIMIT $3";

/// Tenants, pattern, how many: contacts, by their trigrams, or by reading all of them.
pub(in crate::store) const READ_CONTACTS: &str = "SELECT contact_id, text FROM search_contacts \
    WHERE tenant_id = ANY ($1::text[]) AND text LIKE $2 LIMIT $3";

/// Conversation, after which id, before which, how many; from either end.
pub(in crate::store) const TIMELINE_NEWEST: &str = "SELECT message_id, outbound FROM search_messages \
    WHERE conversation_id = $1 AND message_id > $2 AND message_id < $3 ORDER BY message_id DESC LIMIT $4";
pub(in crate::store) const TIMELINE_OLDEST: &str = "SELECT message_id, outbound FROM search_messages \
    WHERE conversation_id = $1 AND message_id > $2 AND message_id < $3 ORDER BY message_id LIMIT $4";

/// Position, conversation: ids of messages that the index may not have.
pub(in crate::store) const INBOUND_TAIL: &str = "SELECT id FROM messages_in WHERE id > $1 AND conversation_id = $2";
pub(in crate::store) const OUTBOUND_TAIL: &str = "SELECT id FROM messages_out WHERE id > $1 AND conversation_id = $2";
