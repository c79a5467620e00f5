"""The kit's metrics; one registry for the process, the service is a label.

What an alert counts one by one is there, at 0, as soon as its owner has started: Prometheus sees no
step from nothing to the first one.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10)

MESSAGES_HANDLED = Counter(
    "grace_messages_handled_total", "Messages handled", ("service", "subject")
)
MESSAGES_REJECTED = Counter(
    "grace_messages_rejected_total",
    "Messages put into quarantine",
    ("service", "subject", "reason"),
)
MESSAGES_IGNORED = Counter(
    "grace_messages_ignored_total",
    "Messages that changed nothing: stale, duplicate, late",
    ("service", "subject", "reason"),
)
BATCH_SECONDS = Histogram(
    "grace_batch_duration_seconds",
    "One batch, one transaction",
    ("service", "subject"),
    buckets=_SECONDS,
)
HANDLER_FAILURES = Counter(
    "grace_handler_failures_total", "Handlers that raised", ("service", "subject")
)
RPC_SECONDS = Histogram(
    "grace_rpc_duration_seconds",
    "Requests answered",
    ("service", "subject", "outcome"),
    buckets=_SECONDS,
)
OUTBOX_SENT = Counter("grace_outbox_sent_total", "Outbox rows acknowledged", ("service",))
OUTBOX_RESENT = Counter(
    "grace_outbox_resent_total",
    "Outbox rows sent again after a stream lost them",
    ("service", "stream"),
)
AUDIT_ACKNOWLEDGED = Gauge(
    "grace_audit_acknowledged", "The highest audited row that the log holds", ("service",)
)
MESSAGES_MISSED = Gauge(
    "grace_messages_missed",
    "Messages that left a stream within a day before this consumer had read them, at most: those of "
    "other subjects are among them",
    ("service", "consumer"),
)
LOOP_FAILURES = Counter("grace_loop_failures_total", "Ticks that raised", ("service", "loop"))
PERMISSION_VIOLATIONS = Counter(
    "grace_nats_permission_violations_total", "What NATS refused to this service", ("service",)
)
