-- How strongly the commands of a tenant have to be confined at least; empty: as for all
-- tenants of the installation.
ALTER TABLE tenants ADD COLUMN min_level TEXT NOT NULL DEFAULT '';

-- How the commands of an execution were confined, and what has shown it; null before it
-- was begun.
ALTER TABLE executions ADD COLUMN isolation TEXT;
