-- How good a ride was, from 1 to 5, as its customer said.
ALTER TABLE offers ADD COLUMN rating bigint;
CREATE INDEX offers_taken ON offers (tenant_id, assigned_to) WHERE state = 'accepted';
