-- Questions that executions ask in the middle of their work.
ALTER TABLE approvals ADD COLUMN execution TEXT NOT NULL DEFAULT ''; -- that waits; empty: the step has not begun
ALTER TABLE approvals ADD COLUMN topic TEXT NOT NULL DEFAULT '';
ALTER TABLE approvals ADD COLUMN kind TEXT NOT NULL DEFAULT 'step';
CREATE UNIQUE INDEX approvals_by_topic ON approvals (execution, topic) WHERE execution <> '';
