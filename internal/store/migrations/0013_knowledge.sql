-- What is remembered of repositories.
CREATE TABLE knowledge (
    id         TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL REFERENCES tenants (id),
    source     TEXT NOT NULL,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL, -- tells it from others of its kind and source
    type       TEXT NOT NULL,
    text       TEXT NOT NULL,
    paths      TEXT,          -- null: none
    confidence REAL NOT NULL,
    successes  INTEGER NOT NULL,
    failures   INTEGER NOT NULL,
    uses       INTEGER NOT NULL,
    origin     TEXT NOT NULL, -- the run that taught it; empty: none did
    edited_by  TEXT NOT NULL, -- the key of the person whose words it has; empty: the platform's
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;

CREATE UNIQUE INDEX knowledge_by_name ON knowledge (tenant, source, kind, name);
CREATE INDEX knowledge_by_tenant ON knowledge (tenant, created_at, id);
CREATE INDEX knowledge_by_kind ON knowledge (tenant, kind, created_at, id);
CREATE INDEX knowledge_by_source ON knowledge (tenant, source, created_at, id);

-- What people have deleted, so that it does not come back: its name, and nothing of
-- what it said.
CREATE TABLE forgotten (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    source TEXT NOT NULL,
    kind   TEXT NOT NULL,
    name   TEXT NOT NULL,
    PRIMARY KEY (tenant, source, kind, name)
) STRICT, WITHOUT ROWID;

-- What runs that are not over were told.
CREATE TABLE told (
    run       TEXT NOT NULL,
    knowledge TEXT NOT NULL REFERENCES knowledge (id) ON DELETE CASCADE,
    PRIMARY KEY (run, knowledge)
) STRICT, WITHOUT ROWID;

CREATE INDEX told_by_knowledge ON told (knowledge);

-- Up to which commit the history of a source was looked at.
CREATE TABLE histories (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    source TEXT NOT NULL,
    head   TEXT NOT NULL,
    PRIMARY KEY (tenant, source)
) STRICT, WITHOUT ROWID;
