"""The targets file: what it may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.worker.domain.definition import doubled
from grace.worker.domain.targets import (
    FilesystemTarget,
    InvalidTargetsError,
    PostgresTarget,
    parse,
)

SHOP = """
[targets.shop]
kind = "postgres"
environment = "demo"
host = "127.0.0.1"
port = 5433
database = "shop"
[targets.shop.act]
user = "grace_ops"
password_file = "/etc/grace/ops"
[targets.shop.observe]
user = "grace_eyes"
password_file = "/etc/grace/eyes"
"""
FILES = """
[targets.files]
kind = "filesystem"
environment = "demo"
root = "/srv/app"
"""


def test_both_kinds_are_read() -> None:
    targets = parse(SHOP + FILES)
    shop, files = targets["shop"], targets["files"]
    assert isinstance(shop, PostgresTarget)
    assert (shop.port, shop.act.user, shop.observe.user) == (5433, "grace_ops", "grace_eyes")
    assert isinstance(files, FilesystemTarget)
    assert str(files.root) == "/srv/app"


def test_an_empty_file_registers_nothing() -> None:
    assert parse("# nothing\n") == {}


def test_a_server_over_a_network_must_prove_who_it_is_unless_said_otherwise() -> None:
    def tls(text: str) -> str:
        target = parse(text)["shop"]
        assert isinstance(target, PostgresTarget)
        return target.tls

    assert tls(SHOP) == "prefer"
    far = SHOP.replace("127.0.0.1", "db.example.org")
    assert tls(far) == "verify-full"
    assert tls(far.replace("port", 'tls = "require"\nport')) == "require"


BAD = {
    "not TOML": "[targets",
    "unknown key": SHOP.replace("port", "prot"),
    "unknown kind": SHOP.replace('"postgres"', '"oracle"'),
    "no kind": SHOP.replace('kind = "postgres"', ""),
    "no host": SHOP.replace('host = "127.0.0.1"', ""),
    "empty host": SHOP.replace("127.0.0.1", ""),
    "port out of range": SHOP.replace("5433", "0"),
    "port a text": SHOP.replace("5433", '"5433"'),
    "port a truth": SHOP.replace("5433", "true"),
    "who acts also measures": SHOP.replace("grace_eyes", "grace_ops"),
    "no observer": SHOP.split("[targets.shop.observe]", maxsplit=1)[0],
    "a table without a schema": SHOP.replace("port", 'table = "items"\nport'),
    "a table that is SQL": SHOP.replace("port", 'table = "public.items; DROP"\nport'),
    "a table of no text": SHOP.replace("port", "table = 7\nport"),
    "relative password file": SHOP.replace("/etc/grace/ops", "ops"),
    "a password in the file": SHOP.replace("password_file", "password", 1),
    "a bad id": FILES.replace("targets.files", 'targets."a b"'),
    "an id with a slash": FILES.replace("targets.files", 'targets."a/b"'),
    "relative root": FILES.replace("/srv/app", "srv"),
    "a root that climbs": FILES.replace("/srv/app", "/srv/../etc"),
    "everything as root": FILES.replace("/srv/app", "/"),
    "root with NUL": FILES.replace("/srv/app", "/srv\\u0000"),
    "an environment that is no id": FILES.replace("demo", "de mo"),
    "a target that is no table": "[targets]\nshop = 1\n",
    "something else than targets": "[tarets.shop]\n",
    "tls switched off by a typo": SHOP.replace("port", 'tls = "no"\nport'),
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(InvalidTargetsError):
        parse(text)


def test_two_names_for_one_place_are_told_and_nothing_else() -> None:
    def also(text: str, *changes: tuple[str, str]) -> str:
        for old, new in (
            ("targets.shop", "targets.again"),
            ("targets.files", "targets.too"),
            *changes,
        ):
            text = text.replace(old, new)
        return text

    table = ("port", 'table = "public.items"\nport')
    for text, names in {
        SHOP + also(SHOP, ("127.0.0.1", "LocalHost"), ("grace_ops", "other")): ["again and shop"],
        FILES + also(FILES, ("/srv/app", "/srv//app/"), ("demo", "production")): ["files and too"],
        SHOP + also(SHOP, table): [],
        SHOP + also(SHOP, ("5433", "5434")): [],
        FILES + also(FILES, ("/srv/app", "/srv/app/log")): [],
    }.items():
        told = doubled(parse(text).values())
        assert [name for name in names if name in " ".join(told)] == names
        assert len(told) == len(names)


@given(st.text(max_size=200))
def test_no_text_makes_it_raise_anything_else(text: str) -> None:
    try:
        parse(text)
    except InvalidTargetsError:
        return
