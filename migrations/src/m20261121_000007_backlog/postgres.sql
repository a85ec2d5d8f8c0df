-- The backlog's index says more than the index of what one contact waits for: so that the planner, which plans while the
-- tables are empty, cannot take the one for the other and read a tenant's whole backlog for each contact.
DROP INDEX messages_in_backlog;
CREATE INDEX messages_in_backlog ON messages_in (tenant_id, id) WHERE state = 'accepted';
