"""The verdict on an action and how sure it is: the primary measurement and the plan together."""

from collections.abc import Sequence
from enum import StrEnum

from grace.verification.domain.tally import Standing, Tally
from grace.verification.domain.verdict import Judgement, Truth


class Verdict(StrEnum):
    """What the measurements after an action say, before anything is undone."""

    VERIFIED = "verified"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


def verdict(
    judgement: Judgement, tallies: Sequence[Tally] = (), *, executed: bool
) -> Verdict | None:
    """Return verified only for what was executed, measured and matches; None while takes are out.

    Measured drift decides at once. A dry run is waited for and decides nothing.
    """
    standings = {each.standing for each in tallies if not each.measure.dry_run}
    if not executed or judgement.drifted or Standing.FAILED in standings:
        return Verdict.FAILED
    if any(each.standing is Standing.PENDING for each in tallies):
        return None
    if judgement.measured and judgement.matches and standings <= {Standing.HOLDS}:
        return Verdict.VERIFIED
    return Verdict.INCONCLUSIVE


def confidence(judgement: Judgement, tallies: Sequence[Tally] = (), *, executed: bool) -> float:
    """Return the share of expectations that hold x the share of takes that brought a measurement.

        confidence = (held / expected) x (measured / wanted)

    over the primary measurement (one take) and every measure of the plan but dry runs. Where a
    measure is taken several times, an expectation of it counts as the share of its measured takes
    in which it holds. 0 when nothing was executed, measured or expected; 1 only for verified.
    """
    counted = [each for each in tallies if not each.measure.dry_run]
    expected = len(judgement.checks) + sum(each.expected for each in counted)
    if not executed or not expected:
        return 0.0
    held = sum(check.truth is Truth.HOLDS for check in judgement.checks)
    wanted = 1 + sum(each.measure.count for each in counted)
    measured = judgement.measured + sum(each.measured for each in counted)
    share = (held + sum(each.held for each in counted)) / expected
    return min(1.0, share) * measured / wanted
