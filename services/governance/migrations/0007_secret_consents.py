"""Consents: which operations may use which secrets, each asked for by one and given by another."""

from alembic import op

from grace.kit.migrations import statements

revision = "0007"
down_revision = "0006"

SQL = """
CREATE TABLE secret_consents (
    consent_id   text COLLATE "C" PRIMARY KEY,
    tenant_id    text NOT NULL,
    every_tenant boolean NOT NULL DEFAULT false,
    secret       text NOT NULL CHECK (secret <> ''),
    operation    text NOT NULL CHECK (operation <> ''),
    target       text,
    target_class text,
    status       text NOT NULL
                 CHECK (status IN ('asked', 'open', 'used', 'rejected', 'revoked')),
    one_time     boolean NOT NULL,
    asked_by     text NOT NULL,
    asked_at     timestamptz NOT NULL,
    reason       text NOT NULL,
    lifetime     interval CHECK (lifetime > interval '0'),
    mission_id   text,
    decided_by   text,
    decided_at   timestamptz,
    note         text,
    expires_at   timestamptz,
    used_by      text,
    used_at      timestamptz,
    revoked_by   text,
    revoked_at   timestamptz,
    CHECK ((target IS NULL) <> (target_class IS NULL) OR every_tenant),
    CHECK (status = 'asked' OR decided_by IS NOT NULL OR revoked_by IS NOT NULL),
    CONSTRAINT another_person_consents CHECK (lower(decided_by) <> lower(asked_by)),
    CHECK ((status = 'used') <= (one_time AND used_by IS NOT NULL)),
    CHECK ((status = 'revoked') = (revoked_by IS NOT NULL))
);

COMMENT ON COLUMN secret_consents.secret IS
    'A name of the workers'' targets file; own: what a target''s entry holds without a name.';

CREATE UNIQUE INDEX secret_consents_asked ON secret_consents (
    tenant_id, secret, operation, coalesce(target, ''), coalesce(target_class, '')
) WHERE status = 'asked';

CREATE INDEX secret_consents_held ON secret_consents (consent_id)
    WHERE status IN ('open', 'used');

CREATE INDEX secret_consents_page ON secret_consents (tenant_id, consent_id DESC);

CREATE INDEX secret_consents_everybodys ON secret_consents (consent_id DESC) WHERE every_tenant;

REVOKE UPDATE, DELETE, TRUNCATE ON secret_consents FROM governance;

GRANT UPDATE (status, decided_by, decided_at, note, expires_at, used_by, used_at,
              revoked_by, revoked_at)
    ON secret_consents TO governance;

-- Who writes a password into a target's own entry gives it to the operations of that very target.
INSERT INTO secret_consents (
    consent_id, tenant_id, every_tenant, secret, operation, status, one_time, asked_by, asked_at,
    reason, decided_by, decided_at
)
VALUES (
    'consent-installed', 'default', true, 'own', '*', 'open', false, 'grace', now(),
    'A target''s own credentials, used at that very target by the operations of its kernel.',
    'installation', now()
);
"""


def upgrade() -> None:
    """What ran before runs on: the secrets of the targets that are there have no name of their own."""
    for statement in statements(SQL):
        op.execute(statement)
