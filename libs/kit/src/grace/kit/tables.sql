-- What the kit keeps in the schema of every service.

CREATE TABLE outbox (
    position       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id             uuid NOT NULL UNIQUE,
    subject        text NOT NULL,
    stream         text NOT NULL,
    schema         text NOT NULL,
    tenant_id      text NOT NULL,
    correlation_id text NOT NULL,
    traceparent    text,
    body           bytea NOT NULL,
    key_id         text NOT NULL,
    signature      bytea NOT NULL,
    audited        boolean NOT NULL,
    audit_no       bigint UNIQUE,
    created_at     timestamptz NOT NULL DEFAULT now(),
    sent_at        timestamptz
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);

CREATE INDEX outbox_unsent ON outbox (position) WHERE sent_at IS NULL;

CREATE INDEX outbox_unnumbered ON outbox (position) WHERE audited AND audit_no IS NULL;

CREATE TABLE inbox (
    consumer    text NOT NULL,
    message_id  uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
) WITH (autovacuum_vacuum_scale_factor = 0.01);

CREATE INDEX inbox_received ON inbox (received_at);

CREATE TABLE relay_streams (
    stream        text PRIMARY KEY,
    created       text NOT NULL,
    last_sequence bigint NOT NULL
);

CREATE TABLE relay_audit (
    only_row     boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    last_no      bigint NOT NULL DEFAULT 0,
    acknowledged bigint NOT NULL DEFAULT 0
);

INSERT INTO relay_audit DEFAULT VALUES;

CREATE TABLE quarantine (
    id          uuid PRIMARY KEY,
    subject     text NOT NULL,
    message_id  text,
    consumer    text NOT NULL,
    reason      text NOT NULL,
    detail      text NOT NULL,
    headers     jsonb NOT NULL,
    body        bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);
