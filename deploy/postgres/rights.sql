-- After the migrations: only the services and the administrator may enter this database, and
-- nobody finds anything in `public`. A service is a role with a schema of its own name.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
DO $$
DECLARE service name;
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    FOR service IN
        SELECT r.rolname FROM pg_roles r JOIN pg_namespace n ON n.nspname = r.rolname
         WHERE r.rolcanlogin AND NOT r.rolsuper
    LOOP
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), service);
    END LOOP;
END
$$;
