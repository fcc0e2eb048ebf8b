-- One document for each artifact of a source, however many collections hold it. The words are cut
-- before they get here, and stored as they are.
CREATE TABLE search_documents (
    source_collection TEXT COLLATE "C" NOT NULL,
    artifact_id TEXT COLLATE "C" NOT NULL,
    name_words TSVECTOR NOT NULL,
    all_words TSVECTOR NOT NULL,
    PRIMARY KEY (source_collection, artifact_id)
);

CREATE INDEX search_documents_words ON search_documents USING GIN (all_words);

-- Artifacts cached before have no document: the next refresh must read them again.
UPDATE collection_artifacts SET invalidated_at = synced_at
    WHERE invalidated_at IS NULL OR invalidated_at < synced_at;
UPDATE collections SET generation = generation + 1;
