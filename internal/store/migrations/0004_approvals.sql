CREATE TABLE approvals (
    id         TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL REFERENCES tenants (id),
    run        TEXT NOT NULL REFERENCES runs (id),
    step       TEXT NOT NULL,
    question   TEXT NOT NULL,
    reason     TEXT NOT NULL,
    risk       TEXT NOT NULL,
    status     TEXT NOT NULL,
    otherwise  TEXT NOT NULL, -- the status when the deadline passes
    evidence   TEXT,
    changed    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    deadline   INTEGER NOT NULL,
    decision   TEXT
) STRICT;

CREATE INDEX approvals_by_tenant ON approvals (tenant, created_at, id);
CREATE INDEX approvals_by_status ON approvals (tenant, status, created_at, id);
CREATE INDEX approvals_pending_by_run ON approvals (run) WHERE status = 'pending';
CREATE INDEX approvals_pending_by_deadline ON approvals (deadline) WHERE status = 'pending';

ALTER TABLE runs ADD COLUMN resumes TEXT NOT NULL DEFAULT ''; -- the run whose completed steps it took over
