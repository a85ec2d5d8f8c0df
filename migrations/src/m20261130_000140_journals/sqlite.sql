-- One row for each message and status, in and out: the first event that says so. id is the event's. What left by retention or
-- belongs to no conversation yet is null.
CREATE VIEW message_events AS
SELECT e.id AS id, e.tenant_id AS tenant_id, coalesce(i.channel_id, o.channel_id) AS channel, h.provider AS provider,
  CASE e.entity_type WHEN 'message_in' THEN 'in' ELSE 'out' END AS direction, e.event_type AS event, c.contact_id AS contact_id,
  (SELECT max(l.id) FROM leads l WHERE l.tenant_id = e.tenant_id AND l.contact_id = c.contact_id) AS lead_id,
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

-- How far a tenant's journal is in the event log, since when it is written, and which node writes it.
CREATE TABLE journals (
  tenant_id  TEXT PRIMARY KEY NOT NULL,
  newest     TEXT,
  complete   TEXT,
  held_by    TEXT NOT NULL,
  held_until TEXT NOT NULL,
  since      TEXT NOT NULL,
  updated_at TEXT NOT NULL
) WITHOUT ROWID;
