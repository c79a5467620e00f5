"""How far the log knows of a key: not at all, that it is there, or that it has ended.

What is there already has to be recorded, which needs identity's own key: it does that at its next start.
"""

from alembic import op

from grace.kit.migrations import statements

revision = "0002"
down_revision = "0001"

SQL = """
ALTER TABLE component_crypto_identities
    ADD COLUMN recorded text NOT NULL DEFAULT 'none' CHECK (recorded IN ('none', 'registered', 'ended'));
"""


def upgrade() -> None:
    """Let the keys that an older replica makes meanwhile be found, too: they are `none`."""
    for statement in statements(SQL):
        op.execute(statement)
