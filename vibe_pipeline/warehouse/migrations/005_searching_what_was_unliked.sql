-- A search for something un-liked, and the doubt about a library that shrank, outlive the run.

ALTER TABLE library_state ADD COLUMN likes_searched INTEGER;
ALTER TABLE library_state ADD COLUMN likes_search_end INTEGER;
ALTER TABLE library_state ADD COLUMN likes_doubted_at TIMESTAMP;
