"""What verification measures beyond what the kit measures."""

from prometheus_client import Counter, Gauge, Histogram

from grace.verification.domain.lifecycle import VERDICTS

ROLLBACKS = Counter(
    "grace_rollbacks_total", "Actions that were undone, by whether the world is back", ("outcome",)
)
# At 0 from the start: Prometheus sees no step from nothing to the first one, which an alert counts.
for _outcome in ("rolled_back", "rollback_failed"):
    ROLLBACKS.labels(_outcome)
ACTION_CONFIDENCE = Histogram(
    "grace_action_confidence",
    "The share of an action's expectations that was measured to hold, once per verdict",
    ("verdict",),
    buckets=(0.0, 0.25, 0.5, 0.75, 0.9, 1.0),
)
for _verdict in VERDICTS:
    ACTION_CONFIDENCE.labels(_verdict.value)

REOPENED = Counter(
    "grace_missions_reopened_total", "Verified actions whose fault was back at a later look"
)

ATTENTION = Gauge(
    "grace_verification_attention", "Missions that need a person, each of which holds its targets"
)


def show_attention(missions: int) -> None:
    """Show how many missions need a person."""
    ATTENTION.set(missions)


def observe_verdict(*, verdict: str, confidence: float) -> None:
    """Count one contract that has its verdict."""
    ACTION_CONFIDENCE.labels(verdict).observe(confidence)
    if verdict in {"rolled_back", "rollback_failed"}:
        ROLLBACKS.labels(verdict).inc()
