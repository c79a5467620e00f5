"""The ladder of autonomy, standing approvals, and what was changed without asking."""

from alembic import op

from grace.kit.migrations import statements

revision = "0006"
down_revision = "0005"

SQL = """
CREATE TABLE autonomy_levels (
    tenant_id    text NOT NULL,
    playbook     text NOT NULL,
    target_class text NOT NULL,
    level        text NOT NULL CHECK (level IN ('off', 'suggest', 'approve', 'auto')),
    version      integer NOT NULL,
    verified     integer NOT NULL DEFAULT 0 CHECK (verified >= 0),
    failed       integer NOT NULL DEFAULT 0 CHECK (failed >= 0),
    changed_at   timestamptz,
    changed_by   text NOT NULL,
    reason       text NOT NULL,
    PRIMARY KEY (tenant_id, playbook, target_class)
);

CREATE TABLE autonomy_changes (
    tenant_id    text NOT NULL,
    playbook     text NOT NULL,
    target_class text NOT NULL,
    version      integer NOT NULL,
    level        text NOT NULL,
    changed_at   timestamptz NOT NULL,
    changed_by   text NOT NULL,
    reason       text NOT NULL,
    PRIMARY KEY (tenant_id, playbook, target_class, version)
);

CREATE TABLE autonomy_outcomes (
    contract_id  text PRIMARY KEY,
    revision     integer NOT NULL,
    verdict      text NOT NULL,
    executed     boolean NOT NULL,
    counted_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE standing_approvals (
    standing_id  text COLLATE "C" PRIMARY KEY,
    tenant_id    text NOT NULL,
    playbook     text NOT NULL,
    target_class text NOT NULL,
    given_by     text NOT NULL,
    given_at     timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL CHECK (expires_at > given_at),
    budget       integer NOT NULL CHECK (budget > 0),
    used         integer NOT NULL DEFAULT 0,
    reason       text NOT NULL CHECK (reason <> ''),
    revoked_at   timestamptz,
    revoked_by   text,
    CHECK (used BETWEEN 0 AND budget),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);

CREATE INDEX standing_approvals_open ON standing_approvals (tenant_id, playbook, target_class)
    WHERE revoked_at IS NULL;

CREATE INDEX standing_approvals_page ON standing_approvals (tenant_id, standing_id DESC);

CREATE TABLE unattended_changes (
    approval_id  text COLLATE "C" NOT NULL REFERENCES approval_requests,
    standing_id  text COLLATE "C" NOT NULL REFERENCES standing_approvals,
    tenant_id    text NOT NULL,
    target_class text NOT NULL,
    changes      integer NOT NULL CHECK (changes > 0),
    granted_at   timestamptz NOT NULL,
    PRIMARY KEY (approval_id, standing_id)
);

CREATE INDEX unattended_changes_recent ON unattended_changes (tenant_id, target_class, granted_at);

REVOKE UPDATE, DELETE, TRUNCATE ON autonomy_changes, unattended_changes FROM governance;

REVOKE DELETE, TRUNCATE ON autonomy_levels, standing_approvals FROM governance;
"""


def upgrade() -> None:
    """Everybody stands at `approve`: what ran at once before does so still."""
    for statement in statements(SQL):
        op.execute(statement)
