DROP TABLE collection_artifacts;
DROP TABLE collections;
