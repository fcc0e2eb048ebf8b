-- Every column is nullable, so that memberships made before it survive; a row without a type is
-- not shown until a refresh fills it.
ALTER TABLE collection_artifacts
    ADD COLUMN name TEXT,
    ADD COLUMN sort_name TEXT COLLATE "C",
    ADD COLUMN type TEXT COLLATE "C",
    ADD COLUMN display_name TEXT,
    ADD COLUMN description TEXT,
    ADD COLUMN author TEXT,
    ADD COLUMN license TEXT,
    ADD COLUMN tags_json TEXT,
    ADD COLUMN tools_json TEXT,
    ADD COLUMN version TEXT,
    ADD COLUMN version_spec TEXT,
    ADD COLUMN source TEXT,
    ADD COLUMN origin TEXT COLLATE "C",
    ADD COLUMN origin_source TEXT,
    ADD COLUMN resolved_sha TEXT,
    ADD COLUMN resolved_version TEXT,
    ADD COLUMN path TEXT,
    ADD COLUMN extra_json TEXT,
    ADD COLUMN revision TEXT,
    ADD COLUMN fingerprint TEXT,
    ADD COLUMN health TEXT COLLATE "C",
    ADD COLUMN problem TEXT,
    ADD COLUMN problem_line BIGINT,
    ADD COLUMN updated_at BIGINT,
    ADD COLUMN synced_at BIGINT,
    ADD COLUMN invalidated_at BIGINT,
    ADD COLUMN missing_since BIGINT;

-- The orders of the collection page, visible rows only.
CREATE INDEX collection_artifacts_by_name
    ON collection_artifacts (collection_id, sort_name, artifact_id)
    WHERE type IS NOT NULL AND missing_since IS NULL;
CREATE INDEX collection_artifacts_by_update
    ON collection_artifacts
        (collection_id, COALESCE(updated_at, '-9223372036854775808'::BIGINT) DESC, artifact_id DESC)
    WHERE type IS NOT NULL AND missing_since IS NULL;
-- Everything that is counted: kinds, health, stale rows. An origin is a word of a manifest and may
-- be longer than an index entry.
CREATE INDEX collection_artifacts_counts
    ON collection_artifacts
        (collection_id, type, health, source_collection, synced_at, invalidated_at)
    WHERE type IS NOT NULL AND missing_since IS NULL;
-- From an artifact to the collections that hold it.
CREATE INDEX collection_artifacts_of_artifact ON collection_artifacts (artifact_id, collection_id);
-- What the next scan must read again: as a rule a handful of rows.
CREATE INDEX collection_artifacts_invalidated
    ON collection_artifacts (source_collection, artifact_id)
    WHERE invalidated_at >= synced_at;

CREATE TABLE sources (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    root TEXT NOT NULL,
    layout TEXT NOT NULL CHECK (layout IN ('managed', 'plain')),
    attached BOOLEAN NOT NULL,
    verified_at BIGINT,
    manifest_hash TEXT,
    last_report_json TEXT,
    reported_at BIGINT
);

-- One row for each tag of each visible row. Of a tag only its beginning is in the index: whoever
-- writes one may make it longer than an index entry.
CREATE TABLE artifact_tags (
    collection_id TEXT COLLATE "C" NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    tag TEXT COLLATE "C" NOT NULL,
    sort_name TEXT COLLATE "C" NOT NULL,
    artifact_id TEXT COLLATE "C" NOT NULL
);
CREATE INDEX artifact_tags_by_tag
    ON artifact_tags (collection_id, left(tag, 64), sort_name, artifact_id);
CREATE INDEX artifact_tags_of_artifact ON artifact_tags (artifact_id, collection_id);

-- Rows made before are invisible now.
UPDATE collections SET artifact_count = 0, generation = generation + 1;
