"""What observability hears and what it answers."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from grace.contracts.observability import (
    GetCubeBreakdown,
    GetCubeComparison,
    GetCubeFunnel,
    GetCubeTrend,
    GetCurrent,
    GetDashboard,
    GetRemediation,
    GetTrends,
    HealthBeat,
    ListAlerts,
    ListCubeRuns,
    StressEnded,
    StressSampled,
    StressStarted,
)
from grace.contracts.verification import MissionClosed, MissionReopened
from grace.kit import Received, Rpc, Runtime, Stream
from grace.observability.handlers import analysis, cube, ends, health, queries, stress
from grace.observability.handlers.views import announce
from grace.observability.handlers.wakes import Wakes
from grace.observability.settings import Settings
from grace.observability.store import Components, Pulse

__all__ = ["Wakes", "announce", "rpc", "signal", "stream"]


def stream(settings: Settings, wakes: Wakes) -> Stream:
    """Return what is read from streams; guards and unique keys make it idempotent.

    The cube is loaded every few minutes, from what has come until then.
    """
    heard = (
        Stream()
        .on(StressStarted, stress.on_stress_started)
        .on(StressSampled, stress.on_stress_sampled)
        .on(StressEnded, partial(stress.on_stress_ended, wakes))
        .on(MissionClosed, partial(ends.on_mission_closed, wakes))
        .on(MissionReopened, ends.on_mission_reopened)
    )
    return cube.listen(heard, settings, wakes)


def signal(
    pulse: Pulse,
) -> tuple[type[HealthBeat], Callable[[Received[Any], Runtime], Awaitable[None]]]:
    """Return the signal that is heard, and who hears it."""
    return HealthBeat, partial(health.on_health_beat, pulse)


def rpc(settings: Settings, pulse: Pulse, components: Components) -> Rpc:
    """Return what is answered."""
    return (
        Rpc()
        .direct(ListAlerts, queries.on_list_alerts)
        .direct(GetCurrent, queries.on_get_current)
        .direct(GetTrends, queries.on_get_trends)
        .direct(GetRemediation, queries.on_get_remediation)
        .direct(GetCubeTrend, analysis.on_get_cube_trend)
        .direct(GetCubeBreakdown, analysis.on_get_cube_breakdown)
        .direct(GetCubeFunnel, analysis.on_get_cube_funnel)
        .direct(GetCubeComparison, analysis.on_get_cube_comparison)
        .direct(ListCubeRuns, analysis.on_list_cube_runs)
        .direct(GetDashboard, partial(health.on_get_dashboard, settings, pulse, components))
    )
