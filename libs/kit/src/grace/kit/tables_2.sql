-- What the kit keeps in the schema of every service since its second edition.

CREATE TABLE consumer_marks (
    consumer  text PRIMARY KEY,
    stream    text NOT NULL,
    created   text NOT NULL,
    sequence  bigint NOT NULL,
    missed    bigint NOT NULL DEFAULT 0,
    missed_at timestamptz,
    CHECK ((missed = 0) = (missed_at IS NULL))
);

CREATE INDEX quarantine_received ON quarantine (received_at);
