"""What the dashboards of Grace show. At three o'clock at night one begins at the top left of the first."""

from __future__ import annotations

from machinery import PLATFORM
from panels import Dashboard, Panel, Query
from queries import per_second, quantile, quantiles, stat, within

_FAILED = '{outcome=~"failed|dead_letter|expired"}'
_COUNTED = '{outcome!="cancelled"}'
_VERIFIED = '{verdict="verified"}'
_UNWELL = 'sum(max by (status) (grace_observability_services{status!="healthy"}))'

_VERDICTS = Panel(
    "Verdicts an hour",
    "Actions by what was measured after them. `verified` is healed; anything else has its reason in the mission.",
    [Query(within("grace_action_confidence_count", "1h", "verdict"), "{{verdict}}")],
    is_stacked=True,
)
_ROLLBACKS = Panel(
    "Undone an hour",
    "`rolled_back` is Grace at work; several are a playbook, or a world, that changed. `rollback_failed` needs a person.",
    [
        Query(within("grace_rollbacks_total", "1h", "outcome"), "{{outcome}}"),
        Query("max(grace_verification_attention)", "missions that need a person"),
    ],
)
_REST = Panel(
    "REST: time of an answer",
    "Promised are 200 ms on average and 1 s at most.",
    quantiles("grace_gateway_request_duration_seconds"),
    unit="s",
    bad_from=1,
)
_HOLDS = Panel(
    "Held back an hour",
    "Missions whose plan had to wait, by cause. `loop`, `flapping` and `stale` ask for a person: `grace holds list`.",
    [Query(within("grace_intent_holds_total", "1h", "cause"), "{{cause}}")],
)

_QUEUED = Panel(
    "Tasks that wait",
    "By kernel, counted up to 10,000. Growing: more arrives than is done, or no worker takes it.",
    [Query("max by (kernel) (grace_htm_queued)", "{{kernel}}")],
)

OVERVIEW = Dashboard(
    "grace-overview",
    "Overview",
    "Whether Grace is well, what it does, and whether that helps.",
    [
        stat(
            "Health",
            "From 0 to 100; below 100 `grace status` says why.",
            "max(grace_observability_health_score)",
            bad_from=100,
            is_bad_below=True,
        ),
        stat("Services not well", "`grace status` names them.", _UNWELL, bad_from=1),
        stat(
            "Open alerts",
            "Grace's own: `grace alerts`.",
            "sum(max by (severity) (grace_observability_alerts))",
            bad_from=1,
        ),
        stat(
            "Verified in 24 hours",
            "Actions that were measured to have helped.",
            within("grace_action_confidence_count", "24h", where=_VERIFIED),
        ),
        stat(
            "Undone in 24 hours", "See Healing.", within("grace_rollbacks_total", "24h"), bad_from=3
        ),
        stat(
            "Came back in 24 hours",
            "Verified actions whose fault a later look found again.",
            within("grace_missions_reopened_total", "24h"),
            bad_from=1,
        ),
        _VERDICTS,
        _ROLLBACKS,
        _HOLDS,
        _QUEUED,
        _REST,
        Panel(
            "REST: answers a second",
            "By status. Any 5xx is Grace's own failure: the gateway's log has it.",
            [Query(per_second("grace_gateway_requests_total", "status"), "{{status}}")],
            unit="reqps",
            is_stacked=True,
        ),
    ],
)

SCHEDULER = Dashboard(
    "grace-scheduler",
    "Scheduler",
    "Tasks from submission to their end, by type.",
    [
        _QUEUED,
        Panel(
            "Ended a second",
            "By outcome. A `dead_letter` has spent its attempts, and can be replayed.",
            [Query(per_second("grace_htm_tasks_total", "outcome"), "{{outcome}}")],
            unit="ops",
            is_stacked=True,
        ),
        Panel(
            "Share that fails",
            "Of those that nobody cancelled.",
            [
                Query(
                    per_second("grace_htm_tasks_total", "type", where=_FAILED)
                    + " / "
                    + per_second("grace_htm_tasks_total", "type", where=_COUNTED),
                    "{{type}}",
                )
            ],
            unit="percentunit",
            bad_from=0.5,
        ),
        Panel(
            "Waits for a worker, p95",
            "From queued to claimed. Above 30 s: more workers, or fewer tasks.",
            [Query(quantile(0.95, "grace_htm_queue_seconds", "type"), "{{type}}")],
            unit="s",
            bad_from=30,
        ),
        Panel(
            "Takes, p95",
            "From start to end of the last attempt. An action has 60 s.",
            [Query(quantile(0.95, "grace_htm_execution_seconds", "type"), "{{type}}")],
            unit="s",
            bad_from=60,
        ),
        Panel(
            "From accepted to ended, p95",
            "With all attempts and waits.",
            [Query(quantile(0.95, "grace_htm_total_seconds", "type"), "{{type}}")],
            unit="s",
            bad_from=300,
        ),
        Panel(
            "Tried again, a second",
            "More than one for each task that ends: it ends well, and late.",
            [Query(per_second("grace_htm_retries_total", "type"), "{{type}}")],
            unit="ops",
        ),
        Panel(
            "Deadlines missed an hour",
            "`GET /api/htm/metrics` tells whether they waited or took long.",
            [Query(within("grace_htm_sla_breaches_total", "1h", "type"), "{{type}}")],
            bad_from=10,
        ),
        Panel(
            "Messages that changed nothing",
            "Late, stale and duplicate, a second. Some are the price of at-least-once.",
            [Query(per_second("grace_messages_ignored_total", "reason"), "{{reason}}")],
            unit="ops",
        ),
        Panel(
            "Messages missed within a day",
            "They left their stream unread, at most so many: who reads them was away for longer than they are kept.",
            [
                Query(
                    "max by (service, consumer) (grace_messages_missed)", "{{service}} {{consumer}}"
                )
            ],
            bad_from=1,
        ),
    ],
)

HEALING = Dashboard(
    "grace-healing",
    "Healing",
    "From an error to its verdict: what was captured, who was asked, what was measured.",
    [
        _VERDICTS,
        Panel(
            "Confidence",
            "The share of what actions promised that was measured to hold, on average over an hour.",
            [
                Query(
                    within("grace_action_confidence_sum", "1h")
                    + " / ("
                    + within("grace_action_confidence_count", "1h")
                    + " > 0)",
                    "all verdicts",
                )
            ],
            unit="percentunit",
        ),
        _ROLLBACKS,
        Panel(
            "Errors captured: time",
            "From the receipt of an error to the commit of its mission; a batch waits for its last.",
            quantiles("grace_intent_capture_seconds"),
            unit="s",
        ),
        _HOLDS,
        Panel(
            "Playbooks not in force",
            "Files that are not in force as they are written: `grace playbooks list` says why.",
            [Query("max(grace_intent_playbooks_refused)", "refused")],
            bad_from=1,
        ),
        Panel(
            "Approvals decided an hour",
            "By people or by expiry. Many that expire: nobody is told, or too much is asked.",
            [Query(within("grace_approval_latency_seconds_count", "1h", "outcome"), "{{outcome}}")],
            is_stacked=True,
        ),
        Panel(
            "Approvals: how long people took",
            "From the request to the decision, over an hour.",
            [
                Query(
                    f"histogram_quantile({share}, "
                    + within("grace_approval_latency_seconds_bucket", "1h", "le")
                    + ")",
                    f"p{share * 100:g}",
                )
                for share in (0.5, 0.95)
            ],
            unit="s",
            bad_from=3600,
        ),
        Panel(
            "Broken glass",
            "Plans that one person granted alone in an hour, and reviews that wait for a second one.",
            [
                Query(within("grace_governance_broken_glass_total", "1h"), "granted alone"),
                Query("max(grace_governance_open_reviews)", "reviews that wait"),
            ],
            bad_from=1,
        ),
        Panel(
            "Brakes",
            "Tenants of which nothing runs without people: too much did not hold, or a person wanted it. Look: "
            "`grace brake status`.",
            [Query("max(grace_governance_brakes)", "brakes that are on")],
            bad_from=1,
        ),
        Panel(
            "Words of people that end within a week",
            "Consents to use a secret, and standing approvals, that nobody gave anew yet.",
            [Query("max by (word) (grace_governance_words_ending)", "{{word}}")],
            bad_from=1,
        ),
        Panel(
            "Notices to webhooks an hour",
            "`given_up`: somebody should have heard and has not.",
            [Query(within("grace_governance_notices_total", "1h", "outcome"), "{{outcome}}")],
        ),
        Panel(
            "Stress runs an hour",
            "By how they ended; one that fails is remedied.",
            [Query(within("grace_observability_stress_runs_total", "1h", "status"), "{{status}}")],
            is_stacked=True,
        ),
        Panel(
            "Remedies of stress runs an hour",
            "By what was done about runs that failed.",
            [Query(within("grace_observability_remediations_total", "1h", "status"), "{{status}}")],
        ),
        Panel(
            "Loaded into the data cube an hour",
            "Events by what they became, and hours that were counted anew. None for long: it stands still.",
            [Query(within("grace_observability_cube_loaded_total", "1h", "step"), "{{step}}")],
            is_stacked=True,
        ),
    ],
)

PAGES = (OVERVIEW, SCHEDULER, HEALING, PLATFORM)
