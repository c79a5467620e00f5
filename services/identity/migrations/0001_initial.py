"""The key store, the registry and the immutable log."""

from alembic import op

from grace.kit.migrations import kit_tables, statements

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE component_crypto_identities (
    key_id     text PRIMARY KEY,
    component  text NOT NULL,
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    status     text NOT NULL CHECK (status IN ('active', 'retired', 'revoked')),
    reason     text NOT NULL,
    previous   text REFERENCES component_crypto_identities,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    announced  boolean NOT NULL DEFAULT false
);

CREATE UNIQUE INDEX one_active_key ON component_crypto_identities (component) WHERE status = 'active';

CREATE TABLE crypto_key_store (
    key_id      text PRIMARY KEY REFERENCES component_crypto_identities,
    component   text NOT NULL,
    suite       text NOT NULL CHECK (suite IN ('aes-256-gcm', 'fernet')),
    wrapped_key bytea NOT NULL,
    ciphertext  bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE immutable_log (
    log_index  bigint PRIMARY KEY,
    producer   text NOT NULL,
    audit_no   bigint NOT NULL,
    message_id uuid NOT NULL,
    subject    text NOT NULL,
    body       bytea NOT NULL,
    key_id     text NOT NULL,
    signature  bytea NOT NULL,
    leaf_hash  bytea NOT NULL CHECK (length(leaf_hash) = 32),
    at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (producer, audit_no)
);

CREATE INDEX immutable_log_message ON immutable_log (message_id);

CREATE TABLE log_subtrees (
    level   smallint NOT NULL,
    index   bigint NOT NULL,
    hash    bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, index)
);

CREATE TABLE log_state (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    size     bigint NOT NULL DEFAULT 0,
    edge     bytea[] NOT NULL DEFAULT '{}'
);

INSERT INTO log_state DEFAULT VALUES;

CREATE TABLE log_producers (
    producer   text PRIMARY KEY,
    contiguous bigint NOT NULL
);

CREATE TABLE checkpoints (
    size       bigint PRIMARY KEY,
    root       bytea NOT NULL CHECK (length(root) = 32),
    note       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

REVOKE UPDATE, DELETE ON immutable_log, log_subtrees, checkpoints FROM identity;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the immutable log only grows';
END $$;

CREATE TRIGGER immutable_log_row BEFORE UPDATE OR DELETE ON immutable_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER immutable_log_table BEFORE TRUNCATE ON immutable_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    """Make the tables; the log's own take no change but growth."""
    for statement in [*kit_tables(), *statements(TABLES)]:
        op.execute(statement)
