"""Conditions of trigger rules: CEL expressions over the facts of a captured error or intent.

The compiler checks syntax only, so names and types are checked here, before a rule is stored.
Its message and details are no facts: prose from outside selects nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

import cel

FACTS = ("kind", "severity", "source", "target", "tenant")
MAX_LENGTH = 1_000  # characters; a longer rule is a program
# What may be called: each is linear in its text. Macros over lists are not: ten of them inside one
# another are ten billion steps.
FUNCTIONS = (
    "contains", "double", "endsWith", "int", "matches", "size", "startsWith", "string",
)  # fmt: skip
_CALL = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*\(")
_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
_REPEATED = re.compile(r"\{[0-9]")
_OPERATORS = frozenset({"in"})
_LITERAL = re.compile(r"""(?<=["'])[A-Za-z0-9._:-]{1,128}(?=["'])""")
_ODD: Mapping[str, str] = {
    "\\": "write [.] for a dot that means itself",
    '"""': "one pair of quotes is enough",
    "'''": "one pair of quotes is enough",
    "//": "a comment belongs into the description",
}
_SAMPLE: Mapping[str, str] = dict.fromkeys(FACTS, "x")


class ConditionError(ValueError):
    """A condition cannot be compiled or does not say yes or no."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition; two are equal when their texts are."""

    text: str
    program: cel.Program = field(compare=False, repr=False)


def compile_condition(text: str) -> Condition:
    """Compile a condition and try it on a sample; ConditionError says what is wrong."""
    if len(text) > MAX_LENGTH:
        raise ConditionError(f"longer than {MAX_LENGTH} characters")
    _check_bounds(text)
    try:
        condition = Condition(text, cel.compile(text))
    except ValueError as failure:
        raise ConditionError(str(failure).splitlines()[0]) from failure
    _check_names(condition.program.variables())
    holds(condition, _SAMPLE)
    return condition


def holds(condition: Condition, facts: Mapping[str, str]) -> bool:
    """Tell whether the condition holds; ConditionError where it has no answer."""
    try:
        found = condition.program.execute(dict(facts))
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as failure:
        raise ConditionError(str(failure).splitlines()[0]) from failure
    if not isinstance(found, bool):
        raise ConditionError(f"says {found!r} where true or false is needed")
    return found


def literals(condition: Condition) -> frozenset[str]:
    """Return the identifiers that the condition names in quotes, e.g. a kind."""
    return frozenset(_LITERAL.findall(condition.text))


def _check_bounds(text: str) -> None:
    """Refuse what may take long, or hides what it is from this check."""
    for odd, instead in _ODD.items():
        if odd in text:
            raise ConditionError(f"{odd} is not allowed: {instead}")
    bare = _QUOTED.sub("''", text)
    for name in _CALL.findall(bare):
        if name not in _OPERATORS and name not in FUNCTIONS:
            close = get_close_matches(name, FUNCTIONS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(FUNCTIONS)}"
            raise ConditionError(f"unknown function {name}; {hint}")
    if len(_REPEATED.findall(text)) > 1:  # one inside another is a large program
        raise ConditionError("more than one counted repetition ({n}): write it out")


def _check_names(names: list[str]) -> None:
    for name in names:
        if name not in FACTS:
            close = get_close_matches(name, FACTS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(FACTS)}"
            raise ConditionError(f"unknown name {name}; {hint}")
