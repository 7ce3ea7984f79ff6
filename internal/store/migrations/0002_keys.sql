-- The operator's tenant sees all tenants; it is the one the first key was made for.
ALTER TABLE tenants ADD COLUMN operator INTEGER NOT NULL DEFAULT 0;
UPDATE tenants SET operator = 1 WHERE name = 'admin';

ALTER TABLE keys ADD COLUMN expires_at INTEGER;
ALTER TABLE keys ADD COLUMN last_used_at INTEGER;
ALTER TABLE keys ADD COLUMN old_digest BLOB; -- of the secret before the last rotation
ALTER TABLE keys ADD COLUMN old_until INTEGER;

CREATE INDEX tenants_by_age ON tenants (created_at, id);
CREATE INDEX keys_by_tenant ON keys (tenant, created_at, id);

-- How many requests a tenant was granted: in a clock hour, and in a clock minute of it.
CREATE TABLE rates (
    tenant        TEXT PRIMARY KEY REFERENCES tenants (id),
    hour          INTEGER NOT NULL, -- hours since 1970
    hour_granted  INTEGER NOT NULL,
    minute        INTEGER NOT NULL, -- minutes since 1970
    minute_granted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Answers to requests that brought an Idempotency-Key.
CREATE TABLE answers (
    tenant     TEXT NOT NULL REFERENCES tenants (id),
    key        BLOB NOT NULL, -- digest of the Idempotency-Key
    request    BLOB NOT NULL, -- digest of the request
    answer     BLOB NOT NULL, -- sealed: it may hold a secret
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT;

CREATE INDEX answers_by_age ON answers (created_at);
