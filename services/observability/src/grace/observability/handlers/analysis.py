"""Answers questions to the cube: trend, breakdown, funnel, comparison, and how it was loaded."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from grace.contracts.observability import (
    CubeBreakdown,
    CubeChange,
    CubeComparison,
    CubeFigures,
    CubeFunnel,
    CubePoint,
    CubeRun,
    CubeRuns,
    CubeSelection,
    CubeShare,
    CubeStep,
    CubeTrend,
    GetCubeBreakdown,
    GetCubeComparison,
    GetCubeFunnel,
    GetCubeTrend,
    ListCubeRuns,
)
from grace.kit import Called, Invalid, Runtime
from grace.observability.domain.cube import (
    LONGEST,
    LONGEST_FUNNEL,
    MISSION,
    Bucket,
    Dimension,
    Fact,
    Figures,
    Selection,
    ceil_hour,
    complaint_of,
    complaint_of_trend,
    floor_hour,
)
from grace.observability.store import Cube, Member

_MOST_MEMBERS = 100
_MOST_RUNS = 200
E = TypeVar("E", bound=StrEnum)


class CannotSelect(Invalid):
    """This cannot be asked of the cube."""


async def on_get_cube_trend(call: Called[GetCubeTrend], runtime: Runtime) -> CubeTrend:
    """How facts went over time."""
    selection = _selection(call.body.selection)
    bucket = _one_of(Bucket, "bucket", call.body.bucket)
    if (complaint := complaint_of_trend(selection, bucket)) is not None:
        raise CannotSelect(complaint)
    async with runtime.reading() as tx:
        cube = Cube(tx)
        points = await cube.trend(selection, bucket)
        loaded_at = await cube.loaded_at(selection.fact)
    return CubeTrend(
        points=tuple(CubePoint(at=each.at, figures=_shown(each.figures)) for each in points),
        loaded_at=loaded_at,
    )


async def on_get_cube_breakdown(call: Called[GetCubeBreakdown], runtime: Runtime) -> CubeBreakdown:
    """Where facts come from, or what they are about."""
    selection = _selection(call.body.selection)
    dimension = _one_of(Dimension, "dimension", call.body.dimension)
    async with runtime.reading() as tx:
        cube = Cube(tx)
        most = min(call.body.limit, _MOST_MEMBERS)
        whole, members = await cube.breakdown(selection, dimension, most=most)
        loaded_at = await cube.loaded_at(selection.fact)
    return CubeBreakdown(
        shares=tuple(_share(each, whole) for each in members),
        whole=_shown(whole.now),
        loaded_at=loaded_at,
    )


async def on_get_cube_funnel(call: Called[GetCubeFunnel], runtime: Runtime) -> CubeFunnel:
    """How far the missions of a time came."""
    selection = _selection(call.body.selection)
    if selection.length > LONGEST_FUNNEL:
        raise CannotSelect(f"at most {LONGEST_FUNNEL.days} days at once: each mission is looked at")
    async with runtime.reading() as tx:
        cube = Cube(tx)
        steps = await cube.funnel(selection)
        loaded_at = await cube.loaded_at(MISSION)
    captured = dict(steps)["captured"]
    return CubeFunnel(
        steps=tuple(_step(name, missions, captured) for name, missions in steps),
        loaded_at=loaded_at,
    )


async def on_get_cube_comparison(
    call: Called[GetCubeComparison], runtime: Runtime
) -> CubeComparison:
    """What changed since the time of the same length before."""
    selection = _selection(call.body.selection)
    dimension = _one_of(Dimension, "dimension", call.body.dimension)
    if 2 * selection.length > LONGEST:
        raise CannotSelect(
            f"at most {LONGEST.days // 2} days: as many before them are looked at, too"
        )
    async with runtime.reading() as tx:
        cube = Cube(tx)
        most = min(call.body.limit, _MOST_MEMBERS)
        whole, members = await cube.compare(selection, dimension, most=most)
        loaded_at = await cube.loaded_at(selection.fact)
    return CubeComparison(
        changes=tuple(_change(each) for each in members),
        before=_shown(whole.before),
        now=_shown(whole.now),
        loaded_at=loaded_at,
    )


async def on_list_cube_runs(call: Called[ListCubeRuns], runtime: Runtime) -> CubeRuns:
    """How it was loaded, the newest first."""
    async with runtime.reading() as tx:
        found = await Cube(tx).runs(min(call.body.limit, _MOST_RUNS))
    return CubeRuns(
        runs=tuple(
            CubeRun(
                run_id=each.run_id,
                step=each.step,
                read=each.read,
                written=each.written,
                oldest_at=each.oldest_at,
                newest_at=each.newest_at,
                loaded_at=each.loaded_at,
            )
            for each in found
        )
    )


def _selection(given: CubeSelection) -> Selection:
    """Return what is asked for in whole hours. CannotSelect says what is wrong with it."""
    if (complaint := complaint_of(given.from_time, given.to_time)) is not None:
        raise CannotSelect(complaint)
    return Selection(
        tenant_id=given.tenant_id,
        fact=_one_of(Fact, "fact", given.fact),
        from_time=floor_hour(given.from_time),
        to_time=ceil_hour(given.to_time),
        service=given.service,
        playbook=given.playbook,
        operation=given.operation,
        origin=given.origin,
    )


def _one_of(known: type[E], field: str, given: str) -> E:
    members: Mapping[str, E] = {each.value: each for each in known}
    if given not in members:
        raise CannotSelect(f"{field}: one of {', '.join(members)} is needed")
    return members[given]


def _shown(figures: Figures) -> CubeFigures:
    return CubeFigures(
        count=figures.count,
        succeeded=figures.succeeded,
        success_rate=figures.success_rate,
        mean=figures.mean,
    )


def _share(member: Member, whole: Member) -> CubeShare:
    share = member.now.count / whole.now.count if whole.now.count else 0.0
    return CubeShare(name=member.name or None, share=share, figures=_shown(member.now))


def _change(member: Member) -> CubeChange:
    return CubeChange(
        name=member.name or None, before=_shown(member.before), now=_shown(member.now)
    )


def _step(name: str, missions: int, captured: int) -> CubeStep:
    return CubeStep(
        name=name, missions=missions, of_captured=missions / captured if captured else None
    )
