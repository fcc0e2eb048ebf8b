-- From a file that was written to the artifacts that were read from it.
CREATE INDEX collection_artifacts_by_path ON collection_artifacts (collection_id, path)
    WHERE type IS NOT NULL;
