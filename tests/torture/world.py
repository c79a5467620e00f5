"""The oracle's own tables in the database: what workers did, and every move that htm's rows made.

The triggers only write down; none of them helps htm to be right.
"""

MAKE = """
CREATE SCHEMA torture;

-- What a kernel's receipts are: who may act for a task, and whether it is done.
CREATE TABLE torture.receipts (
    task_id uuid PRIMARY KEY, attempt_number integer NOT NULL, worker_id text NOT NULL,
    completed_at timestamptz
);

-- The world outside: nothing here keeps a second effect out, so that it would be seen.
CREATE TABLE torture.effects (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, task_id uuid NOT NULL,
    attempt_number integer NOT NULL, worker_id text NOT NULL, granted integer NOT NULL
);

-- What workers were about to report.
CREATE TABLE torture.reports (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, task_id uuid NOT NULL,
    attempt_number integer NOT NULL, worker_id text NOT NULL, status text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE torture.moves (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, task_id uuid NOT NULL,
    old text, new text NOT NULL, attempt_number integer NOT NULL, print text NOT NULL
);

CREATE FUNCTION torture.note_move() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO torture.moves (task_id, old, new, attempt_number, print)
    VALUES (NEW.id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END, NEW.status,
            NEW.attempt_number, md5(NEW::text));
    RETURN NULL;
END
$$;

CREATE TRIGGER torture_taken_in AFTER INSERT ON htm.htm_tasks
    FOR EACH ROW EXECUTE FUNCTION torture.note_move();

CREATE TRIGGER torture_moved AFTER UPDATE ON htm.htm_tasks
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION torture.note_move();

-- A slow disk: transactions that tell something commit in another order than they began.
CREATE FUNCTION torture.be_slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(random() * 0.02);
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER torture_slow AFTER INSERT ON htm.outbox
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION torture.be_slow();

GRANT USAGE ON SCHEMA torture TO worker;
GRANT SELECT, INSERT, UPDATE ON torture.receipts TO worker;
GRANT SELECT, INSERT ON torture.effects, torture.reports TO worker;
"""

# Leaves the database as the migrations made it.
REMOVE = "DROP SCHEMA torture CASCADE"
