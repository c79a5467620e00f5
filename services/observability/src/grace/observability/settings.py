"""What an operator may change about observability."""

from datetime import timedelta

from pydantic import Field

from grace.kit import Duration, ServiceSettings, service_config

_URL = r"^https?://[^\s@]+$"  # A password does not belong into a URL.


class Settings(ServiceSettings):
    """The kit's settings, and what counts as late, growing or failed."""

    model_config = service_config("observability")

    # Each connection is a process of Postgres of three megabytes, and nobody waits for what it writes.
    pool_size: int = Field(default=3, ge=2, le=100)
    # So many beats in a row are not lost by chance: with a beat every 2 s it is 8 s.
    late_beats: float = Field(default=4, ge=2, le=1000)
    # Beats are written down and judged this often: one commit, however many services there are.
    watch_interval: Duration = timedelta(seconds=2)
    # A condition that comes and goes is one alert.
    resolve_after: timedelta = Field(default=timedelta(seconds=10), ge=timedelta(0))
    # One message in quarantine is somebody's mistake, ten in a minute are a trend.
    quarantine_growth: int = Field(default=10, ge=1)
    quarantine_window: Duration = timedelta(minutes=1)
    # The age of the oldest unsent event: critical above one second, acceptable below 200 ms.
    event_lag: Duration = timedelta(seconds=1)
    event_lag_clear: Duration = timedelta(milliseconds=200)
    # A run that is not heard of for so long has lost its runner.
    run_timeout: Duration = timedelta(minutes=10)
    expire_interval: Duration = timedelta(seconds=30)
    # A failure that was told later than this may be over: nobody acts on it.
    remediation_window: Duration = timedelta(minutes=15)
    # For the answer of a worker, and for intent to take the intent in.
    remediation_patience: Duration = timedelta(hours=1)
    # What a remediation may take, with somebody's approval in it.
    remediation_sla: Duration = timedelta(minutes=15)
    # A failed run wakes the loop; this is for what waits for a worker.
    submit_interval: Duration = timedelta(seconds=2)
    # The end of a mission wakes the loop; this is for ends that got lost.
    follow_interval: Duration = timedelta(seconds=2)
    # Seasons show in a quarter of a year; single samples matter for a week.
    run_retention: Duration = timedelta(days=90)
    sample_retention: Duration = timedelta(days=7)
    prune_interval: Duration = timedelta(hours=1)
    # The cube is loaded this often (REQUIREMENTS R2-19), and keeps a year and a month.
    cube_interval: Duration = timedelta(minutes=5)
    cube_retention: Duration = timedelta(days=400)
    # What Grace can use and runs without; None is not configured.
    prometheus_url: str | None = Field(default=None, pattern=_URL)
    qdrant_url: str | None = Field(default=None, pattern=_URL)
    vault_url: str | None = Field(default=None, pattern=_URL)
    probe_interval: Duration = timedelta(seconds=10)
    probe_timeout: Duration = timedelta(seconds=2)
