"""A plan says which playbooks were considered, which one won, and why the others did not."""

from collections.abc import Callable
from dataclasses import replace

from grace.intent.domain.consideration import Considered, considered
from grace.intent.domain.mission import Mission
from grace.intent.domain.planning import (
    Answer,
    Answers,
    Silence,
    decide,
    questions,
    rank,
    shortlist,
)
from grace.intent.domain.playbook import Playbook

GOOD = Answer(
    valid=True,
    problems=(),
    kernel="thing",
    tier=1,
    reversible=True,
    observes_only=False,
    timeout_ms=1,
)
LOOK = replace(GOOD, observes_only=True)


def _answers(playbooks: list[Playbook], **wrong: Answer | Silence) -> Answers:
    return {
        one: wrong.get(
            one.operation.replace(".", "_"), LOOK if one.operation == "thing.look" else GOOD
        )
        for one in questions(playbooks, "t-1")
    }


def test_the_winner_and_everybody_else_have_a_reason(
    make_mission: Callable[..., Mission], make_playbook: Callable[..., Playbook]
) -> None:
    playbooks = [
        make_playbook("a"), make_playbook("b"), make_playbook("c"), make_playbook("best", priority=5),
        make_playbook("other", 'kind == "x"'), make_playbook("doubtful", "target == 'x' || int(target) > 1"),
    ]  # fmt: skip
    playbooks[3] = replace(
        playbooks[3],
        steps=(
            replace(
                playbooks[3].steps[0],
                action=replace(playbooks[3].steps[0].action, operation="thing.wrong"),
            ),
        ),
    )
    mission = make_mission()
    found = shortlist(mission, playbooks)
    scores = {"b": 0.7, "a": 0.3}
    found = replace(found, playbooks=rank(found.playbooks, scores), scores=scores)
    no = Answer.refusing("is not an operation")
    decision = decide(mission, found, _answers(playbooks, thing_wrong=no))
    assert [(one.playbook, one.chosen, one.reason) for one in considered(found, decision)][:4] == [
        ("best", False, "thing.wrong: is not an operation"),
        ("b", True, "the best that can run: priority 0, proven record 0.70"),
        ("a", False, "behind b: proven record 0.30 and not 0.70"),
        ("c", False, "behind b: proven record 0.05 and not 0.70"),
    ]
    doubt, other = considered(found, decision)[4:]
    assert doubt.reason.startswith("the rule of doubtful has no answer")
    assert other == Considered("other", chosen=False, reason="its condition does not hold")


def test_while_the_best_is_in_doubt_the_second_is_not_taken_and_says_so(
    make_mission: Callable[..., Mission], make_playbook: Callable[..., Playbook]
) -> None:
    playbooks = [make_playbook("a", priority=1), make_playbook("b")]
    mission = make_mission()
    found = shortlist(mission, playbooks)
    decision = decide(mission, found, _answers(playbooks, thing_mend=Silence("nobody answers")))
    assert [(one.playbook, one.reason) for one in considered(found, decision)] == [
        ("a", "nobody answers"),
        ("b", "a better one is in doubt"),
    ]
