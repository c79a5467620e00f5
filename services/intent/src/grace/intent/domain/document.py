"""The text of a playbook file: read strictly, so that a slip of the pen never becomes a plan."""

import math
import re
from datetime import timedelta
from hashlib import sha256
from typing import Protocol

import yaml

from grace.intent.domain.condition import ConditionError, compile_condition
from grace.intent.domain.extraction import TARGET, markers
from grace.intent.domain.plan import EXPECTATION, MAX_EXPECTATIONS, expectation, measures
from grace.intent.domain.playbook import (
    Call,
    Extraction,
    ExtractionType,
    Playbook,
    PlaybookError,
    Step,
    Threshold,
    Trigger,
)
from grace.intent.domain.table import Table, unknown

MAX_SOURCE = 65_536  # bytes
MAX_STEPS = 16  # a plan is a handful of steps; each is validated before it stands
MAX_EXTRACTIONS = 32
_MAX_DEPTH = 100  # tables inside tables of the file
_MAX_PATH = 8  # tables inside tables of the evidence
MAX_FLAP = 100  # openings that are looked back at
MAX_ACCUMULATED = 1_000  # times that are kept of errors too few for a mission
LONGEST = timedelta(days=1)  # that a mission looks back
_PLAYBOOK = ("playbook", "version", "enabled", "description", "trigger", "extract", "steps")
_EXTRACTION = ("from", "type", "at_least", "at_most", "one_of")
_TRIGGER = ("condition", "priority", "cooldown", "flap", "group_by", "accumulate")
_THRESHOLD = ("count", "within")
_GROUPED = ("kind", "severity", "source", "target")
_STEP = ("action", "measurement", "expectations", "verification")
_CALL = ("operation", "params")
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_NO_VALUE = "a value is no date, number or flag as it is written: quote it where it is a text"
_ODD = (
    (
        re.compile(r"[-+]?0[0-9_]+"),
        "a number that begins with 0 is octal in YAML: leave the 0 out, or quote it where it is a text",
    ),
    (
        re.compile(r"[-+]?([1-9][0-9_]*(:[0-5]?[0-9])+|[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*)"),
        "digits and colons are a number to the base 60 in YAML: write one number, or quote it where it is a text",
    ),
    # Python reads it, and cannot write it: no complaint could name it.
    (re.compile(r"[-+]?0[bx][0-9a-fA-F_]{100,}"), "a number of more than 100 digits"),
)


class _StrictLoader(yaml.CSafeLoader):
    """YAML without what surprises: keys given twice. The rest is refused before; see _refuse_surprises."""

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT002 - as PyYAML calls it
    ) -> dict[object, object]:
        """Refuse a key that is given twice: the first one would be lost in silence."""
        seen = set[object]()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise _refusal(key.start_mark, f"{name} is given twice")
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


def parse_playbook(source: bytes) -> Playbook:
    """Return the playbook that the file says; PlaybookError names the place that is wrong."""
    if len(source) > MAX_SOURCE:
        raise PlaybookError(f"larger than {MAX_SOURCE} bytes")
    loaded = load(source)
    try:
        return _playbook(source, loaded)
    except PlaybookError as failure:
        line = line_of(failure.where, source)
        raise PlaybookError(f"line {line}: {failure}", failure.where, line) from None


def _playbook(source: bytes, loaded: object) -> Playbook:
    top = Table(loaded, "playbook", _PLAYBOOK)
    top.prose("description", default="")
    extractions = _extractions(top)
    steps = top.tables("steps", keys=_STEP, at_most=MAX_STEPS)
    known = frozenset(each.name for each in extractions)
    return Playbook(
        name=top.name("playbook"),
        version=top.whole("version", at_least=1),
        content_hash=sha256(source).hexdigest(),
        source=source.decode(),
        enabled=top.flag("enabled", default=True),
        trigger=_trigger(top.table("trigger", keys=_TRIGGER)),
        steps=tuple(_step(each, known) for each in steps),
        extractions=extractions,
    )


def line_of(where: str, source: bytes) -> int:
    """Return the line on which the place, or what it lies in, begins."""
    node = yaml.compose(source.decode(), Loader=yaml.CSafeLoader)
    line = 1
    for part in where.replace("[", ".").replace("]", "").split(".")[1:]:
        match node:
            case yaml.MappingNode():
                found = [pair for pair in node.value if pair[0].value == part]
                if not found:
                    break
                line, node = found[0][0].start_mark.line + 1, found[0][1]
            case yaml.SequenceNode() if part in map(str, range(len(node.value))):
                node = node.value[int(part)]
                line = node.start_mark.line + 1
            case _:
                break
    return line


def _extractions(top: Table) -> tuple[Extraction, ...]:
    rows = top.rows("extract", keys=_EXTRACTION, at_most=MAX_EXTRACTIONS)
    return tuple(_extraction(name, table) for name, table in rows)


def _extraction(name: str, table: Table) -> Extraction:
    """A number without bounds, or text out of no list, would be whatever an error says."""
    root, *path = table.name("from").split(".")
    if root != "details" or not 1 <= len(path) <= _MAX_PATH or not all(path):
        table.fail("from", "details and the keys inside it are needed, e.g. details.blocked")
    kind = table.name("type")
    if kind not in set(ExtractionType):
        table.fail("type", unknown(kind, list(ExtractionType)))
    match ExtractionType(kind):
        case ExtractionType.WORD as word:
            return Extraction(name, tuple(path), word, words=table.words("one_of", at_most=100))
        case ExtractionType.BOOLEAN as flag:
            return Extraction(name, tuple(path), flag)
        case number:
            low, high = table.number("at_least"), table.number("at_most")
            least = math.ceil(low) if number is ExtractionType.INTEGER else low
            if least > high:
                table.fail("at_most", f"no {number} lies between at_least and at_most")
            return Extraction(name, tuple(path), number, low=low, high=high)


def load(source: bytes) -> object:
    """Return what a YAML text says, read strictly; PlaybookError where it is none."""
    try:
        text = source.decode()
        _refuse_surprises(text)
        loaded: object = yaml.load(text, Loader=_StrictLoader)  # noqa: S506  # it is a SafeLoader
    except PlaybookError:
        raise
    except yaml.MarkedYAMLError as failure:
        # Not its own text: that shows the line, in which a secret may stand.
        raise _refusal(failure.problem_mark, f"not YAML: {failure.problem}") from None
    except UnicodeDecodeError as failure:
        raise PlaybookError(f"not YAML: {failure}") from None
    except (ValueError, LookupError, AttributeError):
        # PyYAML's own, of 2026-13-01, !!bool maybe or !!timestamp soon. Its words may repeat the value.
        raise PlaybookError(f"not YAML: {_NO_VALUE}") from None
    except (yaml.YAMLError, RecursionError, TypeError) as failure:
        raise PlaybookError(f"not YAML: {' '.join(str(failure).split())}") from failure
    return loaded


def _refuse_surprises(text: str) -> None:
    """A small text could grow without bound by aliases, or end the process by its depth; a number be another.

    libyaml makes a value out of its parts with a call inside a call, which no limit of Python's ends.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        match event:
            case yaml.AliasEvent():
                raise _refusal(event.start_mark, "an alias (*name) is not allowed: write it out")
            case yaml.ScalarEvent():
                _refuse_odd_number(event)
            case yaml.CollectionStartEvent():
                depth += 1
                if depth > _MAX_DEPTH:
                    deep = f"more than {_MAX_DEPTH} tables inside tables"
                    raise _refusal(event.start_mark, deep)
            case yaml.CollectionEndEvent():
                depth -= 1


class _Mark(Protocol):
    """Where a part of the text begins, as PyYAML and libyaml say it."""

    line: int


def _refusal(mark: _Mark | None, why: str) -> PlaybookError:
    line = mark.line + 1 if mark else 1
    return PlaybookError(f"line {line}: {why}", line=line)


def _refuse_odd_number(event: yaml.ScalarEvent) -> None:
    """010 would be 8 and 1:30 be 90, as nobody means them. The value is not said: it may be a secret."""
    if not event.implicit[0] and event.tag not in _NUMBERS:
        return  # quoted, or a text by its tag
    for pattern, reason in _ODD:
        if pattern.fullmatch(event.value):
            raise _refusal(event.start_mark, reason)


def _trigger(table: Table) -> Trigger:
    try:
        condition = compile_condition(table.prose("condition"))
    except ConditionError as failure:
        table.fail("condition", str(failure))
    return Trigger(
        condition,
        table.whole("priority", at_least=0, default=0),
        cooldown=table.duration("cooldown", at_most=LONGEST) if table.has("cooldown") else None,
        flap=_threshold(table, "flap", at_most=MAX_FLAP),
        group_by=_group_by(table),
        accumulate=_threshold(table, "accumulate", at_most=MAX_ACCUMULATED),
    )


def _group_by(table: Table) -> tuple[str, ...] | None:
    """A plan acts on one target: an error of another one must never count as answered by it."""
    if not table.has("group_by"):
        return None
    names = table.names("group_by", known=_GROUPED)
    if "target" not in names:
        table.fail("group_by", "target has to be among them: a plan acts on one target")
    return tuple(name for name in _GROUPED if name in names)


def _threshold(table: Table, key: str, *, at_most: int) -> Threshold | None:
    if not table.has(key):
        return None
    inner = table.table(key, keys=_THRESHOLD)
    count = inner.whole("count", at_least=2, at_most=at_most)
    return Threshold(count, inner.duration("within", at_most=LONGEST))


def _step(table: Table, extracted: frozenset[str]) -> Step:
    expected = table.tables("expectations", keys=EXPECTATION, at_most=MAX_EXPECTATIONS)
    return Step(
        action=_call(table.table("action", keys=_CALL), extracted),
        measurement=_call(table.table("measurement", keys=_CALL), extracted),
        expectations=tuple(map(expectation, expected)),
        measures=measures(table),
    )


def _call(table: Table, extracted: frozenset[str]) -> Call:
    call = Call(table.name("operation"), table.json_object("params"))
    for marker, word in markers(call.params):
        known = extracted if marker == "extract" else {TARGET}
        if word not in known:
            table.fail("params", f"{marker}: {unknown(word, sorted(known))}")
    return call
