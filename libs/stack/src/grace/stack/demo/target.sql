-- What the shop's database needs beside pgbench's tables. Run by the administrator in the database,
-- at every start: each statement may be repeated.
REVOKE ALL ON DATABASE shop FROM PUBLIC;
GRANT CONNECT ON DATABASE shop TO shop_app, careless, grace_ops, grace_observe;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO shop_app, careless;
GRANT SELECT, UPDATE ON pgbench_accounts, pgbench_branches, pgbench_tellers TO shop_app;
GRANT INSERT ON pgbench_history TO shop_app;
GRANT SELECT ON pgbench_accounts TO careless;
GRANT SELECT, UPDATE ON pgbench_branches TO careless;

-- Parallel workers count as transactions, and then as many commits as there are workers.
ALTER ROLE shop_app SET max_parallel_workers_per_gather = 0;
ALTER ROLE careless SET max_parallel_workers_per_gather = 0;

-- Grace sees who does what, and ends sessions that are no superuser's. It owns nothing.
GRANT pg_read_all_stats, pg_signal_backend TO grace_ops;
GRANT pg_read_all_stats TO grace_observe, watcher;

SET ROLE target_owner;
CREATE SCHEMA IF NOT EXISTS grace;

-- The one change that the owner lets Grace make: three settings, compared and set.
CREATE OR REPLACE FUNCTION grace.set_database_setting(p_name text, p_expected text, p_value text)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    current_value text;
BEGIN
    IF p_name NOT IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout') THEN
        RAISE EXCEPTION 'setting % is not allowed here', p_name USING errcode = '42501';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('grace.db_setting', 0));
    SELECT substr(entry, length(p_name) + 2) INTO current_value
      FROM pg_db_role_setting AS s
      JOIN pg_database AS d ON d.oid = s.setdatabase
     CROSS JOIN LATERAL unnest(s.setconfig) AS entry
     WHERE d.datname = current_database() AND s.setrole = 0 AND starts_with(entry, p_name || '=');
    IF current_value IS DISTINCT FROM p_expected THEN
        RAISE EXCEPTION 'changed by somebody else: expected %, found %',
            coalesce(p_expected, '<none>'), coalesce(current_value, '<none>')
            USING errcode = '40001';
    END IF;
    IF p_value IS NULL THEN
        EXECUTE format('ALTER DATABASE %I RESET %I', current_database(), p_name);
    ELSE
        EXECUTE format('ALTER DATABASE %I SET %I = %L', current_database(), p_name, p_value);
    END IF;
    RETURN current_value;
END $$;
REVOKE ALL ON FUNCTION grace.set_database_setting(text, text, text) FROM PUBLIC;
GRANT USAGE ON SCHEMA grace TO grace_ops;
GRANT EXECUTE ON FUNCTION grace.set_database_setting(text, text, text) TO grace_ops;

-- What the shop's owner set, blanks and all; a demonstration that was killed may have left another.
ALTER DATABASE shop SET statement_timeout = ' 15s ';
RESET ROLE;
