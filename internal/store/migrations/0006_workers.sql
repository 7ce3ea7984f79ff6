-- Processes that carry out executions, by their own word.
CREATE TABLE workers (
    id      TEXT PRIMARY KEY,
    host    TEXT NOT NULL,
    slots   INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    until   INTEGER NOT NULL -- if it is not seen again by then, it is dead
) STRICT;

ALTER TABLE runs ADD COLUMN mode TEXT NOT NULL DEFAULT 'ASSISTED';
ALTER TABLE runs ADD COLUMN retry_of TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN priority TEXT NOT NULL DEFAULT '';
UPDATE runs SET priority = request ->> 'priority';

-- Lists show runs of one kind; what is under way and what waits is of any.
DROP INDEX runs_by_tenant;
DROP INDEX runs_by_tenant_status;
CREATE INDEX runs_by_kind ON runs (tenant, kind, created_at, id);
CREATE INDEX runs_by_kind_status ON runs (tenant, kind, status, created_at, id);
CREATE INDEX runs_active ON runs (tenant, created_at, id)
    WHERE status IN ('in_progress', 'awaiting_approval', 'waiting_provider');
DROP INDEX runs_queued;
CREATE INDEX runs_queued ON runs (priority, created_at, id) WHERE status = 'queued';
CREATE INDEX runs_queued_by_tenant ON runs (tenant, priority, created_at) WHERE status = 'queued';

-- What is told of agents is counted from their executions, without reading those:
-- the indexes hold all that is counted.
ALTER TABLE executions ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
ALTER TABLE executions ADD COLUMN worker TEXT NOT NULL DEFAULT ''; -- who took it last
ALTER TABLE executions ADD COLUMN input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN output_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN cached_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN cost_usd REAL NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN model_calls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN tool_calls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN confidence REAL;
UPDATE executions SET tenant = (SELECT tenant FROM runs WHERE runs.id = run), confidence = result ->> 'confidence';
CREATE INDEX executions_under_way ON executions (tenant, agent, status, worker, started_at, run)
    WHERE status IN ('pending', 'running');
CREATE INDEX executions_ended ON executions (tenant, agent, completed_at, status, started_at, confidence)
    WHERE status IN ('completed', 'failed');

ALTER TABLE artifacts ADD COLUMN execution TEXT NOT NULL DEFAULT ''; -- whose work it is; empty: the whole run's
