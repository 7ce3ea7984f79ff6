CREATE TABLE tenants (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    plan       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE keys (
    id         TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL REFERENCES tenants (id),
    name       TEXT NOT NULL,
    scopes     TEXT NOT NULL,
    digest     BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

CREATE TABLE runs (
    id            TEXT PRIMARY KEY,
    tenant        TEXT NOT NULL REFERENCES tenants (id),
    kind          TEXT NOT NULL,
    shape         TEXT NOT NULL, -- capabilities, scope and tier: what makes runs comparable
    status        TEXT NOT NULL,
    status_detail TEXT NOT NULL,
    request       TEXT NOT NULL,
    steps         TEXT NOT NULL,
    progress      INTEGER NOT NULL,
    expected_ms   INTEGER NOT NULL,
    output        TEXT,
    error         TEXT,
    created_at    INTEGER NOT NULL,
    started_at    INTEGER,
    completed_at  INTEGER,
    seq           INTEGER NOT NULL DEFAULT 0, -- number of the last event
    input_tokens  INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cached_tokens INTEGER NOT NULL DEFAULT 0,
    cost_usd      REAL    NOT NULL DEFAULT 0,
    model_calls   INTEGER NOT NULL DEFAULT 0,
    tool_calls    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX runs_by_tenant ON runs (tenant, created_at, id);
CREATE INDEX runs_by_tenant_status ON runs (tenant, status, created_at, id);
CREATE INDEX runs_alike ON runs (shape, completed_at) WHERE status = 'completed';
CREATE INDEX runs_queued ON runs (created_at) WHERE status = 'queued';

CREATE TABLE executions (
    id           TEXT PRIMARY KEY,
    run          TEXT NOT NULL REFERENCES runs (id),
    step         TEXT NOT NULL,
    agent        TEXT NOT NULL,
    round        INTEGER NOT NULL,
    status       TEXT NOT NULL,
    phase        TEXT NOT NULL,
    phases       TEXT,
    lease        INTEGER NOT NULL DEFAULT 0,
    base         TEXT NOT NULL,
    result       TEXT,
    error        TEXT,
    created_at   INTEGER NOT NULL,
    started_at   INTEGER,
    completed_at INTEGER
) STRICT;

CREATE INDEX executions_by_run ON executions (run, created_at);
CREATE INDEX executions_by_agent ON executions (agent, completed_at) WHERE status = 'completed';

-- Rows are large, so the table keeps its rowid and the order is an index.
CREATE TABLE events (
    run       TEXT NOT NULL REFERENCES runs (id),
    seq       INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    execution TEXT NOT NULL,
    data      TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX events_in_order ON events (run, seq);

CREATE TABLE artifacts (
    id         TEXT PRIMARY KEY,
    run        TEXT NOT NULL REFERENCES runs (id),
    name       TEXT NOT NULL,
    type       TEXT NOT NULL,
    media_type TEXT NOT NULL,
    path       TEXT NOT NULL,
    size       INTEGER NOT NULL,
    digest     TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX artifacts_by_run ON artifacts (run, name);
