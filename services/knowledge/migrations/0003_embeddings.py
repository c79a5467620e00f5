"""Vectors of passages, and their index where PostgreSQL has pgvector."""

from alembic import op

from grace.kit.migrations import statements

revision = "0003"
down_revision = "0002"

# Vectors are plain arrays, so that the table is the same with and without the extension. The index is of 384
# dimensions, as every vector is.
SQL = """
CREATE TABLE embeddings (
    artifact_id uuid NOT NULL,
    position    bigint NOT NULL,
    tenant_id   text COLLATE "C" NOT NULL,
    embedder    text COLLATE "C",
    embedding   real[] CHECK (cardinality(embedding) = 384),
    embedded_at timestamptz,
    attempts    integer NOT NULL DEFAULT 0,
    failure     text,
    next_at     timestamptz DEFAULT now(),
    PRIMARY KEY (artifact_id, position),
    FOREIGN KEY (artifact_id, position) REFERENCES chunks,
    CHECK ((embedding IS NULL) = (embedder IS NULL)),
    CHECK ((embedding IS NULL) = (embedded_at IS NULL)),
    CHECK (embedding IS NULL OR next_at IS NULL)
);

CREATE INDEX embeddings_waiting ON embeddings (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX embeddings_tenant ON embeddings (tenant_id, embedder);
CREATE INDEX embeddings_embedder ON embeddings (embedder);

REVOKE DELETE, TRUNCATE ON embeddings FROM knowledge;

INSERT INTO embeddings (artifact_id, position, tenant_id) SELECT artifact_id, position, tenant_id FROM chunks;
"""

# Who migrates is an administrator, in the role of the schema's owner, who may make no extension. Nor may an
# administrator everywhere: then passages are found by their words.
EXTENSION = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') THEN
        CREATE EXTENSION IF NOT EXISTS vector SCHEMA knowledge;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'pgvector may not be installed by this role: passages are found by their words';
END $$;
"""

# pgvector has had this index since its version 0.5. Where it is older nothing is embedded (`has_vectors`).
INDEX = """
DO $$ BEGIN
    IF to_regtype('vector') IS NOT NULL AND EXISTS (SELECT FROM pg_am WHERE amname = 'hnsw') THEN
        EXECUTE 'CREATE INDEX embeddings_nearest ON embeddings
                  USING hnsw (CAST(embedding AS vector(384)) vector_cosine_ops)';
    END IF;
END $$;
"""


def upgrade() -> None:
    """Let every passage wait for its vector."""
    for statement in statements(SQL):
        op.execute(statement)
    op.execute("RESET ROLE")
    op.execute(EXTENSION)
    op.execute("SET LOCAL ROLE knowledge_owner")
    op.execute(INDEX)
