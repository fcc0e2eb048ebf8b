-- Which disks a source was read from: its directory, the one above it, and mounts below.
ALTER TABLE sources ADD COLUMN disks_json TEXT;
