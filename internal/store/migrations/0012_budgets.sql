-- What a tenant may use in a month; null: what all may that have nothing of their own.
ALTER TABLE tenants ADD COLUMN month_usd REAL;
ALTER TABLE tenants ADD COLUMN month_tokens INTEGER;

-- What calls of models cost at worst that are under way: one at a time for an execution.
CREATE TABLE reservations (
    execution TEXT PRIMARY KEY REFERENCES executions (id),
    lease     INTEGER NOT NULL, -- whose call it is
    run       TEXT NOT NULL,
    tenant    TEXT NOT NULL,
    tokens    INTEGER NOT NULL,
    cost_usd  REAL NOT NULL,
    lost      TEXT NOT NULL -- what counts if nobody comes back from the call
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_by_cause (
    tenant        TEXT NOT NULL REFERENCES tenants (id),
    day           TEXT NOT NULL, -- 2026-01-31, UTC
    agent         TEXT NOT NULL,
    model         TEXT NOT NULL,
    phase         TEXT NOT NULL, -- empty: from before this was kept, as the cause
    cause         TEXT NOT NULL,
    input_tokens  INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    cost_usd      REAL NOT NULL,
    model_calls   INTEGER NOT NULL,
    PRIMARY KEY (tenant, day, agent, model, phase, cause)
) STRICT, WITHOUT ROWID;

INSERT INTO usage_by_cause
SELECT tenant, day, agent, model, '', '', input_tokens, output_tokens, cached_tokens, cost_usd, model_calls FROM usage;
DROP TABLE usage;
ALTER TABLE usage_by_cause RENAME TO usage;
