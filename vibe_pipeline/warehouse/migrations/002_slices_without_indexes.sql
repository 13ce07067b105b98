-- What an edition or a sync writes is replaced as a whole, under the file's lock: no primary key is
-- needed to keep it single, and an index over every row would make each list dearer to write than
-- the one before, and the file several times as large.

CREATE TABLE liked_tracks_unindexed (
    user_id VARCHAR NOT NULL,
    spotify_id VARCHAR NOT NULL,
    uri VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    artists VARCHAR[] NOT NULL,
    artist_ids VARCHAR[] NOT NULL,
    album VARCHAR,
    album_id VARCHAR,
    isrc VARCHAR,
    duration_ms INTEGER,
    release_date VARCHAR,
    popularity INTEGER,
    added_at TIMESTAMP NOT NULL,
    seen_at TIMESTAMP NOT NULL,
    gone_at TIMESTAMP
);
INSERT INTO liked_tracks_unindexed FROM liked_tracks ORDER BY rowid;
DROP TABLE liked_tracks;
ALTER TABLE liked_tracks_unindexed RENAME TO liked_tracks;

CREATE TABLE recent_plays_unindexed (
    user_id VARCHAR NOT NULL,
    played_at TIMESTAMP NOT NULL,
    spotify_id VARCHAR NOT NULL,
    uri VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    artists VARCHAR[] NOT NULL,
    artist_ids VARCHAR[] NOT NULL,
    album VARCHAR,
    album_id VARCHAR,
    isrc VARCHAR,
    duration_ms INTEGER,
    release_date VARCHAR,
    popularity INTEGER,
    context_uri VARCHAR,
    collected_at TIMESTAMP NOT NULL
);
INSERT INTO recent_plays_unindexed FROM recent_plays ORDER BY rowid;
DROP TABLE recent_plays;
ALTER TABLE recent_plays_unindexed RENAME TO recent_plays;

CREATE TABLE seed_profile_unindexed (
    user_id VARCHAR NOT NULL,
    vibe_date DATE NOT NULL,
    edition_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    artist VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    weight DOUBLE NOT NULL,
    spotify_id VARCHAR,
    isrc VARCHAR,
    mbid VARCHAR,
    why JSON NOT NULL
);
INSERT INTO seed_profile_unindexed FROM seed_profile ORDER BY rowid;
DROP TABLE seed_profile;
ALTER TABLE seed_profile_unindexed RENAME TO seed_profile;

CREATE TABLE proposals_unindexed (
    user_id VARCHAR NOT NULL,
    vibe_date DATE NOT NULL,
    edition_id VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    artist VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    seed VARCHAR NOT NULL,
    match DOUBLE NOT NULL,
    spotify_id VARCHAR,
    isrc VARCHAR,
    mbid VARCHAR,
    duration_ms INTEGER,
    listeners BIGINT,
    tags VARCHAR[] NOT NULL
);
INSERT INTO proposals_unindexed FROM proposals ORDER BY rowid;
DROP TABLE proposals;
ALTER TABLE proposals_unindexed RENAME TO proposals;

CREATE TABLE ranked_selection_unindexed (
    user_id VARCHAR NOT NULL,
    vibe_date DATE NOT NULL,
    edition_id VARCHAR NOT NULL,
    rank INTEGER NOT NULL,
    key VARCHAR NOT NULL,
    artist VARCHAR NOT NULL,
    artist_key VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    aliases VARCHAR[] NOT NULL,
    spotify_id VARCHAR,
    isrc VARCHAR,
    mbid VARCHAR,
    duration_ms INTEGER,
    score DOUBLE NOT NULL,
    terms JSON NOT NULL,
    is_new BOOLEAN NOT NULL,
    source VARCHAR NOT NULL,
    seed VARCHAR NOT NULL,
    position INTEGER,
    dropped VARCHAR,
    reason VARCHAR,
    proposals JSON NOT NULL,
    track JSON
);
INSERT INTO ranked_selection_unindexed FROM ranked_selection ORDER BY rowid;
DROP TABLE ranked_selection;
ALTER TABLE ranked_selection_unindexed RENAME TO ranked_selection;

CREATE TABLE published_playlist_unindexed (
    user_id VARCHAR NOT NULL,
    vibe_date DATE NOT NULL,
    edition_id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    artist VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    spotify_id VARCHAR NOT NULL,
    uri VARCHAR NOT NULL,
    isrc VARCHAR,
    is_new BOOLEAN NOT NULL,
    source VARCHAR NOT NULL,
    seed VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    artist_key VARCHAR NOT NULL,
    playlist_id VARCHAR NOT NULL,
    playlist_url VARCHAR,
    snapshot_id VARCHAR,
    published_at TIMESTAMP NOT NULL
);
INSERT INTO published_playlist_unindexed FROM published_playlist ORDER BY rowid;
DROP TABLE published_playlist;
ALTER TABLE published_playlist_unindexed RENAME TO published_playlist;

CREATE TABLE recommendation_history_unindexed (
    user_id VARCHAR NOT NULL,
    vibe_date DATE NOT NULL,
    edition_id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    key VARCHAR NOT NULL,
    artist_key VARCHAR NOT NULL,
    artist VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    spotify_id VARCHAR NOT NULL,
    isrc VARCHAR,
    source VARCHAR NOT NULL,
    is_new BOOLEAN NOT NULL,
    recorded_at TIMESTAMP NOT NULL
);
INSERT INTO recommendation_history_unindexed FROM recommendation_history ORDER BY rowid;
DROP TABLE recommendation_history;
ALTER TABLE recommendation_history_unindexed RENAME TO recommendation_history;

CREATE TABLE recommendation_outcomes_unindexed (
    user_id VARCHAR NOT NULL,
    vibe_date DATE NOT NULL,
    edition_id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    key VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    is_new BOOLEAN NOT NULL,
    outcome VARCHAR NOT NULL,
    liked_at TIMESTAMP,
    plays INTEGER NOT NULL,
    first_played_at TIMESTAMP,
    looked_at TIMESTAMP NOT NULL
);
INSERT INTO recommendation_outcomes_unindexed FROM recommendation_outcomes ORDER BY rowid;
DROP TABLE recommendation_outcomes;
ALTER TABLE recommendation_outcomes_unindexed RENAME TO recommendation_outcomes;
