-- A contact's offers, for their card.
CREATE INDEX offers_contact ON offers (tenant_id, contact_id);
