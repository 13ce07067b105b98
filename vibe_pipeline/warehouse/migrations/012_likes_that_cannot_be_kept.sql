-- How many likes Spotify counts and nobody can keep: whatever else is amiss is walked again.

ALTER TABLE library_state ADD COLUMN likes_unkept INTEGER;
