-- Since when Spotify has not told what is new, so that a list made meanwhile can say so.

ALTER TABLE library_state ADD COLUMN likes_untold_since TIMESTAMP;
ALTER TABLE library_state ADD COLUMN plays_untold_since TIMESTAMP;
