"""What makes a target this one and no other."""

import pytest

from grace.worker.domain.definition import definition_of
from grace.worker.domain.targets import parse

DATABASE = """
[targets.shop]
kind = "postgres"
environment = "demo"
host = "127.0.0.1"
database = "shop"
table = "public.orders"
act = { user = "ops", password_file = "/run/ops" }
observe = { user = "eyes", password_file = "/run/eyes" }
"""
FOLDER = '[targets.shop]\nkind = "filesystem"\nenvironment = "demo"\nroot = "/srv/app"\n'
FILE = '[targets.shop]\nkind = "sqlite"\nenvironment = "demo"\nfile = "/srv/shop.db"\n'
COMMANDS = '[targets.shop]\nkind = "command"\nenvironment = "demo"\nallow = [["/bin/true"]]\n'


@pytest.mark.parametrize(
    ("text", "old", "new", "same"),
    [
        (DATABASE, "127.0.0.1", "127.0.0.2", False),
        (DATABASE, '"shop"', '"bank"', False),
        (DATABASE, "public.orders", "public.order_lines", False),
        (DATABASE, 'user = "ops"', 'user = "root"', False),
        (DATABASE, "demo", "production", False),
        (DATABASE, "host =", "port = 5433\nhost =", False),
        (DATABASE, "/run/ops", "/run/ops-2", True),
        (FOLDER, "/srv/app", "/srv/other", False),
        (FILE, "/srv/shop.db", "/srv/other.db", False),
        (FILE, "/srv/shop.db", "sqlite:////srv/shop.db", True),
        (COMMANDS, '[["/bin/true"]]', '[["/bin/true"], ["/bin/date"]]', True),
        (COMMANDS, "demo", "production", False),
    ],
)
def test_it_is_another_where_something_else_would_be_changed_or_measured(
    text: str, old: str, new: str, *, same: bool
) -> None:
    changed = text.replace(old, new)
    assert changed != text
    before, after = (definition_of(parse(each)["shop"]) for each in (text, changed))
    assert (before == after) is same
