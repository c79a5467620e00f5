"""What governance measures beyond what the kit measures."""

from datetime import timedelta

from prometheus_client import Counter, Gauge, Histogram

from grace.governance.domain.lifecycle import FINAL
from grace.governance.domain.tiers import Tier

# The alert is at 3600 s, which is also the default expiry; so the buckets meet it exactly.
APPROVAL_LATENCY = Histogram(
    "grace_approval_latency_seconds",
    "From the request of an approval to its decision, by people or by expiry",
    ("tier", "outcome"),
    buckets=(1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 21600, 86400),
)
# At 0 from the start: Prometheus sees no step from nothing to the first one, which alerts count.
for _tier in Tier:
    for _outcome in sorted(FINAL):
        APPROVAL_LATENCY.labels(str(_tier.value), _outcome.value)


def observe_latency(*, tier: int, outcome: str, waited: timedelta) -> None:
    """Count one decided approval."""
    APPROVAL_LATENCY.labels(str(tier), outcome).observe(waited.total_seconds())


BROKEN_GLASS = Counter(
    "grace_governance_broken_glass_total", "Approvals that one person granted alone"
)
OPEN_REVIEWS = Gauge(
    "grace_governance_open_reviews",
    "Reviews of broken glass that wait for a second person; every replica tells the same number",
)


BRAKES = Gauge(
    "grace_governance_brakes",
    "Tenants whose brake is on: nothing of theirs runs without people; every replica tells the same",
)


def gauge_brakes(count: int) -> None:
    """Tell how many brakes are on."""
    BRAKES.set(count)


ENDING_WORDS = Gauge(
    "grace_governance_words_ending",
    "People's words that end soon and that nobody gave anew; every replica tells the same number",
    ("word",),
)
for _word in ("consent", "standing_approval"):
    ENDING_WORDS.labels(_word)


def gauge_ending_words(*, consents: int, standing: int) -> None:
    """Tell how many consents and standing approvals end soon."""
    ENDING_WORDS.labels("consent").set(consents)
    ENDING_WORDS.labels("standing_approval").set(standing)


def count_broken_glass() -> None:
    """Count one approval that one person granted alone."""
    BROKEN_GLASS.inc()


def gauge_open_reviews(count: int) -> None:
    """Tell how many reviews wait."""
    OPEN_REVIEWS.set(count)


NOTICES = Counter(
    "grace_governance_notices_total", "Tries to tell a webhook, by how they went", ("outcome",)
)
for _went in ("sent", "postponed", "given_up"):
    NOTICES.labels(_went)


def count_notice(outcome: str) -> None:
    """Count one try: sent, postponed or given_up."""
    NOTICES.labels(outcome).inc()
