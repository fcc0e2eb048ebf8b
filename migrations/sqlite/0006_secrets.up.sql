-- Rows read by earlier versions may hold secrets. What files say of an artifact is emptied, in every
-- collection, and the next read fills it again; the empty revision makes that read a change.
UPDATE collection_artifacts
    SET display_name = NULL, description = NULL, author = NULL, license = NULL, version = NULL,
        tools_json = '[]', extra_json = '{}', version_spec = NULL, source = NULL, origin_source = NULL,
        resolved_sha = NULL, resolved_version = NULL, problem = NULL, problem_line = NULL,
        revision = '', fingerprint = NULL, invalidated_at = synced_at
    WHERE type IS NOT NULL;
DELETE FROM search_documents;
INSERT INTO search_index (search_index) VALUES ('delete-all');
UPDATE sources SET manifest_hash = NULL, last_report_json = NULL, reported_at = NULL;
UPDATE collections SET generation = generation + 1;
