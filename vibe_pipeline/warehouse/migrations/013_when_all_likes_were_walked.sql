-- When a walk through all likes ended last: one that could not tell what is gone is not made daily.

ALTER TABLE library_state ADD COLUMN likes_walked_at TIMESTAMP;
