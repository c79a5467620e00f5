"""The same rooms in every service: who knows one knows all of them."""

import ast
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from grace.contracts.subjects import SERVICES

from .tree import (
    ROOT,
    members,
    name_of,
    nodes,
    package,
    parsed,
    python_files,
    services,
    told,
    words,
)

REQUIRED = {"__init__.py", "__main__.py", "py.typed", "app", "settings"}
ROOMS = {"domain", "store", "handlers"}
OPTIONAL = {"loops", "metrics", "queries"}
# Whose rooms differ, and why.
OF_THEIR_OWN = {
    "gateway": {"api"},  # it speaks HTTP where the others answer in handlers
    "worker": {"kernels"},  # one module or folder for each family of operations
    "knowledge": {"embedders"},  # what turns texts into vectors, of which one is chosen
    # Package data: the playbooks that come with Grace. And what loops and handlers plan with.
    "intent": {"playbooks", "planner"},
    "governance": {"policies"},  # package data: the policies that come with Grace, and their schema
}
# The gateway reads and writes for nobody but its callers: what it decides is who may ask.
WITHOUT = {"gateway": {"domain", "store", "handlers"}}
NOT_A_NAME = frozenset({
    "manager", "managers", "helper", "helpers", "util", "utils", "common", "base", "enhanced",
    "advanced", "v2",
})  # fmt: skip
NOT_A_BEGINNING = frozenset({"real", "production"})


def rooms(service: str) -> set[str]:
    """What lies in a service's package; a module and a folder of that name are the same room."""
    found = [path for path in package(service).iterdir() if path.name != "__pycache__"]
    return {path.stem if _is_room(path) else path.name for path in found}


def _is_room(path: Path) -> bool:
    return path.suffix in {".py", ".sql"} and not path.name.startswith("__")


def pyproject(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def import_contract(name: str) -> dict[str, Any]:
    contracts = pyproject(ROOT)["tool"]["importlinter"]["contracts"]
    return next(contract for contract in contracts if contract["name"] == name)


def test_every_service_has_its_outer_rooms(service: str) -> None:
    folder = ROOT / "services" / service
    wanted = ["README.md", "pyproject.toml", "migrations", "tests", f"src/grace/{service}"]
    missing = [name for name in wanted if not (folder / name).exists()]
    assert not missing, told(f"services/{service} lacks what a newcomer looks for there:", missing)


def test_every_service_has_a_migration_and_a_test(service: str) -> None:
    folder = ROOT / "services" / service
    assert list(folder.glob("migrations/*.py")), (
        "the first revision makes at least the kit's tables"
    )
    assert list(folder.glob("tests/test_*.py")), "a service without a test is a claim"


def test_every_service_has_the_same_inner_rooms(service: str) -> None:
    wanted = REQUIRED | (ROOMS - WITHOUT.get(service, set()))
    missing = sorted(wanted - rooms(service))
    assert not missing, told(f"{service} lacks a room; copy the shape of services/htm:", missing)


def test_no_service_invents_a_room(service: str) -> None:
    known = REQUIRED | ROOMS | OPTIONAL | OF_THEIR_OWN.get(service, set())
    strange = sorted(rooms(service) - known)
    assert not strange, told(
        f"rooms that no other service has; move them into one of {', '.join(sorted(known))}:",
        strange,
    )


def test_a_domain_is_a_folder_with_one_noun_for_each_file(service: str) -> None:
    domain = package(service) / "domain"
    assert not domain.with_suffix(".py").exists(), (
        "domain is a folder, so that it may grow by nouns"
    )
    if "domain" not in WITHOUT.get(service, set()):
        assert [path for path in domain.glob("*.py") if path.name != "__init__.py"], (
            "nothing is decided here"
        )


def test_a_room_is_a_module_or_a_folder_but_not_both(service: str) -> None:
    twice = [path.name for path in package(service).glob("*.py") if path.with_suffix("").is_dir()]
    assert twice == [], "Python would import the folder and leave the module unread"


def test_the_namespace_is_shared_by_all_members() -> None:
    found = [name_of(path) for path in ROOT.glob("*/*/src/grace/__init__.py")]
    assert found == [], (
        "grace.* is a PEP 420 namespace: with this file no other member can be imported"
    )


def test_the_main_module_is_the_same_few_lines_everywhere(service: str) -> None:
    body = parsed(package(service) / "__main__.py").body
    assert ast.get_docstring(parsed(package(service) / "__main__.py")), (
        "one sentence on what it runs"
    )
    lines = {ast.unparse(node) for node in body[1:]}
    assert lines == {
        f"from grace.{service}.app import build", "from grace.kit import main", "main(build)",
    }, "what a service does at its start belongs into app.py or the kit"  # fmt: skip


def test_importing_a_service_does_nothing(service: str) -> None:
    body = parsed(package(service) / "__init__.py").body
    only_text = [node for node in body if not _is_text(node)]
    assert body, "one sentence on what the service is for"
    assert only_text == [], "the package's __init__ is one sentence: no imports, no work"


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_the_composition_root_is_one_function(service: str) -> None:
    defined = [
        node.name for node in parsed(package(service) / "app.py").body if hasattr(node, "name")
    ]
    assert defined == ["build"], (
        "app.py is read from top to bottom: it composes and decides nothing"
    )


@pytest.mark.parametrize("member", [name_of(path) for path in members()])
def test_every_member_is_named_after_its_folder(member: str) -> None:
    project = pyproject(ROOT / member)["project"]
    assert project["name"] == f"grace-{Path(member).name}"
    assert project["requires-python"] == pyproject(ROOT)["project"]["requires-python"]


@pytest.mark.parametrize("member", [name_of(path) for path in members()])
def test_every_member_has_the_readme_that_it_names(member: str) -> None:
    readme = pyproject(ROOT / member)["project"].get("readme")
    assert readme is None or (ROOT / member / readme).is_file(), "without it no wheel is built"


@pytest.mark.parametrize("member", [name_of(path) for path in members()])
def test_every_member_says_where_its_dependencies_on_others_come_from(member: str) -> None:
    found = pyproject(ROOT / member)
    wanted = {name for name in found["project"]["dependencies"] if name.startswith("grace-")}
    sources = found["tool"].get("uv", {}).get("sources", {})
    assert sources == {name: {"workspace": True} for name in wanted}, (
        "without it somebody else's package of that name could be taken from an index"
    )


def test_no_service_depends_on_another(service: str) -> None:
    needs = set(pyproject(ROOT / "services" / service)["project"]["dependencies"])
    others = sorted(needs & {f"grace-{name}" for name in services()})
    assert others == [], "services talk by messages; a wheel of one must not bring another"


def test_every_service_ships_its_migrations(service: str) -> None:
    wheel = pyproject(ROOT / "services" / service)["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["src/grace"]
    assert wheel["force-include"] == {"migrations": f"grace/{service}/migrations"}


def test_the_contracts_name_every_service() -> None:
    assert sorted(SERVICES) == services(), "proto/ and services/ must speak of the same services"


def test_the_import_rules_name_every_service() -> None:
    modules = [f"grace.{service}" for service in services()]
    independent = import_contract("Services never import each other")["modules"]
    layers = import_contract("Services stand on the kit, the kit on the contracts")["layers"]
    assert sorted(independent) == modules
    assert sorted(layers[0].split(" | ")) == modules
    assert layers[1:] == ["grace.kit", "grace.contracts"]


def test_the_type_checker_sees_every_member() -> None:
    paths = pyproject(ROOT)["tool"]["mypy"]["mypy_path"]
    differences = set(paths) ^ {f"{name_of(path)}/src" for path in members()}
    assert not differences, told("mypy_path takes no globs: name every member", sorted(differences))


def test_the_workspace_names_every_member() -> None:
    uv = pyproject(ROOT)["tool"]["uv"]
    assert uv["workspace"]["members"] == ["libs/*", "services/*"]
    differences = set(uv["sources"]) ^ {f"grace-{path.name}" for path in members()}
    assert not differences, told("members and [tool.uv.sources] differ", sorted(differences))


def test_names_say_what_a_thing_is() -> None:
    bad = [name for name in chain(_file_names(), _class_names()) if _says_nothing(name)]
    assert not bad, told("manager, utils, base and the like say nothing: name it by its role", bad)


def _file_names() -> list[str]:
    return [name_of(path) for path in python_files()]


def _class_names() -> list[str]:
    every = ((path, node) for path in python_files() for node in nodes(parsed(path)))
    return [
        f"{name_of(path)}:{node.name}" for path, node in every if isinstance(node, ast.ClassDef)
    ]


def _says_nothing(name: str) -> bool:
    path, _, class_name = name.partition(":")
    found = words(class_name) if class_name else list(chain(*map(words, path.split("/"))))
    starts = words(class_name or Path(path).stem)[:1]
    return not NOT_A_NAME.isdisjoint(found) or not NOT_A_BEGINNING.isdisjoint(starts)


@pytest.mark.parametrize(
    "name", ["services/htm/utils.py", "a/b.py:TaskManager", "a.py:BaseStore", "a/real_store.py"]
)
def test_an_empty_name_is_seen(name: str) -> None:
    assert _says_nothing(name)


@pytest.mark.parametrize("name", ["database.py", "a.py:Baseline", "a.py:Realm", "a/productions.py"])
def test_a_name_that_only_looks_like_one_is_let_through(name: str) -> None:
    assert not _says_nothing(name)
