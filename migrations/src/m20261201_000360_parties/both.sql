-- How many people come, and the places of the resource that they take, a bit for each.
ALTER TABLE bookings ADD COLUMN people bigint NOT NULL DEFAULT 1;
ALTER TABLE bookings ADD COLUMN places bigint NOT NULL DEFAULT 1;
-- How many people wait for a time together.
ALTER TABLE waiting_list ADD COLUMN people bigint NOT NULL DEFAULT 1;
