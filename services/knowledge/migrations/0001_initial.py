"""Artifacts, the passages they are cut into, and the keys of requests."""

from alembic import op

from grace.kit.migrations import kit_tables, statements

revision = "0001"
down_revision = None

# The cast from a name to a configuration is only stable, since somebody could make another one of
# that name; in pg_catalog nobody does. A column of type regconfig would keep pg_upgrade away.
SQL = """
CREATE FUNCTION terms_of(language text, words text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN pg_catalog.to_tsvector(CAST('pg_catalog.' || language AS pg_catalog.regconfig), words);

CREATE TABLE artifacts (
    id              uuid PRIMARY KEY,
    tenant_id       text COLLATE "C" NOT NULL DEFAULT 'default',
    title           text NOT NULL CHECK (length(title) BETWEEN 1 AND 500),
    artifact_type   text NOT NULL,
    actor           text NOT NULL,
    content         text NOT NULL,
    content_hash    text COLLATE "C" NOT NULL CHECK (length(content_hash) = 64),
    data_size_bytes bigint NOT NULL CHECK (data_size_bytes = octet_length(content)),
    origin          text NOT NULL,
    language        text COLLATE "C" NOT NULL,
    version         bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, content_hash)
);

CREATE INDEX artifacts_language ON artifacts (tenant_id, language);

CREATE TABLE chunks (
    artifact_id  uuid NOT NULL REFERENCES artifacts (id),
    position     bigint NOT NULL CHECK (position >= 0),
    tenant_id    text COLLATE "C" NOT NULL DEFAULT 'default',
    language     text COLLATE "C" NOT NULL,
    heading      text NOT NULL,
    start_offset bigint NOT NULL,
    end_offset   bigint NOT NULL,
    text         text NOT NULL CHECK (length(text) = end_offset - start_offset),
    terms        tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(terms_of(language, heading), 'A') || terms_of(language, text)
    ) STORED,
    PRIMARY KEY (artifact_id, position)
);

CREATE INDEX chunks_terms ON chunks USING gin (terms);
CREATE INDEX chunks_tenant ON chunks (tenant_id);
CREATE INDEX chunks_silent ON chunks (tenant_id) WHERE terms = '';

CREATE TABLE ingest_keys (
    tenant_id    text COLLATE "C" NOT NULL DEFAULT 'default',
    key          text COLLATE "C" NOT NULL,
    request_hash text COLLATE "C" NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, key)
);

REVOKE UPDATE, DELETE, TRUNCATE ON artifacts, chunks, ingest_keys FROM knowledge;
"""


def upgrade() -> None:
    """Create the tables of the kit and of this service."""
    for statement in (*kit_tables(), *statements(SQL)):
        op.execute(statement)
