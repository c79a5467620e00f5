-- list_groups --
-- The group of everybody who ever had a seat in a tenant; NULL where it was taken away.
SELECT principal, CASE WHEN removed_at IS NULL THEN group_name END AS group_name
  FROM approvers
 WHERE tenant_id = :tenant_id;

-- list_approvers --
-- A page of those who have or had a seat, by name.
SELECT tenant_id, principal, group_name, seated_by, seated_at, removed_by, removed_at
  FROM approvers
 WHERE tenant_id = :tenant_id AND (CAST(:after AS text) IS NULL OR principal > :after)
 ORDER BY principal
 LIMIT :limit;

-- seat_approver --
-- Give a seat, or another group. No row: the person has this very seat.
INSERT INTO approvers (tenant_id, principal, group_name, seated_by, seated_at)
VALUES (:tenant_id, :principal, :group_name, :actor, :at)
    ON CONFLICT (tenant_id, principal) DO UPDATE
   SET group_name = excluded.group_name, seated_by = excluded.seated_by,
       seated_at = excluded.seated_at, removed_by = NULL, removed_at = NULL
 WHERE approvers.group_name <> excluded.group_name OR approvers.removed_at IS NOT NULL
RETURNING tenant_id, principal, group_name, seated_by, seated_at, removed_by, removed_at;

-- remove_approver --
-- Take a seat away. No row: there is none.
UPDATE approvers
   SET removed_by = :actor, removed_at = :at
 WHERE tenant_id = :tenant_id AND principal = :principal AND removed_at IS NULL
RETURNING tenant_id, principal, group_name, seated_by, seated_at, removed_by, removed_at;

-- find_approver --
-- One person who has or had a seat.
SELECT tenant_id, principal, group_name, seated_by, seated_at, removed_by, removed_at
  FROM approvers
 WHERE tenant_id = :tenant_id AND principal = :principal;

-- insert_requesters --
-- Keep who asks for missions, by intents that follow them or by reports of their errors; what is known stays as it is.
INSERT INTO mission_requesters (tenant_id, mission_id, principal, intent_id, joined_at)
SELECT * FROM unnest(
    CAST(:tenant_ids AS text[]), CAST(:mission_ids AS text[]), CAST(:principals AS text[]),
    CAST(:intent_ids AS text[]), CAST(:joined_at AS timestamptz[])
)
    ON CONFLICT DO NOTHING;

-- list_requesters --
-- Who asks for some missions beside those who opened them, oldest first.
SELECT mission_id, principal
  FROM mission_requesters
 WHERE tenant_id = :tenant_id AND mission_id = ANY (CAST(:mission_ids AS text[]))
 ORDER BY joined_at, principal;

-- insert_delegation --
-- Keep whom a person lets decide in their place.
INSERT INTO approval_delegations (
    approval_id, delegated_by, delegated_to, delegated_at, ends_at, reason
)
VALUES (:approval_id, :delegated_by, :delegated_to, :delegated_at, :ends_at, :reason);

-- list_delegations --
-- The delegations on some requests, oldest first.
SELECT approval_id, delegated_by, delegated_to, delegated_at, ends_at, reason
  FROM approval_delegations
 WHERE approval_id = ANY (CAST(:approval_ids AS text[]))
 ORDER BY delegated_at, delegated_by;

-- lock_waiting --
-- Requests that wait longer than a reminder's time, locked; those that somebody decides on are left out.
SELECT r.approval_id, r.tenant_id, r.mission_id, r.correlation_id, r.expires_at,
       coalesce(n.reminders, 0) AS reminders, n.escalated_to
  FROM approval_requests r
  LEFT JOIN approval_reminders n USING (approval_id)
 WHERE r.status = 'pending' AND r.expires_at > :now
   AND coalesce(n.remind_at, r.requested_at + CAST(:interval AS interval)) <= :now
 ORDER BY r.approval_id
 LIMIT :limit
   FOR UPDATE OF r SKIP LOCKED;

-- keep_reminders --
-- Count what was said, and when the next word is due.
INSERT INTO approval_reminders (approval_id, reminders, remind_at, escalated_to)
SELECT * FROM unnest(
    CAST(:approval_ids AS text[]), CAST(:reminders AS integer[]),
    CAST(:remind_at AS timestamptz[]), CAST(:escalated_to AS text[])
)
    ON CONFLICT (approval_id) DO UPDATE
   SET reminders = excluded.reminders, remind_at = excluded.remind_at,
       escalated_to = coalesce(excluded.escalated_to, approval_reminders.escalated_to)
 WHERE approval_reminders.reminders < excluded.reminders;

-- list_notes --
-- How often some requests were remembered, who was asked last, and the review that is due.
SELECT r.approval_id, coalesce(n.reminders, 0) AS reminders, n.escalated_to, w.review_id
  FROM approval_requests r
  LEFT JOIN approval_reminders n USING (approval_id)
  LEFT JOIN approval_reviews w USING (approval_id)
 WHERE r.approval_id = ANY (CAST(:approval_ids AS text[]));

-- break_request --
-- Grant a request by one person's word. No row: another was faster.
UPDATE approval_requests
   SET status = 'granted', break_glass = true, version = version + 1, decided_at = :decided_at,
       decided_by = CAST(:decided_by AS text[]), reason = :reason, granted = :granted
 WHERE approval_id = :approval_id AND status = (SELECT 'pending') AND version = :version;

-- open_review --
-- What is due from now on.
INSERT INTO approval_reviews (
    review_id, tenant_id, approval_id, mission_id, broken_by, reason, broken_at, remind_at
)
VALUES (
    :review_id, :tenant_id, :approval_id, :mission_id, :broken_by, :reason, :broken_at, :remind_at
);

-- list_reviews --
-- A page of a tenant's reviews, newest first.
SELECT review_id, tenant_id, approval_id, mission_id, status, broken_by, reason, broken_at,
       reminders, reviewed_by, reviewed_at, finding, note
  FROM approval_reviews
 WHERE tenant_id = :tenant_id
   AND (CAST(:status AS text) IS NULL OR status = :status)
   AND (CAST(:before AS text) IS NULL OR review_id < :before)
 ORDER BY review_id DESC
 LIMIT :limit;

-- lock_review --
-- One review, locked until the transaction ends.
SELECT review_id, tenant_id, approval_id, mission_id, status, broken_by, reason, broken_at,
       reminders, reviewed_by, reviewed_at, finding, note
  FROM approval_reviews
 WHERE tenant_id = :tenant_id AND review_id = :review_id
   FOR UPDATE;

-- find_review --
-- One review.
SELECT review_id, tenant_id, approval_id, mission_id, status, broken_by, reason, broken_at,
       reminders, reviewed_by, reviewed_at, finding, note
  FROM approval_reviews
 WHERE tenant_id = :tenant_id AND review_id = :review_id;

-- complete_review --
-- Say what was found. No row: somebody was faster.
UPDATE approval_reviews
   SET status = 'reviewed', reviewed_by = :reviewed_by, reviewed_at = :reviewed_at,
       finding = :finding, note = :note
 WHERE review_id = :review_id AND status = (SELECT 'open')
RETURNING review_id, tenant_id, approval_id, mission_id, status, broken_by, reason, broken_at,
          reminders, reviewed_by, reviewed_at, finding, note;

-- remind_reviews --
-- Count another reminder of reviews that are due again. Rows that somebody completes are left to them.
UPDATE approval_reviews
   SET reminders = reminders + 1, remind_at = :now + CAST(:interval AS interval)
 WHERE review_id IN (
           SELECT review_id
             FROM approval_reviews
            WHERE status = 'open' AND remind_at <= :now
            ORDER BY remind_at
            LIMIT :limit
              FOR UPDATE SKIP LOCKED
       )
   AND status = (SELECT 'open')
RETURNING review_id, tenant_id, approval_id, mission_id, status, broken_by, reason, broken_at,
          reminders, reviewed_by, reviewed_at, finding, note;

-- count_open_reviews --
-- How many reviews wait, over all tenants.
SELECT count(*) FROM approval_reviews WHERE status = 'open';

-- queue_notices --
-- Keep a message for each webhook; a repeat changes nothing.
INSERT INTO notices (message_id, url, tenant_id, subject, body)
SELECT :message_id, url, :tenant_id, :subject, :body FROM unnest(CAST(:urls AS text[])) AS url
    ON CONFLICT DO NOTHING;

-- claim_notices --
-- Take notices that are due, oldest first; who claims has them until the claim ends.
UPDATE notices
   SET tries = tries + 1, next_at = now() + CAST(:claim_for AS interval)
 WHERE (message_id, url) IN (
           SELECT message_id, url
             FROM notices
            WHERE status = 'waiting' AND next_at <= now()
            ORDER BY next_at
            LIMIT :limit
              FOR UPDATE SKIP LOCKED
       )
   AND status = (SELECT 'waiting')
RETURNING message_id, url, subject, body, tries, created_at;

-- end_notice --
-- A webhook has taken it, or nobody will. No row: a later try has it.
UPDATE notices
   SET status = :status, ended_at = now(), last_error = coalesce(:error, last_error)
 WHERE message_id = :message_id AND url = :url AND status = (SELECT 'waiting') AND tries = :tries;

-- postpone_notice --
-- It was not taken: try again later. No row: a later try has it.
UPDATE notices
   SET next_at = :next_at, last_error = :error
 WHERE message_id = :message_id AND url = :url AND status = (SELECT 'waiting') AND tries = :tries;

-- forget_notices --
-- Delete what ended long ago.
DELETE FROM notices
 WHERE (message_id, url) IN (
           SELECT message_id, url
             FROM notices
            WHERE status <> 'waiting' AND ended_at < now() - CAST(:kept_for AS interval)
            LIMIT :limit
       );
