"""Wishes to act: the exact call that a person would have to make for one. Nothing here makes it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from grace.gateway.domain.access import Scope
from grace.gateway.domain.questions import Kind, Name

Body = Mapping[str, str | bool | int]

MOST_OFFERS = 4


@dataclass(frozen=True, slots=True)
class Offer:
    """A call over REST, and the same as a command. What stands in <> or in capitals is for the person to fill in."""

    effect: str
    method: str
    path: str
    scope: Scope
    command: str
    body: Body | None = None
    if_match: str | None = None


# A wish begins a sentence, or follows on another; the same word inside of one is a mere word.
_LEAD = (
    r"(?:^|[.;:,!?] ?|\b(?:and|then|now|please|also) )(?:grace,? )?(?:please )?"
    r"(?:(?:can|could|would|will) you (?:please )?|i (?:want|need|would like)(?: you)? to |let'?s |go ahead and "
    r"|you (?:must|should) |how (?:do|can|could|should) (?:i|we|one) |how to )?"
)


def _begins(verbs: str) -> re.Pattern[str]:
    return re.compile(rf"{_LEAD}(?:{verbs})\b")


_DECIDE = _begins("approve|grant")
_REJECT = _begins("reject|deny|decline")
_CANCEL = _begins("cancel|abort")
_RELEASE = _begins("release|unhold|let go")
_RETRY = _begins("retry|replay|try again|repeat")
_PAUSE = _begins("pause")
_RESUME = _begins("resume|unpause")
_STEERED = re.compile(
    r"\b(?:pause|resume|unpause) (?:the )?(?:kernel |queue )?([a-z][a-z0-9_:-]{0,127})\b"
)
_FREEZE = _begins("freeze|declare a freeze")
_STOP = re.compile(
    _begins("stop|halt").pattern + r" (?:everything|all|grace)\b|\bturn on the kill[ -]?switch\b"
)
_GO_ON = re.compile(r"\bturn off the kill[ -]?switch\b|\bkill[ -]?switch off\b")
_ACT = _begins(
    "restart|reboot|start|stop|fix|repair|heal|run|execute|kill(?! ?-?switch)|terminate|drop|delete|remove|rotate|vacuum|clear|"
    "roll ?back|revert|undo|scale|deploy|apply|change|set|update|increase|decrease|reset|unblock|free|truncate"
)
# A name that is none of Grace's ids and no plain word: what somebody wants it done to.
_THING = re.compile(r"(?<![\w./:-])[a-z][a-z0-9]*(?:[._-][a-z0-9]+)+(?![\w./:-])")


def offers_for(message: str, names: Sequence[Name]) -> tuple[Offer, ...]:
    """Return the calls that a wish would take, for the things that were named. Empty where none is wished."""
    text = " ".join(message.split())
    for name in names:
        text = text.replace(name.id, "")
    text = text.lower()
    found = (made for wish, make in _MAKERS if wish.search(text) for made in make(names, text))
    return tuple({each.command: each for each in found}.values())[:MOST_OFFERS]


def _ids(names: Sequence[Name], kind: Kind, unnamed: str) -> Iterator[str]:
    """The ids of a kind that were named, else what stands for one."""
    yield from [name.id for name in names if name.kind is kind] or [unnamed]


def _decide(choice: str) -> "Maker":
    def make(names: Sequence[Name], _: str) -> Iterator[Offer]:
        for each in _ids(names, Kind.APPROVAL, "APPROVAL_ID"):
            path = f"/api/approvals/{each}"
            yield Offer(
                f"{choice}s the plan of an approval: read it first, and decide on what you read",
                "POST",
                f"{path}/{choice}",
                Scope.APPROVALS_DECIDE,
                f"grace approvals {choice} {each}",
                {"shown_hash": f"<shown_hash of GET {path}>"},
                f"<ETag of GET {path}>",
            )

    return make


def _steer(act: str, effect: str) -> "Maker":
    def make(names: Sequence[Name], _: str) -> Iterator[Offer]:
        for each in _ids(names, Kind.TASK, "TASK_ID"):
            yield Offer(
                effect,
                "POST",
                f"/api/htm/tasks/{each}/{act}",
                Scope.HTM_WRITE,
                f"grace tasks {act} {each}",
                {"reason": "<why>"},
            )

    return make


def _release(names: Sequence[Name], text: str) -> Iterator[Offer]:
    if any(name.kind is Kind.TASK for name in names):
        yield from _steer("release", "queues a task that needs attention again")(names, text)
        return
    for each in _ids(names, Kind.MISSION, "MISSION_ID"):
        yield Offer(
            "lets a mission go on whose plan is held",
            "POST",
            f"/api/holds/{each}/release",
            Scope.HOLDS_RELEASE,
            f"grace holds release {each}",
            {"reason": "<why>"},
        )


def _queue(act: str, effect: str) -> "Maker":
    def make(names: Sequence[Name], text: str) -> Iterator[Offer]:
        found = _STEERED.search(text)
        for each in _ids(names, Kind.KERNEL, found[1] if found else "KERNEL"):
            yield Offer(
                effect,
                "POST",
                f"/api/htm/queues/{each}/{act}",
                Scope.HTM_WRITE,
                f"grace queues {act} {each}",
                {"reason": "<why>"},
            )

    return make


def _freeze(_: Sequence[Name], __: str) -> Iterator[Offer]:
    yield Offer(
        "lets plans wait until a time",
        "POST",
        "/api/freezes",
        Scope.FREEZES_WRITE,
        "grace freezes add --reason TEXT --ends TIME",
        {"reason": "<why>", "ends_at": "<RFC 3339>"},
    )


def _switch(*, is_on: bool) -> "Maker":
    def make(_: Sequence[Name], __: str) -> Iterator[Offer]:
        yield Offer(
            "stops every effect" if is_on else "lets effects go on",
            "POST",
            "/api/governance/kill-switch",
            Scope.GOVERNANCE_WRITE,
            f"grace kill-switch {'on' if is_on else 'off'} --reason TEXT",
            {"is_on": is_on, "reason": "<why>"},
        )

    return make


def _intend(names: Sequence[Name], text: str) -> Iterator[Offer]:
    """Grace acts on intents, by playbooks: nobody orders an operation."""
    named = [name.id for name in names if name.kind is Kind.TARGET]
    target = next(iter([*named, *_THING.findall(text)]), "TARGET")[:_LONGEST_NAME]
    body = {
        "intent_id": "<your own id>",
        "goal": "<what you want, in your words>",
        "domain": "<what it is about>",
        "sla_ms": 300_000,
        "target": target,
    }
    command = f"grace submit --goal TEXT --domain NAME --target {target}"
    path = "/api/intents/submit"
    show = "shows what would be done for an intent, and keeps nothing"
    do = "hands an intent in: Grace plans it, and asks people where policies want that"
    yield Offer(
        show, "POST", f"{path}?dry_run=true", Scope.INTENTS_WRITE, f"{command} --dry-run", body
    )
    yield Offer(do, "POST", path, Scope.INTENTS_WRITE, command, body)


Maker = Callable[[Sequence[Name], str], Iterator[Offer]]
_LONGEST_NAME = 128
_MAKERS: tuple[tuple[re.Pattern[str], Maker], ...] = (
    (_DECIDE, _decide("approve")),
    (_REJECT, _decide("reject")),
    (_CANCEL, _steer("cancel", "cancels a task, or tells the worker that holds it")),
    (_RETRY, _steer("retry", "does a failed task once more, as a new one")),
    (_RELEASE, _release),
    (_PAUSE, _queue("pause", "hands out no more tasks of a kernel")),
    (_RESUME, _queue("resume", "hands out the tasks of a kernel again")),
    (_FREEZE, _freeze),
    (_STOP, _switch(is_on=True)),
    (_GO_ON, _switch(is_on=False)),
    (_ACT, _intend),
)
