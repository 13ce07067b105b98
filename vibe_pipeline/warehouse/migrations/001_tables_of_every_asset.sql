-- Every moment is UTC without a zone; every slice is (user_id, vibe_date, edition_id).

CREATE TABLE liked_tracks (
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
    gone_at TIMESTAMP,
    PRIMARY KEY (user_id, spotify_id, seen_at)
);

CREATE TABLE recent_plays (
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
    collected_at TIMESTAMP NOT NULL,
    PRIMARY KEY (user_id, played_at)
);

CREATE TABLE play_collections (
    user_id VARCHAR NOT NULL,
    collected_at TIMESTAMP NOT NULL,
    after TIMESTAMP,
    returned INTEGER NOT NULL,
    added INTEGER NOT NULL,
    gap BOOLEAN NOT NULL,
    PRIMARY KEY (user_id, collected_at)
);

CREATE TABLE top_items (
    user_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    time_range VARCHAR NOT NULL,
    rank INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    artist VARCHAR NOT NULL,
    spotify_id VARCHAR NOT NULL,
    isrc VARCHAR,
    fetched_at TIMESTAMP NOT NULL,
    PRIMARY KEY (user_id, kind, time_range, rank)
);

CREATE TABLE library_state (
    user_id VARCHAR PRIMARY KEY,
    likes_total INTEGER,
    likes_walked INTEGER,
    likes_synced_at TIMESTAMP,
    plays_cursor TIMESTAMP,
    plays_collected_at TIMESTAMP,
    top_fetched_at TIMESTAMP
);

CREATE TABLE seed_profile (
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
    why JSON NOT NULL,
    PRIMARY KEY (user_id, edition_id, kind, position)
);

CREATE TABLE candidate_pools (
    user_id VARCHAR NOT NULL,
    vibe_date DATE NOT NULL,
    edition_id VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    reason VARCHAR,
    offered INTEGER NOT NULL,
    asked_at TIMESTAMP NOT NULL,
    PRIMARY KEY (user_id, edition_id, source)
);

CREATE TABLE proposals (
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
    tags VARCHAR[] NOT NULL,
    PRIMARY KEY (user_id, edition_id, source, position)
);

CREATE SCHEMA candidates;
CREATE VIEW candidates.spotify_recommendations AS
    SELECT * EXCLUDE (source) FROM main.proposals WHERE source = 'spotify_recommendations';
CREATE VIEW candidates.artist_top_tracks AS
    SELECT * EXCLUDE (source) FROM main.proposals WHERE source = 'artist_top_tracks';
CREATE VIEW candidates.artist_catalogue AS
    SELECT * EXCLUDE (source) FROM main.proposals WHERE source = 'artist_catalogue';
CREATE VIEW candidates.lastfm_similar_tracks AS
    SELECT * EXCLUDE (source) FROM main.proposals WHERE source = 'lastfm_similar_tracks';
CREATE VIEW candidates.lastfm_similar_artists AS
    SELECT * EXCLUDE (source) FROM main.proposals WHERE source = 'lastfm_similar_artists';
CREATE VIEW candidates.listenbrainz AS
    SELECT * EXCLUDE (source) FROM main.proposals WHERE source = 'listenbrainz';
CREATE VIEW candidates.rediscovered_likes AS
    SELECT * EXCLUDE (source) FROM main.proposals WHERE source = 'rediscovered_likes';

CREATE TABLE ranked_selection (
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
    track JSON,
    PRIMARY KEY (user_id, edition_id, rank)
);

CREATE TABLE edition_inputs (
    user_id VARCHAR NOT NULL,
    vibe_date DATE NOT NULL,
    edition_id VARCHAR NOT NULL,
    as_of TIMESTAMP NOT NULL,
    profile_edition VARCHAR NOT NULL,
    pool_editions JSON NOT NULL,
    policy JSON NOT NULL,
    settings JSON NOT NULL,
    blocks JSON NOT NULL,
    thumbs JSON NOT NULL,
    exclusions JSON NOT NULL,
    digest VARCHAR NOT NULL,
    PRIMARY KEY (user_id, edition_id)
);

CREATE TABLE published_playlist (
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
    published_at TIMESTAMP NOT NULL,
    PRIMARY KEY (user_id, edition_id, position)
);

CREATE TABLE recommendation_history (
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
    recorded_at TIMESTAMP NOT NULL,
    PRIMARY KEY (user_id, edition_id, position)
);

CREATE VIEW recommendation_counts AS
    SELECT user_id, key, count(*) AS times, min(vibe_date) AS first_on, max(vibe_date) AS last_on
    FROM recommendation_history GROUP BY user_id, key;

CREATE TABLE recommendation_outcomes (
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
    looked_at TIMESTAMP NOT NULL,
    PRIMARY KEY (user_id, edition_id, position)
);

CREATE TABLE lookups (
    service VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    answer JSON,
    asked_at TIMESTAMP NOT NULL,
    stale_at TIMESTAMP NOT NULL,
    PRIMARY KEY (service, key)
);
