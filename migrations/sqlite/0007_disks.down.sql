ALTER TABLE sources DROP COLUMN disks_json;
