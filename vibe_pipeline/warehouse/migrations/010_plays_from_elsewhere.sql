-- What a person played according to somebody else than Spotify's last fifty: scrobbles, and the
-- history that Spotify hands out as files. A row counts from when we learned of it until it is
-- gone: told by Spotify as well, or no longer to be read. Without an index, like all that grows.

CREATE TABLE listening_history (
    user_id VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    account VARCHAR NOT NULL,
    played_at TIMESTAMP NOT NULL,
    artist VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    album VARCHAR,
    artist_key VARCHAR NOT NULL,
    recording_key VARCHAR NOT NULL,
    spotify_id VARCHAR,
    mbid VARCHAR,
    ms_played INTEGER,
    collected_at TIMESTAMP NOT NULL,
    gone_at TIMESTAMP
);

-- The same by recording, counted anew whenever something was added: a list reads this and never
-- the plays of ten years. ``years`` maps each year to how often it was played then.

CREATE TABLE heard_recordings (
    user_id VARCHAR NOT NULL,
    recording_key VARCHAR NOT NULL,
    artist_key VARCHAR NOT NULL,
    artist VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    spotify_id VARCHAR,
    mbid VARCHAR,
    plays INTEGER NOT NULL,
    first_at TIMESTAMP NOT NULL,
    last_at TIMESTAMP NOT NULL,
    years JSON NOT NULL
);

-- Files that were read, by their content: read again they add nothing.

CREATE TABLE history_imports (
    user_id VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    file_name VARCHAR NOT NULL,
    shape VARCHAR NOT NULL,
    imported_at TIMESTAMP NOT NULL,
    entries INTEGER NOT NULL,
    plays INTEGER NOT NULL,
    added INTEGER NOT NULL,
    first_at TIMESTAMP,
    last_at TIMESTAMP
);

ALTER TABLE library_state ADD COLUMN history_read_at TIMESTAMP;
