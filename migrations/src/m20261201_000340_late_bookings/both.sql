-- So many minutes late the customer comes, as far as they said; 0: they did not say how many. Null: as agreed.
ALTER TABLE bookings ADD COLUMN late_minutes bigint;
