-- What the owner of a target database installs so that Grace may heal it with the least rights.
-- Run it in that database as its owner (not as a superuser: the function acts as who made it).
-- Then give the roles of the targets file what they need, ops for `act`, eyes for `observe`:
--   GRANT USAGE ON SCHEMA grace TO ops;
--   GRANT EXECUTE ON FUNCTION grace.set_database_setting(text, text, text) TO ops;
--   GRANT EXECUTE ON FUNCTION grace.set_table_autovacuum(text, text, text) TO ops;
--   GRANT pg_read_all_stats, pg_signal_backend TO ops;      (as an administrator)
--   GRANT pg_read_all_stats TO eyes;                        (as an administrator)
CREATE SCHEMA IF NOT EXISTS grace;

CREATE OR REPLACE FUNCTION grace.set_database_setting(p_name text, p_expected text, p_value text)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_value text;
BEGIN
    IF p_name NOT IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout') THEN
        RAISE EXCEPTION 'setting % is not allowed here', p_name USING ERRCODE = '42501';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('grace.db_setting', 0));
    SELECT substr(entry, length(p_name) + 2) INTO found_value
      FROM pg_db_role_setting AS s
      JOIN pg_database AS d ON d.oid = s.setdatabase
     CROSS JOIN LATERAL unnest(s.setconfig) AS entry
     WHERE d.datname = current_database() AND s.setrole = 0
       AND starts_with(entry, p_name || '=');
    IF found_value IS DISTINCT FROM p_expected THEN
        RAISE EXCEPTION 'changed by somebody else: expected %, found %',
            coalesce(p_expected, '<none>'), coalesce(found_value, '<none>') USING ERRCODE = '40001';
    END IF;
    IF p_value IS NULL THEN
        EXECUTE format('ALTER DATABASE %I RESET %I', current_database(), p_name);
    ELSE
        EXECUTE format('ALTER DATABASE %I SET %I = %L', current_database(), p_name, p_value);
    END IF;
    RETURN found_value;
END $$;

REVOKE ALL ON FUNCTION grace.set_database_setting(text, text, text) FROM PUBLIC;

-- Whether one table of the owner's is vacuumed by itself; NULL is the server's default.
CREATE OR REPLACE FUNCTION grace.set_table_autovacuum(p_table text, p_expected text, p_value text)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_table oid;
    found_value text;
BEGIN
    -- Taken first, so that what is read below cannot change before it is set.
    EXECUTE format('LOCK TABLE ONLY %I.%I IN SHARE UPDATE EXCLUSIVE MODE',
        split_part(p_table, '.', 1), split_part(p_table, '.', 2));
    SELECT c.oid INTO STRICT found_table
      FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = split_part(p_table, '.', 1) AND c.relname = split_part(p_table, '.', 2);
    SELECT substr(entry, 20) INTO found_value
      FROM pg_class AS c CROSS JOIN LATERAL unnest(c.reloptions) AS entry
     WHERE c.oid = found_table AND starts_with(entry, 'autovacuum_enabled=');
    IF found_value IS DISTINCT FROM p_expected THEN
        RAISE EXCEPTION 'changed by somebody else: expected %, found %',
            coalesce(p_expected, '<none>'), coalesce(found_value, '<none>') USING ERRCODE = '40001';
    END IF;
    IF p_value IS NULL THEN
        EXECUTE format('ALTER TABLE ONLY %s RESET (autovacuum_enabled)', found_table::regclass);
    ELSE
        EXECUTE format('ALTER TABLE ONLY %s SET (autovacuum_enabled = %L)',
            found_table::regclass, p_value);
    END IF;
    RETURN found_value;
END $$;

REVOKE ALL ON FUNCTION grace.set_table_autovacuum(text, text, text) FROM PUBLIC;
