-- list_blockers --
-- The root blockers of this database: in the way of a waiting session, waiting for nobody.
-- Who waits is read from pg_locks, which shows it to every role.
WITH waiting AS (
    SELECT l.pid, pg_blocking_pids(l.pid) AS blocked_by
      FROM pg_locks AS l
      JOIN pg_stat_activity AS a ON a.pid = l.pid
     WHERE a.datname = current_database() AND NOT l.granted
)
SELECT b.pid, b.usename, b.application_name, b.state, b.backend_start, b.xact_start,
       CAST(extract(epoch FROM clock_timestamp() - b.state_change) AS float8) AS idle_s,
       (SELECT count(*) FROM waiting AS w WHERE b.pid = ANY (w.blocked_by)) AS direct
  FROM pg_stat_activity AS b
 WHERE b.pid IN (SELECT unnest(blocked_by) FROM waiting)
   AND b.pid NOT IN (SELECT pid FROM waiting)
 ORDER BY b.pid;

-- count_waiting --
-- How many sessions of this database wait for a lock right now.
SELECT count(DISTINCT l.pid)
  FROM pg_locks AS l
  JOIN pg_stat_activity AS a ON a.pid = l.pid
 WHERE a.datname = current_database() AND NOT l.granted;

-- terminate_blocker --
-- End one idle transaction that still blocks somebody. No row: it moved on, is gone or is Grace's.
SELECT pg_terminate_backend(b.pid, 2000) AS ended
  FROM pg_stat_activity AS b
 WHERE b.pid = :pid AND b.backend_start = :backend_start AND b.xact_start = :xact_start
   AND b.datname = current_database()
   AND b.state LIKE 'idle in transaction%' AND b.backend_type = 'client backend'
   AND clock_timestamp() - b.state_change >= make_interval(secs => :min_idle_seconds)
   AND b.usename <> ALL (CAST(:own_users AS text[])) AND b.application_name <> :own_application
   AND EXISTS (SELECT 1
                 FROM pg_locks AS w
                WHERE NOT w.granted AND b.pid = ANY (pg_blocking_pids(w.pid)));

-- read_database_setting --
-- The raw text set for this database and all roles. No row: it is not set.
SELECT substr(entry, length(CAST(:name AS text)) + 2) AS value
  FROM pg_db_role_setting AS s
  JOIN pg_database AS d ON d.oid = s.setdatabase
 CROSS JOIN LATERAL unnest(s.setconfig) AS entry
 WHERE d.datname = current_database() AND s.setrole = 0
   AND starts_with(entry, CAST(:name AS text) || '=');

-- set_database_setting --
-- Compare and set by the owner's function; SQLSTATE 40001 when it is not what was expected.
SELECT grace.set_database_setting(:name, :expected, :value);

-- forget_statistics --
-- Inside a transaction Postgres shows the statistics of its beginning; this lets it look again.
SELECT pg_stat_clear_snapshot();

-- sample_activity --
-- The counters of this database, and the sessions that have waited for a lock for a while.
SELECT d.xact_commit AS commits, d.xact_rollback AS rollbacks, d.sessions,
       (SELECT count(DISTINCT l.pid)
          FROM pg_locks AS l
          JOIN pg_stat_activity AS a ON a.pid = l.pid
         WHERE a.datname = current_database() AND NOT l.granted
           AND l.waitstart <= clock_timestamp() - make_interval(secs => :waited_seconds)) AS waiting
  FROM pg_stat_database AS d
 WHERE d.datname = current_database();

-- read_table --
-- One table, by the catalogue and the statistics; no row: there is no such table.
SELECT (SELECT substr(entry, 20)
          FROM unnest(c.reloptions) AS entry
         WHERE starts_with(entry, 'autovacuum_enabled=')) AS autovacuum,
       current_setting('autovacuum') AS server_autovacuum, current_setting('track_counts') AS track_counts,
       pg_stat_get_live_tuples(c.oid) AS live_rows, pg_stat_get_dead_tuples(c.oid) AS dead_rows,
       pg_stat_get_mod_since_analyze(c.oid) AS changes_since_analyze, CAST(c.oid AS bigint) AS oid
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname = split_part(:table_name, '.', 1) AND c.relname = split_part(:table_name, '.', 2)
   AND c.relkind = 'r';

-- set_table_autovacuum --
-- Compare and set by the owner's function; SQLSTATE 40001 when it is not what was expected. No row: another table has
-- its name by now.
SELECT grace.set_table_autovacuum(:table_name, :expected, :value)
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname = split_part(:table_name, '.', 1) AND c.relname = split_part(:table_name, '.', 2)
   AND c.relkind = 'r' AND c.oid = coalesce(CAST(CAST(:oid AS bigint) AS oid), c.oid);
