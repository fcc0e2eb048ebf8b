-- The next read gives the rows their revisions back.
SELECT 1;
