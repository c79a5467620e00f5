"""The policies in force, compiled once: Cedar judges, and what cannot be judged is refused.

Cedar skips a policy that fails while it is evaluated; a forbid would then forbid nothing. So any
error makes the answer no.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from typing import Any

import cedarpy

from grace.governance.domain.facts import Facts

LONGEST_TEXT = 65_536  # characters of one document
_LONGEST_LINE = 4096  # characters: what a name, a reason or a complaint may have on the wire
_MOST_RULES = 1000  # of one document, as they travel
_DEEPEST = 200  # brackets inside brackets: Cedar's parser calls itself for each, and a thousand end the process
_ASIDE = re.compile(
    r'"(?:[^"\\]|\\.)*"|//[^\n\r]*', re.DOTALL
)  # texts and comments, where no bracket is one
_MOST_PROBLEMS = 100  # are told, so much of each
_LONGEST_PROBLEM = 1000


class Kind(StrEnum):
    """What a document of policies may hold."""

    POLICY = "policy"
    CONSTITUTION = "constitution"  # Forbids only.


class Question(StrEnum):
    """What is asked of the policies about an action; the words of the schema."""

    RUN = "run"
    RUN_UNATTENDED = "run_unattended"


class PolicyError(ValueError):
    """Policies that cannot come into force; each problem is one line."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problem[:_LONGEST_PROBLEM] for problem in problems[:_MOST_PROBLEMS])
        super().__init__("; ".join(self.problems)[:_LONGEST_LINE])


@dataclass(frozen=True, slots=True)
class Document:
    """A named text of policies."""

    name: str
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy, by the name that people gave it."""

    rule_id: str
    effect: str
    why: str
    document: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the policies allow something, and which of them decided it."""

    allowed: bool
    rules: tuple[str, ...]
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Policies that are valid together."""

    rules: Mapping[str, Rule]
    content_hash: str
    _policies: cedarpy.PolicySet = field(repr=False, compare=False)
    _schema: cedarpy.Schema = field(repr=False, compare=False)

    def judge(self, asked: Sequence[tuple[Facts, Question]]) -> list[Answer]:
        """Answer every question, in order."""
        answers: list[Answer] = []
        for batch in _batches(asked):
            entities = _entities(facts for facts, _ in batch)
            requests = [_request(facts, question) for facts, question in batch]
            found = cedarpy.is_authorized_batch(requests, self._policies, entities, self._schema)
            answers += [_answer(each) for each in found]
        return answers

    def told(self, rule_ids: Iterable[str]) -> list[str]:
        """Say what each of these policies is for."""
        lines = (
            f"{rule_id}: {self.rules[rule_id].why}" if self.rules[rule_id].why else rule_id
            for rule_id in rule_ids
            if rule_id in self.rules
        )
        return [line[:_LONGEST_LINE] for line in lines]


def compile_rulebook(documents: Sequence[Document], schema: str) -> Rulebook:
    """Make a rulebook out of documents. PolicyError with everything that is wrong with them."""
    parsed = cedarpy.Schema.from_str(schema)
    problems = [problem for each in documents for problem in _problems(each, parsed)]
    if problems:
        raise PolicyError(problems)
    rules = [rule for each in documents for rule in rules_of(each)]
    if twice := _repeated(rule.rule_id for rule in rules):
        raise PolicyError([f"@id {name} is given twice; each policy has its own" for name in twice])
    text = "\n".join(each.text for each in documents)
    return Rulebook(
        rules={rule.rule_id: rule for rule in rules},
        content_hash=_hash_of(documents),
        _policies=cedarpy.PolicySet.from_str(text),
        _schema=parsed,
    )


def _problems(document: Document, schema: cedarpy.Schema) -> Iterator[str]:
    if len(document.text) > LONGEST_TEXT:
        yield f"{document.name}: longer than {LONGEST_TEXT} characters"
        return
    if _depth(document.text) > _DEEPEST:
        yield f"{document.name}: more than {_DEEPEST} brackets inside brackets"
        return
    checked = cedarpy.validate_policies(document.text, schema)
    for error in checked.errors:
        yield f"{document.name}: {_one_line(error.error)}"
    if checked.validation_passed:
        yield from _strange_rules(document)


def _depth(text: str) -> int:
    """How many brackets of any kind lie inside one another at most."""
    steps = ((char in "([{") - (char in ")]}") for char in _ASIDE.sub("", text))
    return max(accumulate(steps), default=0)


def _strange_rules(document: Document) -> Iterator[str]:
    try:
        policies = json.loads(cedarpy.policies_to_json_str(document.text))
    except RecursionError:
        yield f"{document.name}: a condition is too long to be read; make several policies of it"
        return
    if policies.get("templates"):
        yield f"{document.name}: templates with ?principal or ?resource are not used here"
    if len(policies["staticPolicies"]) > _MOST_RULES:
        yield f"{document.name}: more than {_MOST_RULES} policies; make two documents of them"
    for place, policy in enumerate(policies["staticPolicies"].values(), 1):
        name = policy.get("annotations", {}).get("id")
        if not name:
            yield f'{document.name}: policy {place} has no name; write @id("..") above it'
        for word in ("id", "why"):
            if not _travels(policy.get("annotations", {}).get(word) or ""):
                yield (
                    f"{document.name}: @{word} of policy {place} has more than {_LONGEST_LINE}"
                    " characters, or a NUL"
                )
        if document.kind is Kind.CONSTITUTION and policy["effect"] != "forbid":
            yield f"{document.name}: a constitution only forbids; {name or place} permits"


def rules_of(document: Document) -> list[Rule]:
    """The policies of a document that was found valid."""
    policies = json.loads(cedarpy.policies_to_json_str(document.text))["staticPolicies"]
    return [
        Rule(
            rule_id=policy["annotations"]["id"],
            effect=policy["effect"],
            why=policy["annotations"].get("why") or "",
            document=document.name,
        )
        for policy in policies.values()
    ]


def _repeated(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]


def _hash_of(documents: Sequence[Document]) -> str:
    held = [[each.name, each.kind, each.text] for each in documents]
    return hashlib.sha256(json.dumps(sorted(held)).encode()).hexdigest()


def _batches(
    asked: Sequence[tuple[Facts, Question]],
) -> Iterator[list[tuple[Facts, Question]]]:
    """Cut where a target is told of in two ways: within a batch it is one entity."""
    batch: list[tuple[Facts, Question]] = []
    known: dict[str, tuple[str, str]] = {}
    for facts, question in asked:
        described = (facts.target_class, facts.environment)
        if known.setdefault(facts.target, described) != described:
            yield batch
            batch, known = [], {facts.target: described}
        batch.append((facts, question))
    if batch:
        yield batch


def _entities(every: Iterable[Facts]) -> str:
    found = {facts.target: facts for facts in every}
    return json.dumps(
        [
            {
                "uid": {"type": "Target", "id": facts.target},
                "attrs": {"class": facts.target_class, "environment": facts.environment},
                "parents": [
                    {"type": "TargetClass", "id": facts.target_class},
                    {"type": "Environment", "id": facts.environment},
                ],
            }
            for facts in found.values()
        ]
    )


def _request(facts: Facts, question: Question) -> dict[str, Any]:
    return {
        "principal": {"type": "Playbook", "id": facts.playbook},
        "action": {"type": "Action", "id": str(question)},
        "resource": {"type": "Target", "id": facts.target},
        "context": facts.context(),
    }


def _answer(result: cedarpy.AuthzResult) -> Answer:
    names = result.diagnostics.id_annotations_by_reason
    errors = tuple(_one_line(error) for error in result.diagnostics.errors)
    return Answer(
        allowed=result.allowed and not errors,
        rules=tuple(sorted(names.values())),
        errors=errors,
    )


def _travels(text: str) -> bool:
    return len(text) <= _LONGEST_LINE and "\0" not in text


def _one_line(text: str) -> str:
    return " ".join(text.split())
