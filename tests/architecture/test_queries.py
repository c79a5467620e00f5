"""SQL lives in queries.sql: every block says what it is for, is used by name, and guards itself."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from .tree import ROOT, by_file, files, name_of, nodes, parsed, sources, told, written

# An UPDATE of a state that needs no guard, and why.
UNGUARDED = {
    "services/worker/src/grace/worker/queries.sql:store_breaker": (
        "the last word of any worker counts: a breaker is what it saw, kept for the next process"
    ),
}

_BLOCK = re.compile(r"^-- (\w+) --[ \t]*$", re.MULTILINE)
_COMMENT = re.compile(r"--.*$", re.MULTILINE)
_UPDATE = re.compile(r"\bUPDATE\s+(\w+)(?:\s+(?:AS\s+)?\w+)?\s+SET\b")
_UPSERT = re.compile(r"\bDO\s+UPDATE\s+SET\b")
_INSERT = re.compile(r"\bINSERT\s+INTO\s+(\w+)")
_CTE = re.compile(r"(\w+)(?:\s*\([\w\s,]*\))?\s+AS\s+(?:MATERIALIZED\s+)?\(")
_LOCK = re.compile(r"\bFOR\s+(?:NO\s+KEY\s+)?UPDATE\b")
_GUARD = re.compile(r"\b(?:status|state|outcome|attempt|attempt_number|plan_attempt|version)\b")
_COLUMN = re.compile(r"(?:^|,)\s*(\w+)\s*=")
_TABLE = re.compile(r"CREATE TABLE (\w+) \(")
_LIFECYCLE = re.compile(r"^\s*(status|state|outcome)\s.*CHECK \(\1 IN", re.MULTILINE)


def query_files() -> list[Path]:
    return [path for path in files() if path.name == "queries.sql" or path.parent.name == "queries"]


def blocks(path: Path) -> list[tuple[str, str]]:
    """The named blocks of a file with their text, comments included."""
    pieces = _BLOCK.split(path.read_text(encoding="utf-8"))[1:]
    return list(zip(pieces[::2], pieces[1::2], strict=True))


def statements_of(module: Path) -> Path | None:
    """The queries.sql that `QUERIES` stands for in a module; None where it has no such name."""
    for node in parsed(module).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "QUERIES":
            # Queries.beside(__file__), or of a folder above: each `.parent` is one step up.
            steps = sum(isinstance(n, ast.Attribute) and n.attr == "parent" for n in ast.walk(node))
            return [module, *module.parents][steps].with_name("queries.sql")
        if isinstance(node, ast.ImportFrom) and any(name.name == "QUERIES" for name in node.names):
            return statements_of(_module_file(node.module or ""))
    return None


def _module_file(dotted: str) -> Path:
    relative = dotted.replace(".", "/")
    found = [*ROOT.glob(f"*/*/src/{relative}.py"), *ROOT.glob(f"*/*/src/{relative}/__init__.py")]
    assert found, f"{dotted} is imported for its QUERIES and is not here"
    return found[0]


def uses() -> Iterator[tuple[Path, Path, str | None]]:
    """Each `QUERIES[..]`: the module, its queries.sql, and the name; None for a name in a variable."""
    for module in sources():
        subscripts = [n for n in nodes(parsed(module)) if isinstance(n, ast.Subscript)]
        named = [n.slice for n in subscripts if written(n.value) == "QUERIES"]
        file = statements_of(module) if named else None
        for key in named:
            assert file, f"{name_of(module)} uses QUERIES and neither makes nor imports it"
            yield module, file, key.value if isinstance(key, ast.Constant) else None


def used_names() -> dict[Path, set[str]]:
    found: dict[Path, set[str]] = {path: set() for path in query_files()}
    for _, file, name in uses():
        if name is not None:
            found.setdefault(file, set()).add(name)
    return found


def unguarded(sql: str, lifecycle: dict[str, set[str]]) -> list[str]:
    """The lifecycle tables whose state a statement changes without asking what it was."""
    text = _COMMENT.sub("", sql)
    bodies = {match[1]: _until_closed(text, match.end()) for match in _CTE.finditer(text)}
    found = []
    for table, start in _updates(text):
        clauses = _clauses(_until_closed(text, start))
        changed = set(_COLUMN.findall(_flat(clauses["SET"])))
        locked = [bodies[name] for name in re.findall(r"\w+", clauses["FROM"]) if name in bodies]
        guards = clauses["WHERE"] + "".join(body for body in locked if _LOCK.search(body))
        if changed & lifecycle.get(table, set()) and not _GUARD.search(guards):
            found.append(table)
    return found


def _updates(text: str) -> Iterator[tuple[str, int]]:
    """Each table that is updated, and where its SET clause begins."""
    yield from ((match[1], match.end()) for match in _UPDATE.finditer(text))
    for match in _UPSERT.finditer(text):
        yield _INSERT.findall(text[: match.start()])[-1], match.end()


def _until_closed(text: str, start: int) -> str:
    """The text up to the parenthesis or semicolon that ends the statement."""
    depth = 0
    for place, letter in enumerate(text[start:], start):
        depth += (letter == "(") - (letter == ")")
        if depth < 0 or (letter == ";" and depth == 0):
            return text[start:place]
    return text[start:]


def _clauses(rest: str) -> dict[str, str]:
    """The clauses of an UPDATE from its SET on; what is in parentheses belongs to its clause."""
    ends = [match.span() for match in re.finditer(r"\b(FROM|WHERE|RETURNING)\b", _flat(rest))]
    starts = [(0, 0), *ends, (len(rest), len(rest))]
    found = {"SET": "", "FROM": "", "WHERE": "", "RETURNING": ""}
    for (begin, end), (after, _) in pairwise(starts):
        found[rest[begin:end] or "SET"] += rest[end:after]
    return found


def _flat(text: str) -> str:
    """The text with everything in parentheses blanked."""
    depth, shown = 0, []
    for letter in text:
        depth -= letter == ")"
        shown.append(letter if depth == 0 else " ")
        depth += letter == "("
    return "".join(shown)


def lifecycle_tables(folder: Path) -> dict[str, set[str]]:
    """Tables with a state out of a closed list, as a service's migrations make them."""
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("migrations/*.py"))
    tables = {m[1]: _until_closed(text, m.end()) for m in _TABLE.finditer(text)}
    found = {name: set(_LIFECYCLE.findall(body)) for name, body in tables.items()}
    return {name: columns for name, columns in found.items() if columns}


def member(path: Path) -> Path:
    return ROOT.joinpath(*path.relative_to(ROOT).parts[:2])


def test_every_query_says_what_it_is_for() -> None:
    silent = [
        f"{name_of(path)}:{name}"
        for path in query_files()
        for name, text in blocks(path)
        if not re.match(r"\n-- \w[^\n]{8,}\n", text)
    ]
    assert not silent, told(
        "one line under the name: what it is for, and what it means when no row comes", silent
    )


def test_no_two_queries_of_a_file_have_one_name() -> None:
    names = {name_of(path): [name for name, _ in blocks(path)] for path in query_files()}
    twice = {path: sorted({n for n in all_ if all_.count(n) > 1}) for path, all_ in names.items()}
    bad = {path: found for path, found in twice.items() if found}
    assert not bad, told("the later block would win: give one of them another name", by_file(bad))


def test_every_query_is_used() -> None:
    used = used_names()
    idle = [
        f"{name_of(path)}:{name}"
        for path in query_files()
        for name, _ in blocks(path)
        if name not in used[path]
    ]
    assert not idle, told(
        'no code says QUERIES["name"]: delete it, or name it where it is used', idle
    )


def test_no_code_names_a_query_that_is_not_there() -> None:
    known = {path: {name for name, _ in blocks(path)} for path in query_files()}
    strange = {path: names - known.get(path, set()) for path, names in used_names().items()}
    missing = {name_of(path): names for path, names in strange.items() if names}
    assert not missing, told("it would fail with a KeyError when it runs", by_file(missing))


def test_queries_are_used_by_name() -> None:
    hidden = sorted({name_of(module) for module, _, name in uses() if name is None})
    assert not hidden, told(
        'write QUERIES["name"] and hand the query on: a search must find every use', hidden
    )


def test_every_change_of_a_state_names_the_state_that_it_leaves() -> None:
    found = {
        f"{name_of(path)}:{name}"
        for path in query_files()
        for name, text in blocks(path)
        if unguarded(text, lifecycle_tables(member(path)))
    }
    bad, unneeded = found - UNGUARDED.keys(), UNGUARDED.keys() - found
    assert not bad, told(
        "guard it in its WHERE by status, attempt or version: a late message must find no row",
        sorted(bad),
    )
    assert not unneeded, told(
        "no longer needed: take it off the list, which may only get shorter", sorted(unneeded)
    )


def test_the_lifecycle_tables_are_found() -> None:
    found = lifecycle_tables(ROOT / "services/htm") | lifecycle_tables(ROOT / "services/governance")
    assert found["htm_tasks"] == found["approval_requests"] == {"status"}


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE t SET status = 'done' WHERE id = :id",
        "UPDATE t AS x SET a = (SELECT version FROM s WHERE status = 'x'), status = :s",
        """WITH due AS (SELECT id FROM t WHERE status = 'new')
           UPDATE t SET status = 'old' FROM due WHERE t.id = due.id""",
        """WITH done AS (UPDATE t SET status = 'x' WHERE id = :id RETURNING version)
           SELECT * FROM done WHERE version = 1""",
        "INSERT INTO t (id, status) VALUES (:id, 'a') ON CONFLICT (id) DO UPDATE SET status = 'b'",
    ],
)
def test_an_unguarded_change_is_seen(sql: str) -> None:
    assert unguarded(sql, {"t": {"status"}}) == ["t"]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE t SET status = 'done' WHERE id = :id AND status IN ('a', 'b')",
        "UPDATE t SET status = 'done' WHERE id = :id AND version = :version RETURNING id",
        """WITH due AS (SELECT id FROM t WHERE status = 'new' FOR NO KEY UPDATE SKIP LOCKED)
           UPDATE t SET status = 'old' FROM due WHERE t.id = due.id""",
        "UPDATE t SET note = 'x' WHERE id = :id",
        "UPDATE other SET status = 'x' WHERE id = :id",
        "SELECT * FROM t WHERE id = :id FOR UPDATE",
    ],
)
def test_a_guarded_change_is_let_through(sql: str) -> None:
    assert unguarded(sql, {"t": {"status"}}) == []
