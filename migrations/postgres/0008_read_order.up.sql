-- The order of reads, apart from the wall clock: `ReadOrder` in the domain.
CREATE TABLE read_clock (last_order BIGINT NOT NULL);

DROP INDEX collection_artifacts_counts;
DROP INDEX collection_artifacts_invalidated;
ALTER TABLE collection_artifacts ADD COLUMN read_order BIGINT;
-- Nobody is shown the time of an invalidation: as a number in the order of reads it is compared.
ALTER TABLE collection_artifacts RENAME COLUMN invalidated_at TO invalidated_order;
UPDATE collection_artifacts SET read_order = synced_at;
ALTER TABLE sources ADD COLUMN verified_order BIGINT;
ALTER TABLE sources RENAME COLUMN reported_at TO reported_order;
UPDATE sources SET verified_order = verified_at;

-- Higher than all that an earlier version took for a time, though its clock was ahead.
INSERT INTO read_clock SELECT COALESCE((SELECT MAX(n) FROM (
    SELECT MAX(read_order) AS n FROM collection_artifacts
    UNION ALL SELECT MAX(invalidated_order) FROM collection_artifacts
    UNION ALL SELECT MAX(verified_order) FROM sources
    UNION ALL SELECT MAX(reported_order) FROM sources) AS numbers), 0);

CREATE INDEX collection_artifacts_counts
    ON collection_artifacts
        (collection_id, type, health, source_collection, synced_at, read_order, invalidated_order)
    WHERE type IS NOT NULL AND missing_since IS NULL;
-- What the next scan must read again: as a rule a handful of rows.
CREATE INDEX collection_artifacts_invalidated
    ON collection_artifacts (source_collection, artifact_id)
    WHERE invalidated_order >= read_order;
