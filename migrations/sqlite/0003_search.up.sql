-- One document for each artifact of a source, however many collections hold it. The words are cut
-- before they get here, in lower case; every word of the name stands between two spaces.
CREATE TABLE search_documents (
    id INTEGER PRIMARY KEY,
    source_collection TEXT NOT NULL,
    artifact_id TEXT NOT NULL,
    name_words TEXT NOT NULL,
    all_words TEXT NOT NULL,
    UNIQUE (source_collection, artifact_id)
) STRICT;

CREATE VIRTUAL TABLE search_index USING fts5 (
    all_words,
    content = '',
    contentless_delete = 1,
    detail = none,
    tokenize = 'ascii'
);

-- Artifacts cached before have no document: the next refresh must read them again.
UPDATE collection_artifacts SET invalidated_at = synced_at
    WHERE invalidated_at IS NULL OR invalidated_at < synced_at;
UPDATE collections SET generation = generation + 1;
