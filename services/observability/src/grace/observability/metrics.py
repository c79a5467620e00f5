"""What observability measures beyond what the kit measures."""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping

from prometheus_client import Counter, Gauge

from grace.observability.domain import remediation, run

HEALTH_SCORE = Gauge("grace_observability_health_score", "How the installation is, from 0 to 100")
SERVICES = Gauge("grace_observability_services", "Services of Grace by how they are", ("status",))
ALERTS = Gauge("grace_observability_alerts", "Open alerts", ("severity",))
RUNS = Counter("grace_observability_stress_runs_total", "Stress runs that ended", ("status",))
REQUESTS = Counter(
    "grace_observability_stress_requests_total", "Requests of stress runs that ended", ("outcome",)
)
REMEDIATIONS = Counter(
    "grace_observability_remediations_total", "Failed runs by what was done about them", ("status",)
)
# At 0 from the start: Prometheus sees no step from nothing to the first one.
for _run in run.State:
    RUNS.labels(_run.value)
for _remedy in remediation.State:
    REMEDIATIONS.labels(_remedy.value)

LOADED = Counter(
    "grace_observability_cube_loaded_total",
    "Events that the cube was loaded from, and hours counted",
    ("step",),
)
for _step in ("mission", "plan", "action", "task", "approval", "hours"):
    LOADED.labels(_step)


def count_load(step: str, *, read: int) -> None:
    """Count what a transaction loaded."""
    LOADED.labels(step).inc(read)


def show_health(
    score: float, conditions: Iterable[str], severities: Mapping[str, int], *, known: Iterable[str]
) -> None:
    """Show how the whole is; what there is none of shows as 0."""
    HEALTH_SCORE.set(score)
    tally = Tally(conditions)
    for condition in known:
        SERVICES.labels(condition).set(tally[condition])
    for severity in ("warning", "critical"):
        ALERTS.labels(severity).set(severities.get(severity, 0))


def count_run(status: str, *, requests: int, errors: int) -> None:
    """Count a run that ended, with its requests."""
    RUNS.labels(status).inc()
    REQUESTS.labels("ok").inc(requests - errors)
    REQUESTS.labels("error").inc(errors)


def count_remediations(statuses: Mapping[str, int]) -> None:
    """Count remediations that reached a status."""
    for status, count in statuses.items():
        REMEDIATIONS.labels(status).inc(count)
