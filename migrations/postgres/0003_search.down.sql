DROP TABLE search_documents;
-- What is invalidated is read again, and written only if it is another one: without a document every
-- row must be written.
UPDATE collection_artifacts SET revision = '' WHERE revision IS NOT NULL;
