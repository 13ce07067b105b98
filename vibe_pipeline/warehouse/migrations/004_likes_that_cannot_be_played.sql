-- Spotify greys out what it cannot play where a person lives. What was kept before we asked counts
-- as playable until Spotify says otherwise.

ALTER TABLE liked_tracks ADD COLUMN playable BOOLEAN DEFAULT TRUE;
