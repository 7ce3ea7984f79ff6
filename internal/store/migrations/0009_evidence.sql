-- The keys that sign evidence. The one that is not retired signs; the others stay, for
-- what they signed is checked with them. The private part is sealed: see package secret.
CREATE TABLE signing_keys (
    id         TEXT PRIMARY KEY,
    public     BLOB NOT NULL,
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;

CREATE UNIQUE INDEX signing_keys_one_signs ON signing_keys ((retired_at IS NULL)) WHERE retired_at IS NULL;
