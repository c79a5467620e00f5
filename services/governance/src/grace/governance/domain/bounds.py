"""What bounds a plan whoever planned it: the brake, and how often its targets were acted on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a plan finds. `recent`: actions without people on each of its targets before it."""

    brake: bool
    recent: Counter[str]
    target_budget: int


def turns_before(plans: Sequence[Counter[str]], recent: Mapping[str, int]) -> list[Counter[str]]:
    """How often each plan's targets were acted on before it: what one takes the next does not have.

    A plan is its targets, each with the number of its actions there. Plans that people will be asked
    about count like those that run alone, since nobody has judged them yet: at worst one more is asked.
    """
    taken = Counter(recent)
    found = []
    for plan in plans:
        found.append(Counter({target: taken[target] for target in plan}))
        taken.update(plan)
    return found
