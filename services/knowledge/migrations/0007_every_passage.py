"""Every passage waits for its vector, whichever release stores it."""

from alembic import op

from grace.kit.migrations import statements

revision = "0007"
down_revision = "0006"

# Releases from before migration 0003 go on storing passages until their last process has ended, and know nothing of
# vectors. To make a trigger waits for those who are storing some now: after it every passage is seen.
SQL = """
CREATE FUNCTION await_vectors() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO embeddings (artifact_id, position, tenant_id)
    SELECT artifact_id, position, tenant_id FROM stored
        ON CONFLICT (artifact_id, position) DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER await_vectors
    AFTER INSERT ON chunks REFERENCING NEW TABLE AS stored
    FOR EACH STATEMENT EXECUTE FUNCTION await_vectors();

INSERT INTO embeddings (artifact_id, position, tenant_id)
SELECT artifact_id, position, tenant_id FROM chunks c
 WHERE NOT EXISTS (SELECT FROM embeddings e WHERE e.artifact_id = c.artifact_id AND e.position = c.position);
"""


def upgrade() -> None:
    """Let what is stored wait by itself, and what was passed over."""
    for statement in statements(SQL):
        op.execute(statement)
