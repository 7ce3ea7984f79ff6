CREATE TABLE hooks (
    id            TEXT PRIMARY KEY,
    tenant        TEXT NOT NULL REFERENCES tenants (id),
    url           TEXT NOT NULL,
    events        TEXT NOT NULL,
    description   TEXT NOT NULL,
    disabled      TEXT NOT NULL, -- why; empty: it is not
    failing_since INTEGER,
    failures      INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX hooks_by_tenant ON hooks (tenant, created_at, id);

-- What signs for a hook, or for the callbacks of a tenant. Sealed: see package secret.
CREATE TABLE secrets (
    owner    TEXT PRIMARY KEY,
    sealed   BLOB NOT NULL,
    previous BLOB,
    until    INTEGER -- how long the previous one signs as well
) STRICT;

-- What hooks are to be told, written with what they are told of. A row begins due,
-- or waits for the pending one before it of the same hook and run.
CREATE TABLE deliveries (
    number    INTEGER PRIMARY KEY, -- the order in which things happened
    id        TEXT NOT NULL UNIQUE,
    hook      TEXT NOT NULL, -- empty: the callback of the run
    tenant    TEXT NOT NULL REFERENCES tenants (id),
    run       TEXT NOT NULL, -- empty: it tells of no run
    type      TEXT NOT NULL,
    at        INTEGER NOT NULL,
    status    TEXT NOT NULL,
    attempts  INTEGER NOT NULL DEFAULT 0,
    next_at   INTEGER,
    until     INTEGER NOT NULL,
    last_at   INTEGER, -- of the last attempt, as all that follows
    took_us   INTEGER NOT NULL DEFAULT 0,
    code      INTEGER NOT NULL DEFAULT 0,
    answer    TEXT NOT NULL DEFAULT '',
    problem   TEXT NOT NULL DEFAULT '',
    snapshot  TEXT NOT NULL DEFAULT '', -- of the run as it was then
    approval  TEXT NOT NULL DEFAULT ''  -- the question that it tells of, or that waited then
) STRICT;

-- What deliveries tell of, once for all that tell of the same moment.
CREATE TABLE snapshots (
    id        TEXT PRIMARY KEY,
    at        INTEGER NOT NULL,
    state     TEXT NOT NULL, -- the run
    artifacts TEXT NOT NULL
) STRICT;

CREATE INDEX snapshots_by_age ON snapshots (at);

CREATE INDEX deliveries_due ON deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX deliveries_pending ON deliveries (hook, run) WHERE status = 'pending';
CREATE INDEX deliveries_by_hook ON deliveries (tenant, hook, at, id);
CREATE INDEX deliveries_by_snapshot ON deliveries (snapshot);
CREATE INDEX deliveries_by_age ON deliveries (at) WHERE status <> 'pending';
