-- Times are whole microseconds since the epoch, in UTC. Keys are compared byte by byte, as SQLite
-- compares them.
CREATE TABLE collections (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    sort_name TEXT COLLATE "C" NOT NULL,
    description TEXT,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('default', 'mirror', 'curated')),
    source_collection TEXT COLLATE "C",
    created_by TEXT,
    generation BIGINT NOT NULL DEFAULT 0,
    artifact_count BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX collections_by_name ON collections (sort_name, id);
CREATE UNIQUE INDEX collections_mirror_of ON collections (source_collection) WHERE kind = 'mirror';

CREATE TABLE collection_artifacts (
    collection_id TEXT COLLATE "C" NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    artifact_id TEXT COLLATE "C" NOT NULL,
    source_collection TEXT COLLATE "C" NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (collection_id, artifact_id)
);
