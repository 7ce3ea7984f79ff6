-- What the executions that are over have used. Of those under way, the log tells.
CREATE TABLE usage (
    tenant        TEXT NOT NULL REFERENCES tenants (id),
    day           TEXT NOT NULL, -- 2026-01-31, UTC
    agent         TEXT NOT NULL,
    model         TEXT NOT NULL,
    input_tokens  INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    cost_usd      REAL NOT NULL,
    model_calls   INTEGER NOT NULL,
    PRIMARY KEY (tenant, day, agent, model)
) STRICT, WITHOUT ROWID;
