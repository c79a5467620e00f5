"""What may be used where: the import rules, pure domains, and what Grace never does."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from . import tree as project
from .tree import (
    ROOT,
    by_file,
    functions,
    name_of,
    nodes,
    parsed,
    python_files,
    sources,
    told,
    written,
)  # fmt: skip

Rule = Callable[[ast.AST], Iterator[str]]
SHORTER = "no longer needed: take it off the list, which may only get shorter"

# Clocks, dice, the outside world, and everything that waits.
NOT_IN_A_DOMAIN = (
    "asyncio", "asyncpg", "faststream", "grace.contracts", "grace.kit", "http", "httpx", "io",
    "logging", "nats", "os", "pydantic", "random", "secrets", "socket", "sqlalchemy",
    "structlog", "subprocess", "tempfile", "threading", "time", "uuid.uuid", "urllib.request",
)  # fmt: skip
IMPURE_FOR_A_REASON = {
    # A nonce that a caller could choose could be chosen twice, and AES-GCM breaks on the second.
    "services/identity/src/grace/identity/domain/vault.py": {"imports os"},
}
MAY_READ_THE_ENVIRONMENT = {
    "libs/kit/src/grace/kit/settings.py": "the one place where settings come from",
}
# Function by function: a catch of everything hides bugs, so each one tells why it is an edge.
MAY_CATCH_EVERYTHING = {
    "libs/kit/src/grace/kit/intake.py:Intake._guarded": "a batch must not take the consumer down",
    "libs/kit/src/grace/kit/bisection.py:Bisection.handle": "blames one message of a batch",
    "libs/kit/src/grace/kit/quarantine.py:Quarantine.settle": "who has it handled again learns that it failed",
    "libs/kit/src/grace/kit/gathering.py:Gathering._answer": "it becomes the answer",
    "libs/kit/src/grace/kit/group.py:Group._answer": "every caller of the group learns of it",
    "libs/kit/src/grace/kit/life.py:Running._whatever_happens": "a stop that fails half-way must go on",
    "libs/kit/src/grace/kit/signals.py:listen.hear": "a hint that fails must not end the listening",
    "libs/kit/src/grace/kit/unit.py:Unit._call": "the commit stands, whatever is done after it",
    "libs/kit/src/grace/kit/loops.py:tick_once": "a tick that fails is followed by another",
    "libs/kit/src/grace/kit/runtime.py:Runtime.database_problem": "whatever it is, the service is not ready",
    "libs/kit/src/grace/kit/rpc.py:Server._guarded": "a bug is an answer too",
    "libs/resilience/src/grace/resilience/executor.py:Executor.observe": "judged, raised if the last",
    "services/gateway/src/grace/gateway/api/door.py:Door.__call__": "every request gets an answer",
    "services/verification/src/grace/verification/loops/advance.py:Advance._carry_out": "blames one",
    "services/worker/src/grace/worker/loops/attempt.py:run_attempt": "htm is told of every end",
    "services/worker/src/grace/worker/loops/guard.py:_spare": "raised again outside the breaker",
}
MAY_FLUSH_EARLY = "libs/kit/src/grace/kit/flushing.py"
MAY_WRITE_SQL_AS_TEXT = {
    "libs/kit/src/grace/kit/migrations.py": "roles and schemas: no parameter can carry a name",
    "libs/stack/": "makes databases and roles: no parameter can carry a name",
    "libs/testkit/": "makes and drops the databases of tests, with names of its own",
}
LOADS_YAML_SAFELY = {
    "libs/client/src/grace/client/cli/documents.py": "its loader is a SafeLoader without dates",
    "services/intent/src/grace/intent/domain/document.py": "its loader is a SafeLoader, made strict",
}

_SQL = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|MERGE|WITH|CREATE|ALTER|DROP|TRUNCATE|GRANT|REVOKE"
    r"|SET|COPY|CALL|DO|LOCK|NOTIFY|LISTEN)\s"
)
_OUTSIDE = frozenset({"open", "print", "input"})
_OUTSIDE_METHODS = (
    ".now", ".utcnow", ".today", ".read_text", ".read_bytes", ".write_text", ".write_bytes",
    ".exists", ".is_file", ".is_dir", ".stat", ".iterdir", ".resolve", ".expanduser", ".unlink",
)  # fmt: skip
_FLUSHES = frozenset({"unit.flush", "bus.flush", "flushing.flush"})  # the outbox, the kit
_EVERYTHING = frozenset({"Exception", "BaseException"})


def imported(tree: ast.AST) -> Iterator[str]:
    """Every dotted name that a module imports, wherever in it."""
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in nodes(tree):
        if isinstance(node, ast.Call):
            yield written(node.func), node


def impurities(tree: ast.AST) -> Iterator[str]:
    for name in imported(tree):
        found = next((bad for bad in NOT_IN_A_DOMAIN if _is_below(name, bad)), None)
        if found:
            yield f"imports {found}"
    for node in nodes(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield "waits"
    for name, _ in calls(tree):
        if name in _OUTSIDE or name.endswith(_OUTSIDE_METHODS):
            yield f"calls {name}"


def _is_below(name: str, bad: str) -> bool:
    return name.startswith(bad) if bad == "uuid.uuid" else f"{name}.".startswith(f"{bad}.")


def environment_reads(tree: ast.AST) -> Iterator[str]:
    attributes = {written(node) for node in nodes(tree) if isinstance(node, ast.Attribute)}
    used = attributes | set(imported(tree))
    yield from sorted(used & {"os.environ", "os.environb", "os.getenv", "os.putenv"})


def broad_catches(tree: ast.AST) -> Iterator[str]:
    """The functions that catch everything; one that always raises again catches nothing."""
    for name, function in functions(tree):
        if any(_is_broad(node) for node in _own_nodes(function)):
            yield name


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
            yield from _own_nodes(node)


def _is_broad(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    everything = any(kind is None or ast.unparse(kind) in _EVERYTHING for kind in caught)
    last = node.body[-1]
    return everything and not (isinstance(last, ast.Raise) and last.exc is None)


def text_made_sql(tree: ast.AST) -> Iterator[str]:
    """Statements that are put together from text instead of parameters."""
    for node in nodes(tree):
        text = _template(node)
        if text and _SQL.match(text):
            yield f"line {node.lineno}: {text.strip()[:40]}"  # type: ignore[attr-defined]


def _template(node: ast.AST) -> str | None:
    match node:
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *rest]) if rest:
            return text
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod() | ast.Add()):
            return text
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return text
        case _:
            return None


def dangerous_calls(tree: ast.AST) -> Iterator[str]:
    for name in imported(tree):
        if name.split(".")[0] in {"pickle", "marshal", "shelve", "dill", "telnetlib", "ftplib"}:
            yield f"imports {name}"
    for name, call in calls(tree):
        if name in {"eval", "exec", "os.system", "os.popen", "asyncio.create_subprocess_shell"}:
            yield f"calls {name}"
        if name in {"yaml.load", "yaml.unsafe_load", "yaml.full_load"}:
            yield "calls yaml.load"
        for keyword in call.keywords:
            match keyword.arg, keyword.value:
                case ("shell", ast.Constant(value=True)) | ("verify", ast.Constant(value=False)):
                    yield ast.unparse(keyword)


def prints(tree: ast.AST) -> Iterator[str]:
    yield from (name for name, _ in calls(tree) if name in {"print", "pprint", "pprint.pprint"})


def early_flushes(tree: ast.AST) -> Iterator[str]:
    """Flushes of nats-py, which return before its buffer is with the server."""
    for node in nodes(tree):
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call):
            name = written(node.value.func)
            if name.endswith(".flush") and name not in _FLUSHES:
                yield f"calls {name}"


def found_in(paths: list[Path], rule: Rule) -> dict[str, set[str]]:
    """What a rule says of each file that it says something of."""
    found = {name_of(path): set(rule(parsed(path))) for path in paths}
    return {name: said for name, said in found.items() if said}


def test_the_import_rules_hold() -> None:
    program = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[done.stdout.find("Contracts") :] + done.stderr


def test_a_domain_decides_and_does_nothing_else(service: str) -> None:
    found = found_in(sorted((project.package(service) / "domain").rglob("*.py")), impurities)
    bad = {at: said - IMPURE_FOR_A_REASON.get(at, set()) for at, said in found.items()}
    bad = {at: said for at, said in bad.items() if said}
    assert not bad, told(
        "domain/ takes facts (with `now`) and returns a decision: clocks, dice, files, logs and"
        " everything that waits belong to handlers, loops or the store",
        by_file(bad),
    )


def test_every_exception_from_purity_is_needed() -> None:
    found = {name: set(impurities(parsed(ROOT / name))) for name in IMPURE_FOR_A_REASON}
    unneeded = {
        at: said - found[at] for at, said in IMPURE_FOR_A_REASON.items() if said - found[at]
    }
    assert not unneeded, told(SHORTER, by_file(unneeded))


def test_only_the_settings_read_the_environment() -> None:
    found = found_in(sources(), environment_reads)
    bad = {at: said for at, said in found.items() if at not in MAY_READ_THE_ENVIRONMENT}
    assert not bad, told(
        "what can be configured is a field of Settings: typed, documented, refused when misspelt",
        by_file(bad),
    )
    unneeded = MAY_READ_THE_ENVIRONMENT.keys() - found.keys()
    assert not unneeded, told(SHORTER, sorted(unneeded))


def test_nothing_catches_everything_but_the_named_edges() -> None:
    found = found_in(sources(), broad_catches)
    named = {f"{path}:{function}" for path, said in found.items() for function in said}
    bad, unneeded = named - MAY_CATCH_EVERYTHING.keys(), MAY_CATCH_EVERYTHING.keys() - named
    assert not bad, told(
        "catch what you expect by name; a bug must reach the kit's edge, which logs and counts it",
        sorted(bad),
    )
    assert not unneeded, told(SHORTER, sorted(unneeded))


def test_nothing_runs_a_shell_or_unpacks_code() -> None:
    found = found_in(
        [*sources(), *python_files("proto", "deploy", "requirements")], dangerous_calls
    )
    for name in LOADS_YAML_SAFELY:
        found[name] = found.get(name, set()) - {"calls yaml.load"}
    bad = {name: said for name, said in found.items() if said}
    assert not bad, told(
        "argv lists instead of shells, JSON instead of pickle, yaml.safe_load, and TLS is verified",
        by_file(bad),
    )


def test_statements_take_their_values_as_parameters() -> None:
    found = found_in([*sources(), *python_files("proto", "deploy")], text_made_sql)
    bad = {
        at: said for at, said in found.items() if not at.startswith(tuple(MAY_WRITE_SQL_AS_TEXT))
    }
    assert not bad, told(
        "write a named block in queries.sql with :parameters; text put into SQL is an injection",
        by_file(bad),
    )
    unneeded = [at for at in MAY_WRITE_SQL_AS_TEXT if not any(n.startswith(at) for n in found)]
    assert not unneeded, told(SHORTER, unneeded)


def test_services_log_and_do_not_print() -> None:
    found = found_in([path for path in sources() if _is_of_a_service(path)], prints)
    assert not found, told(
        "use runtime.log with an event and fields; nobody reads a service's output", by_file(found)
    )


def test_a_flush_of_nats_is_the_kit_s() -> None:
    found = found_in([*sources(), *python_files("libs", "services", "tests")], early_flushes)
    unneeded = {MAY_FLUSH_EARLY} - found.keys()
    bad = {at: said for at, said in found.items() if at != MAY_FLUSH_EARLY}
    assert not bad, told("use grace.kit.flushing.flush, which says why", by_file(bad))
    assert not unneeded, told(SHORTER, sorted(unneeded))


def _is_of_a_service(path: Path) -> bool:
    return name_of(path).split("/")[1] in project.services()


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (impurities, "import asyncio"),
        (impurities, "from time import monotonic"),
        (impurities, "from uuid import uuid4"),
        (impurities, "import os.path"),
        (impurities, "def f():\n    async def g(): ..."),
        (impurities, "x = datetime.now(UTC)"),
        (impurities, "x = datetime.datetime.utcnow()"),
        (impurities, "from grace.kit import new_id"),
        (impurities, "text = path.read_text()"),
        (environment_reads, "import os\nx = os.environ['A']"),
        (environment_reads, "from os import environ"),
        (broad_catches, "def f():\n try: ...\n except Exception: pass"),
        (broad_catches, "def f():\n try: ...\n except (OSError, BaseException) as e: log(e)"),
        (broad_catches, "class A:\n def f(self):\n  try: ...\n  except: raise A from None"),
        (text_made_sql, "q = f'SELECT * FROM {table}'"),
        (text_made_sql, "q = 'UPDATE a SET b = %s' % b"),
        (text_made_sql, "q = 'DELETE FROM a WHERE b = ' + b"),
        (text_made_sql, "q = 'DROP TABLE {}'.format(b)"),
        (dangerous_calls, "subprocess.run(x, shell=True)"),
        (dangerous_calls, "import pickle"),
        (dangerous_calls, "yaml.load(x)"),
        (dangerous_calls, "httpx.get(x, verify=False)"),
        (dangerous_calls, "eval(x)"),
        (prints, "print(1)"),
        (early_flushes, "async def f():\n await self.client.flush()"),
    ],
)
def test_a_trespass_is_seen(rule: Rule, source: str) -> None:
    assert list(rule(ast.parse(source))) != []


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (impurities, "from uuid import UUID\nfrom datetime import datetime, timedelta"),
        (impurities, "from pathlib import PurePosixPath\nPurePosixPath('/a').is_absolute()"),
        (
            impurities,
            "from timeit import x\nfrom osmosis import y\nfrom grace.transparency import z",
        ),
        (environment_reads, "environment = {}\nenvironment['os']"),
        (broad_catches, "def f():\n try: ...\n except Exception:\n  undo()\n  raise"),
        (broad_catches, "def f():\n try: ...\n except ValueError: pass"),
        (text_made_sql, "log.info(f'update of {x}')\nq = 'SELECT 1'\nx = f'{a} SELECT '"),
        (early_flushes, "async def f(unit):\n await unit.flush()\n await flush(client)"),
        (dangerous_calls, "subprocess.run(x, shell=False)\nyaml.safe_load(x)\nast.literal_eval(x)"),
    ],
)
def test_what_is_allowed_is_let_through(rule: Rule, source: str) -> None:
    assert list(rule(ast.parse(source))) == []
