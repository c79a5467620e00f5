"""Change freezes: when plans for which targets wait."""

from alembic import op

from grace.kit.migrations import statements

revision = "0005"
down_revision = "0004"

SQL = """
CREATE TABLE freezes (
    freeze_id   text COLLATE "C" PRIMARY KEY,
    tenant_id   text NOT NULL,
    reason      text NOT NULL CHECK (reason <> ''),
    mode        text NOT NULL CHECK (mode IN ('wait', 'ask')),
    target      text,
    kind        text,
    environment text,
    starts_at   timestamptz,
    ends_at     timestamptz,
    timezone    text,
    days        text[],
    from_time   time,
    until_time  time,
    declared_by text NOT NULL,
    declared_at timestamptz NOT NULL,
    ended_by    text,
    ended_at    timestamptz,
    CHECK (ends_at > starts_at),
    CHECK (num_nonnulls(timezone, days, from_time, until_time) IN (0, 4)),
    CHECK (timezone IS NOT NULL OR ends_at IS NOT NULL),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);

COMMENT ON TABLE freezes IS
    'Nothing is planned for these targets meanwhile; null fields hold for every target, without days it is one window.';

CREATE INDEX freezes_current ON freezes (tenant_id, freeze_id) WHERE ended_at IS NULL;

REVOKE DELETE, TRUNCATE ON freezes FROM intent;
"""


def upgrade() -> None:
    """Make the table of freezes."""
    for statement in statements(SQL):
        op.execute(statement)
