"""People check, test and import playbooks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from grace.contracts import intent as wire
from grace.contracts.secrets import objection
from grace.intent.domain.document import line_of
from grace.intent.domain.extraction import resolve, sample
from grace.intent.domain.fixture import Case, parse_fixtures, problems
from grace.intent.domain.planning import Answer, Question, Silence, questions
from grace.intent.domain.playbook import Call, Playbook, PlaybookError, Step
from grace.intent.domain.signal import plain_text
from grace.intent.planner import Workers, imagined
from grace.intent.planner.reading import read_playbook
from grace.intent.store import Playbooks
from grace.kit import Called, Conflict, Invalid, Runtime, Unavailable

# No target can have this name: what is asked about it is what an operation is, not where.
_NOWHERE = "-"


class UnsoundPlaybook(Invalid):
    """The playbook is not sound."""


class PinnedOtherwise(Conflict):
    """This version is pinned to another text, or a newer one is in force."""


class NobodyAnswers(Unavailable):
    """Who would run it does not answer: whether its operations exist is not known."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A call of a playbook: where it stands, how it is named, and what is asked about it."""

    where: str
    name: str
    question: Question
    acts: bool = False


async def on_check_playbook(
    workers: Workers, call: Called[wire.CheckPlaybook], runtime: Runtime
) -> wire.CheckedPlaybook:
    """Answer whether a playbook is sound, and what is wrong with it, by line."""
    playbook, found = await _checked(workers, call.body.source, runtime)
    return wire.CheckedPlaybook(
        valid=not found,
        problems=found,
        playbook=playbook.name if playbook else None,
        playbook_version=playbook.version if playbook else None,
        content_hash=playbook.content_hash if playbook else None,
    )


async def on_import_playbook(
    planner: type, workers: Workers, call: Called[wire.ImportPlaybook], runtime: Runtime
) -> wire.ImportedPlaybook:
    """Pin a sound playbook; it is in force at once. The same text twice is the same answer."""
    playbook, found = await _checked(workers, call.body.source, runtime)
    if playbook is None or found:
        said = "; ".join(f"line {one.line}: {one.text}" for one in found[:10])
        raise UnsoundPlaybook(plain_text(said))
    async with runtime.unit() as unit:
        store = Playbooks(unit.tx)
        newest = await store.newest(playbook.name)
        if newest is not None and newest > playbook.version:
            raise PinnedOtherwise(
                f"{playbook.name} version {newest} is in force: raise the version to {newest + 1}"
            )
        if not await store.pin(playbook):
            raise PinnedOtherwise(
                f"{playbook.name} version {playbook.version} is pinned to another text: raise the "
                f"version to {playbook.version + 1}"
            )
        if newest != playbook.version:
            unit.publish(_imported(playbook, call.body.principal))
        unit.after_commit(lambda: unit.runtime.wake(planner))
    return wire.ImportedPlaybook(
        playbook=playbook.name,
        playbook_version=playbook.version,
        content_hash=playbook.content_hash,
        enabled=playbook.enabled,
    )


async def on_test_playbook(call: Called[wire.TestPlaybook], _: Runtime) -> wire.TestedPlaybook:
    """Answer how a playbook does on its fixtures; nobody is asked."""
    try:
        playbook = read_playbook(call.body.source.encode())
        cases = parse_fixtures(call.body.fixtures.encode())
    except PlaybookError as failure:
        raise UnsoundPlaybook(plain_text(str(failure))) from failure
    tested = tuple(_tested(case, playbook) for case in cases)
    for case in cases:
        for call_ in case.steps:
            if (opened := objection(call_.operation, call_.params)) is not None:
                raise UnsoundPlaybook(f"{case.name}: {opened}")
    return wire.TestedPlaybook(passed=all(one.passed for one in tested), cases=tested)


async def _checked(
    workers: Workers, source: str, runtime: Runtime
) -> tuple[Playbook | None, tuple[wire.PlaybookProblem, ...]]:
    try:
        playbook = read_playbook(source.encode())
    except PlaybookError as failure:
        return None, (_problem(failure.line, str(failure)),)
    filled = resolve(playbook, sample(playbook.extractions), _NOWHERE)
    at = await _places(workers, runtime, filled)
    parts = [
        part
        for place, step in enumerate(filled.steps)
        for part in _parts(step, f"playbook.steps[{place}]", at)
    ]
    answers = await workers.answers(runtime, (part.question for part in parts))
    wrong = (_wrong(part, answers[part.question], source) for part in parts)
    return playbook, tuple(chain.from_iterable(wrong))


async def _places(workers: Workers, runtime: Runtime, filled: Playbook) -> Mapping[str, str]:
    """Return where each operation could run: at some target of its kernel, or nowhere yet."""
    classes = await workers.classes(runtime)
    answers = await workers.answers(runtime, questions([filled], _NOWHERE))
    by_kernel = {known.kind: target for target, known in sorted(classes.items())}
    return {
        question.operation: by_kernel.get(answer.kernel, _NOWHERE)
        for question, answer in answers.items()
        if isinstance(answer, Answer)
    }


def _parts(step: Step, where: str, at: Mapping[str, str]) -> Iterator[_Part]:
    """A measure that names no place is taken where the action goes, as the planner has it."""
    home = at.get(step.action.operation, _NOWHERE)
    place = at.get(step.measurement.operation, _NOWHERE)
    yield _Part(f"{where}.action", "", _asked(step.action, home), acts=True)
    yield _Part(f"{where}.measurement", "", _asked(step.measurement, place))
    for number, each in enumerate(step.measures):
        question = _asked(each.call, each.place or home)
        yield _Part(f"{where}.verification[{number}]", f"measure {each.name}: ", question)


def _asked(call: Call, target: str) -> Question:
    return Question(call.operation, target, call.params)


def _wrong(part: _Part, answer: Answer | Silence, source: str) -> Iterator[wire.PlaybookProblem]:
    operation = part.question.operation
    if isinstance(answer, Silence):
        raise NobodyAnswers(f"{operation}: {answer.reason}")
    known = answer.kernel != ""
    line = line_of(f"{part.where}.{'params' if known else 'operation'}", source.encode())
    hint = "" if known else ": name one that `services/worker/README.md` lists"
    for text in _texts(part, answer):
        yield _problem(line, f"{part.where}: {part.name}{operation}: {text}{hint}")


def _problem(line: int, text: str) -> wire.PlaybookProblem:
    """A complaint repeats what is wrong, however long it is and whatever is in it."""
    return wire.PlaybookProblem(line=line, text=plain_text(text))


def _texts(part: _Part, answer: Answer) -> Iterator[str]:
    yield from (text for text in answer.problems if not text.startswith(f"{_NOWHERE} is not"))
    if answer.kernel and part.acts == answer.observes_only:
        yield "it only observes" if part.acts else "it does not only observe"


def _tested(case: Case, playbook: Playbook) -> wire.TestedCase:
    mission = imagined(
        tenant="default",
        kind=case.error.kind,
        target=case.error.target,
        source=case.error.source,
        severity=case.error.severity,
        requested_by="fixture",
    )
    wrong = tuple(map(plain_text, problems(case, playbook, mission)))
    return wire.TestedCase(name=plain_text(case.name), passed=not wrong, problems=wrong)


def _imported(playbook: Playbook, actor: str) -> wire.PlaybookImported:
    return wire.PlaybookImported(
        playbook=playbook.name,
        playbook_version=playbook.version,
        content_hash=playbook.content_hash,
        actor=actor,
    )
