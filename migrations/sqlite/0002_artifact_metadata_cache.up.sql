-- Every column is nullable, so that memberships made before it survive; a row without a type is
-- not shown until a refresh fills it.
ALTER TABLE collection_artifacts ADD COLUMN name TEXT;
ALTER TABLE collection_artifacts ADD COLUMN sort_name TEXT;
ALTER TABLE collection_artifacts ADD COLUMN type TEXT;
ALTER TABLE collection_artifacts ADD COLUMN display_name TEXT;
ALTER TABLE collection_artifacts ADD COLUMN description TEXT;
ALTER TABLE collection_artifacts ADD COLUMN author TEXT;
ALTER TABLE collection_artifacts ADD COLUMN license TEXT;
ALTER TABLE collection_artifacts ADD COLUMN tags_json TEXT;
ALTER TABLE collection_artifacts ADD COLUMN tools_json TEXT;
ALTER TABLE collection_artifacts ADD COLUMN version TEXT;
ALTER TABLE collection_artifacts ADD COLUMN version_spec TEXT;
ALTER TABLE collection_artifacts ADD COLUMN source TEXT;
ALTER TABLE collection_artifacts ADD COLUMN origin TEXT;
ALTER TABLE collection_artifacts ADD COLUMN origin_source TEXT;
ALTER TABLE collection_artifacts ADD COLUMN resolved_sha TEXT;
ALTER TABLE collection_artifacts ADD COLUMN resolved_version TEXT;
ALTER TABLE collection_artifacts ADD COLUMN path TEXT;
ALTER TABLE collection_artifacts ADD COLUMN extra_json TEXT;
ALTER TABLE collection_artifacts ADD COLUMN revision TEXT;
ALTER TABLE collection_artifacts ADD COLUMN fingerprint TEXT;
ALTER TABLE collection_artifacts ADD COLUMN health TEXT;
ALTER TABLE collection_artifacts ADD COLUMN problem TEXT;
ALTER TABLE collection_artifacts ADD COLUMN problem_line INTEGER;
ALTER TABLE collection_artifacts ADD COLUMN updated_at INTEGER;
ALTER TABLE collection_artifacts ADD COLUMN synced_at INTEGER;
ALTER TABLE collection_artifacts ADD COLUMN invalidated_at INTEGER;
ALTER TABLE collection_artifacts ADD COLUMN missing_since INTEGER;

-- The orders of the collection page, visible rows only.
CREATE INDEX collection_artifacts_by_name
    ON collection_artifacts (collection_id, sort_name, artifact_id)
    WHERE type IS NOT NULL AND missing_since IS NULL;
CREATE INDEX collection_artifacts_by_update
    ON collection_artifacts
        (collection_id, COALESCE(updated_at, -9223372036854775808) DESC, artifact_id DESC)
    WHERE type IS NOT NULL AND missing_since IS NULL;
-- Everything that is counted: facets, health, stale rows. SQLite answers from an index alone only
-- where that has every column of the condition too.
CREATE INDEX collection_artifacts_counts
    ON collection_artifacts
        (collection_id, type, health, origin, source_collection, synced_at, invalidated_at,
            missing_since)
    WHERE type IS NOT NULL AND missing_since IS NULL;
-- From an artifact to the collections that hold it.
CREATE INDEX collection_artifacts_of_artifact ON collection_artifacts (artifact_id, collection_id);
-- What the next scan must read again: as a rule a handful of rows.
CREATE INDEX collection_artifacts_invalidated
    ON collection_artifacts (source_collection, artifact_id)
    WHERE invalidated_at >= synced_at;

CREATE TABLE sources (
    name TEXT NOT NULL PRIMARY KEY,
    root TEXT NOT NULL,
    layout TEXT NOT NULL CHECK (layout IN ('managed', 'plain')),
    attached INTEGER NOT NULL,
    verified_at INTEGER,
    manifest_hash TEXT,
    last_report_json TEXT,
    reported_at INTEGER
) STRICT;

-- One row for each tag of each visible row.
CREATE TABLE artifact_tags (
    collection_id TEXT NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    sort_name TEXT NOT NULL,
    artifact_id TEXT NOT NULL,
    PRIMARY KEY (collection_id, tag, sort_name, artifact_id)
) STRICT, WITHOUT ROWID;

-- Rows made before are invisible now.
UPDATE collections SET artifact_count = 0, generation = generation + 1;
