-- An answer is looked up by a number made of its service and key: sixty bits of their MD5. To pass
-- by long keys takes three times as long, and an index makes every answer dear to write; what is
-- kept replaces what was known under the file's lock, so none is needed to keep a key single.

CREATE TABLE lookups_by_digest (
    service VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    digest BIGINT NOT NULL,
    answer JSON,
    asked_at TIMESTAMP NOT NULL,
    stale_at TIMESTAMP NOT NULL
);
INSERT INTO lookups_by_digest
    SELECT service, key, ('0x' || md5(service || chr(10) || key)[:15])::BIGINT, answer, asked_at,
        stale_at
    FROM lookups ORDER BY rowid;
DROP TABLE lookups;
ALTER TABLE lookups_by_digest RENAME TO lookups;

-- How many rows a table had when it was last put into the order of its people.

CREATE TABLE tables_by_person (
    table_name VARCHAR NOT NULL,
    row_count BIGINT NOT NULL,
    ordered_at TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')
);
