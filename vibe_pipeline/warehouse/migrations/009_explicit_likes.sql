-- Whether Spotify marks a like as explicit; unknown for what was read before we kept it.

ALTER TABLE liked_tracks ADD COLUMN explicit BOOLEAN;
