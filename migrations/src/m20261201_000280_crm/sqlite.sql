-- Whose a contact is in the tenant's CRM. A row without a record was looked up in vain, or is looked up now.
CREATE TABLE crm_records (
  tenant_id       TEXT NOT NULL,
  contact_id      TEXT NOT NULL,
  state           TEXT NOT NULL CHECK (state IN ('pending', 'found', 'absent')),
  kind            TEXT,
  record_id       TEXT,
  attempts        INTEGER NOT NULL,
  last_error      TEXT,
  looked_up_at    TEXT,
  next_look_up_at TEXT NOT NULL,
  created_at      TEXT NOT NULL,
  PRIMARY KEY (tenant_id, contact_id)
) WITHOUT ROWID;
CREATE INDEX crm_records_due ON crm_records (tenant_id, next_look_up_at);

-- E-mails on their way into the CRM.
CREATE TABLE crm_emails (
  tenant_id       TEXT NOT NULL,
  message_id      TEXT NOT NULL,
  state           TEXT NOT NULL CHECK (state IN ('pending', 'logged', 'dropped')),
  attempts        INTEGER NOT NULL,
  last_error      TEXT,
  next_attempt_at TEXT NOT NULL,
  created_at      TEXT NOT NULL,
  PRIMARY KEY (tenant_id, message_id)
) WITHOUT ROWID;
CREATE INDEX crm_emails_due ON crm_emails (tenant_id, next_attempt_at) WHERE state = 'pending';
CREATE INDEX messages_out_email ON messages_out (tenant_id, id) WHERE substr("to", 1, 7) = 'mailto:';

-- The lead of an event is the CRM's record of the contact, or the newest of our own leads.
DROP VIEW message_events;
CREATE VIEW message_events AS
SELECT e.id AS id, e.tenant_id AS tenant_id, coalesce(i.channel_id, o.channel_id) AS channel, h.provider AS provider,
  CASE e.entity_type WHEN 'message_in' THEN 'in' ELSE 'out' END AS direction, e.event_type AS event, c.contact_id AS contact_id,
  coalesce((SELECT r.record_id FROM crm_records r WHERE r.tenant_id = e.tenant_id AND r.contact_id = c.contact_id),
    (SELECT max(l.id) FROM leads l WHERE l.tenant_id = e.tenant_id AND l.contact_id = c.contact_id)) AS lead_id,
  e.correlation_id AS correlation_id, e.created_at AS created_at, e.entity_id AS message_id
FROM event_log e
LEFT JOIN messages_in i ON e.entity_type = 'message_in' AND i.id = e.entity_id
LEFT JOIN messages_out o ON e.entity_type = 'message_out' AND o.id = e.entity_id
LEFT JOIN channels h ON h.id = coalesce(i.channel_id, o.channel_id)
LEFT JOIN conversations c ON c.id = coalesce(i.conversation_id, o.conversation_id)
WHERE e.entity_type IN ('message_in', 'message_out') AND e.entity_id IS NOT NULL
  AND e.event_type IN ('webhook_received', 'message_routed', 'message_queued', 'message_unknown', 'message_deferred', 'message_cancelled',
    'message_sent', 'message_delivered', 'message_read', 'message_failed', 'message_dead', 'message_suppressed')
  AND NOT EXISTS (SELECT 1 FROM event_log f WHERE f.correlation_id = e.correlation_id AND f.entity_id = e.entity_id
    AND f.event_type = e.event_type AND f.id < e.id);
