-- Times are whole microseconds since the epoch, in UTC.
CREATE TABLE collections (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    sort_name TEXT NOT NULL,
    description TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('default', 'mirror', 'curated')),
    source_collection TEXT,
    created_by TEXT,
    generation INTEGER NOT NULL DEFAULT 0,
    artifact_count INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX collections_by_name ON collections (sort_name, id);
CREATE UNIQUE INDEX collections_mirror_of ON collections (source_collection) WHERE kind = 'mirror';

CREATE TABLE collection_artifacts (
    collection_id TEXT NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    artifact_id TEXT NOT NULL,
    source_collection TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (collection_id, artifact_id)
) STRICT;
