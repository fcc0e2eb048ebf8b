-- The next read fills the rows again.
SELECT 1;
