-- find_role --
-- Whether a role is there.
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :name);

-- create_role --
-- The statement that makes a role, which takes no parameters itself.
SELECT format('CREATE ROLE %I', CAST(:name AS text));

-- set_password --
-- The statement that lets a role log in, and makes sure that it is nothing more.
SELECT format(
    'ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION PASSWORD %L',
    CAST(:name AS text), CAST(:password AS text));

-- is_whole --
-- Whether the database was made to its end. No row: it is not there.
SELECT coalesce(shobj_description(oid, 'pg_database') = 'whole', false)
  FROM pg_database
 WHERE datname = :database;

-- end_sessions --
-- End the sessions that a killed demonstration left behind.
SELECT pg_terminate_backend(pid, 2000)
  FROM pg_stat_activity
 WHERE datname = :database AND backend_type = 'client backend';

-- read_setting --
-- The raw text set for the database and all roles, blanks and all. No row: it is not set.
SELECT substr(entry, length(CAST(:name AS text)) + 2)
  FROM pg_db_role_setting AS s
  JOIN pg_database AS d ON d.oid = s.setdatabase
 CROSS JOIN LATERAL unnest(s.setconfig) AS entry
 WHERE d.datname = :database AND s.setrole = 0
   AND starts_with(entry, CAST(:name AS text) || '=');

-- sample_counters --
-- What the database has counted. Asked from another database, which counts the asking.
SELECT xact_commit AS commits, xact_rollback AS rollbacks, sessions
  FROM pg_stat_database
 WHERE datname = :database;

-- list_blockers --
-- The sessions that others wait for and that wait for nobody, while they idle in a transaction.
WITH waiting AS (
    SELECT pid, pg_blocking_pids(pid) AS blocked_by
      FROM pg_stat_activity
     WHERE datname = :database AND wait_event_type = 'Lock'
)
SELECT b.pid, b.usename, b.application_name,
       CAST(extract(epoch FROM clock_timestamp() - b.state_change) AS float8) AS idle_s,
       (SELECT count(*) FROM waiting) AS waiting
  FROM pg_stat_activity AS b
 WHERE b.pid IN (SELECT unnest(blocked_by) FROM waiting)
   AND b.pid NOT IN (SELECT pid FROM waiting)
   AND b.state LIKE 'idle in transaction%'
   AND clock_timestamp() - b.state_change >= make_interval(secs => :idle_seconds)
 ORDER BY b.pid;

-- list_long_statements --
-- The statements that have run for longer than they should.
SELECT pid, usename, application_name, query_start,
       CAST(extract(epoch FROM clock_timestamp() - query_start) AS float8) AS running_s
  FROM pg_stat_activity
 WHERE datname = :database AND state = 'active' AND wait_event_type IS DISTINCT FROM 'Lock'
   AND backend_type = 'client backend'
   AND clock_timestamp() - query_start >= make_interval(secs => :longest_seconds)
 ORDER BY query_start;

-- hold_branches --
-- Lock the rows that every transaction of the shop needs.
UPDATE pgbench_branches SET bbalance = bbalance;

-- report_everything --
-- A report over every account that takes over a second and a half on any machine, as one on a bigger table would.
WITH slow AS MATERIALIZED (SELECT pg_sleep(1.6))
SELECT count(*) FROM slow, pgbench_accounts;
