"""InputSentinel explains itself: which playbooks were considered, which one won, and why not others."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from grace.intent.domain.planning import Decision, Ready, Shortlist, proven
from grace.intent.domain.playbook import Playbook

MOST = 50  # playbooks that are named
_LONGEST = 500  # characters of a reason


@dataclass(frozen=True, slots=True)
class Considered:
    """A playbook, whether it was taken, and why or why not."""

    playbook: str
    chosen: bool
    reason: str


def considered(found: Shortlist, decision: Decision) -> tuple[Considered, ...]:
    """Return every playbook that was looked at, the best first."""
    return tuple(_all(found, decision))[:MOST]


def _all(found: Shortlist, decision: Decision) -> Iterator[Considered]:
    chosen = decision.playbook if isinstance(decision, Ready) else None
    obstacles = dict(decision.obstacles)
    best = chosen
    for playbook in found.playbooks:
        if chosen is not None and playbook.name == chosen.name:
            yield Considered(playbook.name, chosen=True, reason=_why(playbook, found.scores))
            best = playbook
        elif (obstacle := obstacles.get(playbook.name)) is not None:
            yield Considered(playbook.name, chosen=False, reason=obstacle[:_LONGEST])
        elif best is not None:
            yield Considered(
                playbook.name, chosen=False, reason=_behind(playbook, best, found.scores)
            )
        else:
            yield Considered(playbook.name, chosen=False, reason="a better one is in doubt")
    for doubt in found.doubts:
        yield Considered("", chosen=False, reason=doubt[:_LONGEST])
    for name in found.others:
        yield Considered(name, chosen=False, reason="its condition does not hold")


def _why(playbook: Playbook, scores: Mapping[str, float]) -> str:
    known = scores.get(playbook.name)
    untried = ", not tried yet" if scores else ""
    record = untried if known is None else f", proven record {known:.2f}"
    return f"the best that can run: priority {playbook.trigger.priority}{record}"


def _behind(playbook: Playbook, best: Playbook, scores: Mapping[str, float]) -> str:
    own, other = playbook.trigger.priority, best.trigger.priority
    if own != other:
        return f"behind {best.name}: priority {own} and not {other}"
    mine, its = proven(playbook, scores), proven(best, scores)
    if mine != its:
        return f"behind {best.name}: proven record {mine:.2f} and not {its:.2f}"
    return f"behind {best.name}: equal but for the name"
