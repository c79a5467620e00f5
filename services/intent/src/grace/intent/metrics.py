"""What intent measures beyond what the kit measures."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

from grace.contracts.hunter import KINDS
from grace.intent.domain.hold import Cause

CAPTURE_SECONDS = Histogram(
    "grace_intent_capture_seconds",
    "From the receipt of a detected error to the commit of its capture; each error of a batch "
    "waits for the batch",
    # 1 ms is the promise for one error, the rest is for batches and slow disks.
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
PLAYBOOKS_REFUSED = Gauge(
    "grace_intent_playbooks_refused", "Playbook files that are not in force as they are written"
)

HOLDS = Counter("grace_intent_holds", "Missions whose plan had to wait, by cause", ["cause"])
# At 0 from the start: Prometheus sees no step from nothing to the first one, which an alert counts.
for _cause in Cause:
    HOLDS.labels(_cause.value)

SECRETS = Counter(
    "grace_intent_secrets_total", "Secrets taken out of errors and intents, by kind", ["kind"]
)
for _kind in KINDS:
    SECRETS.labels(_kind)


def count_secrets(kinds: Iterable[str]) -> None:
    """Count the secrets that were taken out of a text."""
    for kind in kinds:
        SECRETS.labels(kind).inc()


def observe_capture(*, messages: int, seconds: float) -> None:
    """Count every message of a committed batch with the time that it took."""
    for _ in range(messages):
        CAPTURE_SECONDS.observe(seconds)
