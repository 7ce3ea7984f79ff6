-- How far the agent may go in an execution, as it was when that began.
ALTER TABLE executions ADD COLUMN mode TEXT NOT NULL DEFAULT 'ASSISTED';
