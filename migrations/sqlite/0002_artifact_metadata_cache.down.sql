DROP TABLE artifact_tags;
DROP TABLE sources;

-- One copy, since every DROP COLUMN would write the whole table once more.
CREATE TABLE kept_artifacts (
    collection_id TEXT NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    artifact_id TEXT NOT NULL,
    source_collection TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (collection_id, artifact_id)
) STRICT;
INSERT INTO kept_artifacts (collection_id, artifact_id, source_collection, added_at)
    SELECT collection_id, artifact_id, source_collection, added_at FROM collection_artifacts;
DROP TABLE collection_artifacts;
ALTER TABLE kept_artifacts RENAME TO collection_artifacts;
