DROP INDEX collection_artifacts_counts;
DROP INDEX collection_artifacts_invalidated;
-- Orders may be ahead of all clocks: what was invalidated stays so by the times.
ALTER TABLE collection_artifacts RENAME COLUMN invalidated_order TO invalidated_at;
UPDATE collection_artifacts
    SET invalidated_at = CASE WHEN invalidated_at >= read_order THEN synced_at END;
ALTER TABLE collection_artifacts DROP COLUMN read_order;
ALTER TABLE sources RENAME COLUMN reported_order TO reported_at;
ALTER TABLE sources DROP COLUMN verified_order;
DROP TABLE read_clock;

CREATE INDEX collection_artifacts_counts
    ON collection_artifacts
        (collection_id, type, health, source_collection, synced_at, invalidated_at)
    WHERE type IS NOT NULL AND missing_since IS NULL;
CREATE INDEX collection_artifacts_invalidated
    ON collection_artifacts (source_collection, artifact_id)
    WHERE invalidated_at >= synced_at;
