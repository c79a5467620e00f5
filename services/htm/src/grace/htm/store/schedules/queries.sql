-- Schedules: set by people, fired by a loop. That a slot is submitted once is the matter of its client key.

-- due_schedules --
-- Schedules whose next slot has come, locked; those that another replica has in hand are left to it.
SELECT tenant_id, name, cron, time_zone, catch_up, catch_up_most, spec, next_at,
       statement_timestamp() AS now
  FROM htm_schedules
 WHERE enabled AND next_at <= statement_timestamp()
 ORDER BY next_at
 LIMIT :most
   FOR NO KEY UPDATE SKIP LOCKED;

-- note_fired --
-- Move schedules to their next slots; a schedule that had nothing to submit keeps what is known of its last.
UPDATE htm_schedules s
   SET next_at = f.next_at,
       last_slot_at = coalesce(f.slot_at, s.last_slot_at),
       last_fired_at = CASE WHEN f.slot_at IS NULL THEN s.last_fired_at ELSE statement_timestamp() END,
       last_task_id = CASE WHEN f.slot_at IS NULL THEN s.last_task_id ELSE f.task_id END,
       last_outcome = coalesce(f.outcome, s.last_outcome)
  FROM unnest(
           CAST(:tenants AS text[]), CAST(:names AS text[]), CAST(:next_ats AS timestamptz[]),
           CAST(:slot_ats AS timestamptz[]), CAST(:task_ids AS uuid[]), CAST(:outcomes AS text[])
       ) AS f (tenant_id, name, next_at, slot_at, task_id, outcome)
 WHERE s.tenant_id = f.tenant_id AND s.name = f.name;

-- next_slot --
-- How long until a schedule fires. No value: none does.
SELECT next_at - statement_timestamp()
  FROM htm_schedules
 WHERE enabled AND next_at IS NOT NULL
 ORDER BY next_at
 LIMIT 1;

-- insert_schedule --
-- Set a schedule. No row: the tenant has one of this name.
INSERT INTO htm_schedules (
    tenant_id, name, cron, time_zone, catch_up, catch_up_most, enabled, spec, next_at, created_at,
    updated_at, updated_by
)
VALUES (
    :tenant_id, :name, :cron, :time_zone, :catch_up, :catch_up_most, :enabled,
    CAST(:spec AS jsonb), :next_at, statement_timestamp(), statement_timestamp(), :principal
)
ON CONFLICT (tenant_id, name) DO NOTHING;

-- change_schedule --
-- Put this in the place of what a schedule was; the row is locked.
UPDATE htm_schedules
   SET cron = :cron, time_zone = :time_zone, catch_up = :catch_up, catch_up_most = :catch_up_most,
       enabled = :enabled, spec = CAST(:spec AS jsonb), next_at = :next_at,
       updated_at = statement_timestamp(), updated_by = :principal
 WHERE tenant_id = :tenant_id AND name = :name;

-- drop_schedule --
-- Take a schedule away. No row: there is none.
DELETE FROM htm_schedules WHERE tenant_id = :tenant_id AND name = :name;

-- lock_schedule --
-- A schedule as it stands, locked until the commit.
SELECT name, cron, time_zone, catch_up, catch_up_most, enabled, spec, next_at, last_slot_at,
       last_fired_at, CAST(last_task_id AS text) AS last_task_id, last_outcome, created_at,
       updated_at, updated_by, statement_timestamp() AS now
  FROM htm_schedules
 WHERE tenant_id = :tenant_id AND name = :name
   FOR NO KEY UPDATE;

-- list_schedules --
-- A page of a tenant's schedules, in the order of their names.
SELECT name, cron, time_zone, catch_up, catch_up_most, enabled, spec, next_at, last_slot_at,
       last_fired_at, CAST(last_task_id AS text) AS last_task_id, last_outcome, created_at,
       updated_at, updated_by, statement_timestamp() AS now
  FROM htm_schedules
 WHERE tenant_id = :tenant_id AND name > :after
 ORDER BY name
 LIMIT :most;

-- find_schedule --
-- One schedule as it stands.
SELECT name, cron, time_zone, catch_up, catch_up_most, enabled, spec, next_at, last_slot_at,
       last_fired_at, CAST(last_task_id AS text) AS last_task_id, last_outcome, created_at,
       updated_at, updated_by, statement_timestamp() AS now
  FROM htm_schedules
 WHERE tenant_id = :tenant_id AND name = :name;
