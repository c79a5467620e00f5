"""Texts that hold on every machine: no traces of this one, no boasts, no command that is not there."""

import re
from collections.abc import Iterator
from functools import cache

import pytest
import typer.main
from typer.core import TyperGroup

from grace.client.cli import build

from .tree import ROOT, files, name_of, told

# Single letters stand in brackets where a rule would else find itself.
RULES = {
    "a path of somebody's machine: derive it, or take it from a setting": re.compile(
        r"/(?:home|Users)/\w|(?<![\w.])/(?:roo[t]|wor[k])/\w"
    ),
    "a package registry: where packages come from is the machine's business": re.compile(
        r"\b(?:pypi|pythonhosted|npmjs|proxy\.golang|crates)\.(?:org|com|io)\b"
        r"|\b(?:deb|security|archive|ports)\.(?:debian|ubuntu)\.(?:org|com)\b"
    ),
    "an emoji: words and marks are enough": re.compile(
        "[\U0001f000-\U0001faff\ufe0f\u2705\u274c\u274e\u2728\u26a0\u26a1\u2b50\u2b55\u2753-\u2757\u2764]"
    ),
    "a boast: say what is tested, and by which command": re.compile(
        r"production[-_ ]read[y]|enterprise[- ]grad[e]|battle[- ]teste[d]|world[- ]clas[s]"
        r"|blazing(?:ly)? fas[t]|state[- ]of[- ]the[- ]ar[t]",
        re.IGNORECASE,
    ),
    "how the text came about: say what is, for whoever reads it in a year": re.compile(
        r"co-authored-b[y]|\b(?:as an A[I]\b|A[I][- ](?:assistant|generated)\b|sub-?agent[s]?\b"
        r"|(?:this|our) conversatio[n]\b|the user (?:aske[d]|wante[d])\b|as requeste[d]\b)",
        re.IGNORECASE,
    ),
    "a note to oneself: do it, or write down where it is tracked": re.compile(
        r"\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b"
    ),
}
_CODE = re.compile(r"`([^`\n]+)`")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^ {4,}((?:\S*/)?(?:make|grace) .*)$", re.MULTILINE)
_COMMAND = re.compile(r"(?:^|[\s;&(])(?:\S*/)?(make|grace) +([a-z][\w-]*(?: +[a-z][\w-]*)*)")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@cache
def texts() -> dict[str, str]:
    """Every text file of the repository."""
    found = {}
    for path in files():
        try:
            found[name_of(path)] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


def documents() -> dict[str, str]:
    return {name: text for name, text in texts().items() if name.endswith(".md")}


def trespasses(rule: re.Pattern[str], text: str) -> Iterator[str]:
    if not rule.search(text):
        return  # as nearly always, and line by line that takes twice as long to find out
    for number, line in enumerate(text.splitlines(), 1):
        if found := rule.search(line):
            yield f"{number}: {found[0]}"


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each `make ..` and `grace ..` in the code of a document, with its words in lower case."""
    blocks = "\n".join([*_FENCED.findall(text), *_INDENTED.findall(text)])
    spans = _CODE.findall(_FENCED.sub("", text))
    for line in [*spans, *blocks.splitlines()]:
        for program, rest in _COMMAND.findall(line.split("#")[0]):
            yield program, rest.split()


@cache
def make_targets() -> set[str]:
    """What `make help` lists."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):[^#]*## ", text, re.MULTILINE))


@cache
def command_line() -> object:
    """What `grace` is made of; to compose it takes a tenth of a second."""
    return typer.main.get_command(build())


def unknown_word(program: str, words: list[str]) -> str | None:
    """The first word of a command that means nothing to the program."""
    if program == "make":
        return next((word for word in words if word not in make_targets()), None)
    command: object = command_line()
    for word in words:
        if not isinstance(command, TyperGroup):
            return None  # what follows are arguments
        if word not in command.commands:
            return word
        command = command.commands[word]
    return None


@pytest.mark.parametrize("reason", RULES)
def test_no_text_holds(reason: str) -> None:
    rule = RULES[reason]
    found = [f"{name}:{at}" for name, text in texts().items() for at in trespasses(rule, text)]
    assert not found, told(reason, found)


def test_every_command_in_the_documents_is_there() -> None:
    every = ((name, c, words) for name, text in documents().items() for c, words in commands(text))
    bad = sorted({f"{name}: {c} {' '.join(w)}" for name, c, w in every if unknown_word(c, w)})
    assert not bad, told("a claim is a command that runs: `make help`, `grace --help`", bad)


def test_every_link_in_the_documents_leads_somewhere() -> None:
    bad = [
        f"{name}: {link}"
        for name, text in documents().items()
        for link in _LINK.findall(text)
        if "://" not in link and not (ROOT / name).parent.joinpath(link).exists()
    ]
    assert not bad, told("the file was moved, or is not written yet", bad)


@pytest.mark.parametrize(
    "text",
    [
        "see /home" + "/ada/notes", "in /wor" + "k/main", "from py" + "pi.org",
        "http://deb.deb" + "ian.org/", "done \u2705", "\U0001f680", "is Production" + "-ready",
        "enterprise" + " grade", "Co-authored" + "-by: x", "an A" + "I assistant", "# TO" + "DO",
    ],
)  # fmt: skip
def test_a_word_out_of_place_is_seen(text: str) -> None:
    assert [rule for rule in RULES.values() if list(trespasses(rule, text))] != []


@pytest.mark.parametrize(
    "text",
    ["/proc/self/root", "~/.grace/master.key", "/run/secrets/grace", "a network/ with", "todo = [start]",
     "\u2581\u2582\u2588", "production settings", "a pg session", "an agent of nats"],
)  # fmt: skip
def test_an_honest_word_is_let_through(text: str) -> None:
    assert [rule for rule in RULES.values() if list(trespasses(rule, text))] == []


def test_commands_are_found_where_documents_hold_them() -> None:
    text = """
Make sure that you `make up` and

    make check test    # both
```
$ .venv/bin/grace nats apply --watch
```
grace is not a command here
"""
    assert list(commands(text)) == [
        ("make", ["up"]), ("grace", ["nats", "apply"]), ("make", ["check", "test"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("program", "words", "unknown"),
    [
        ("make", ["check", "test"], None),
        ("make", ["fire"], "fire"),
        ("grace", ["missions", "burn"], "burn"),
        ("grace", ["missions", "show", "mission"], None),
        ("grace", ["fly"], "fly"),
    ],
)
def test_an_unknown_command_is_seen(program: str, words: list[str], unknown: str | None) -> None:
    assert unknown_word(program, words) == unknown
