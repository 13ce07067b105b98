-- What seeds say of an artist is said once, for all recordings by which a source proposes the artist.
-- The lists of a row belong together: entry by entry one vote.

CREATE TABLE artist_votes (
    user_id VARCHAR NOT NULL,
    vibe_date DATE NOT NULL,
    edition_id VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    artist VARCHAR NOT NULL,
    seed VARCHAR NOT NULL,
    seeds VARCHAR[] NOT NULL,
    matches DOUBLE[] NOT NULL,
    places INTEGER[] NOT NULL,
    spreads DOUBLE[] NOT NULL,
    asked_back BOOLEAN[] NOT NULL
);
