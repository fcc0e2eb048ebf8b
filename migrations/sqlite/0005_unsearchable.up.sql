-- What was invalidated and is the same is not written again: an artifact that was cached before there
-- were documents must become another one to get its own.
UPDATE collection_artifacts SET revision = '', invalidated_at = synced_at
    WHERE type IS NOT NULL AND NOT EXISTS (SELECT 1 FROM search_documents d
        WHERE d.source_collection = collection_artifacts.source_collection
            AND d.artifact_id = collection_artifacts.artifact_id);
UPDATE collections SET generation = generation + 1
    WHERE id IN (SELECT collection_id FROM collection_artifacts WHERE revision = '');
