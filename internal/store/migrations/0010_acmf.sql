-- How mature agents are for a tenant: what was counted since they gained or lost their mode.
CREATE TABLE maturity (
    tenant            TEXT NOT NULL REFERENCES tenants (id),
    agent             TEXT NOT NULL,
    mode              TEXT NOT NULL, -- empty: nothing was counted yet, the agent is where agents start
    since             INTEGER,       -- null: it started there
    tasks             INTEGER NOT NULL,
    successes         INTEGER NOT NULL,
    successes_in_a_row INTEGER NOT NULL,
    failures_in_a_row INTEGER NOT NULL,
    overrides         INTEGER NOT NULL,
    confidence        INTEGER NOT NULL, -- of the successes, in millionths
    PRIMARY KEY (tenant, agent)
) STRICT, WITHOUT ROWID;

-- Modes that were gained and lost, and what led to it.
CREATE TABLE mode_changes (
    number    INTEGER PRIMARY KEY,
    tenant    TEXT NOT NULL REFERENCES tenants (id),
    agent     TEXT NOT NULL,
    run       TEXT NOT NULL,
    execution TEXT NOT NULL, -- the last that was counted
    at        INTEGER NOT NULL,
    change    TEXT NOT NULL  -- from what, to what, and all that was counted
) STRICT;

CREATE INDEX mode_changes_by_agent ON mode_changes (tenant, agent, number);

-- Training credits: what the commits of a source are worth to agents of a capability.
CREATE TABLE credits (
    tenant     TEXT NOT NULL REFERENCES tenants (id),
    capability TEXT NOT NULL,
    source     TEXT NOT NULL,
    credits    REAL NOT NULL,
    at         INTEGER NOT NULL,
    history    TEXT NOT NULL, -- from what they were reckoned
    PRIMARY KEY (tenant, capability, source)
) STRICT, WITHOUT ROWID;

-- What people said of work that is over.
CREATE TABLE feedback (
    id         TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL REFERENCES tenants (id),
    run        TEXT NOT NULL REFERENCES runs (id),
    about      TEXT NOT NULL, -- executions and their agents
    signal     TEXT NOT NULL,
    decision   TEXT NOT NULL, -- who said it, and why
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX feedback_by_tenant ON feedback (tenant, created_at, id);

ALTER TABLE executions ADD COLUMN copy_of TEXT NOT NULL DEFAULT '';  -- where it was done, if a resumed run took it over
ALTER TABLE executions ADD COLUMN overridden INTEGER NOT NULL DEFAULT 0; -- whether a person decided otherwise
ALTER TABLE executions ADD COLUMN feedback TEXT NOT NULL DEFAULT '';  -- what a person said of it

-- A copy is older than the run that it is in.
UPDATE executions SET copy_of = coalesce((
    SELECT first.id FROM runs JOIN executions AS first ON first.run = runs.resumes
    WHERE runs.id = executions.run AND first.step = executions.step AND first.round = executions.round AND first.created_at = executions.created_at), id)
WHERE created_at < (SELECT runs.created_at FROM runs WHERE runs.id = run);

-- What was taken over is counted where it was done, and confidence with the maturity.
DROP INDEX executions_ended;
ALTER TABLE executions DROP COLUMN confidence;
CREATE INDEX executions_ended ON executions (tenant, agent, completed_at, status, started_at)
    WHERE status IN ('completed', 'failed') AND copy_of = '';
