from pathlib import Path

import pytest

from grace.kit import Queries, Query
from grace.kit.unit import QUERIES


def test_names_become_numbers_in_the_order_of_their_first_use() -> None:
    query = Query.parse("q", "SELECT :b, :a, :b;")
    assert query.text == "SELECT $1, $2, $1"
    assert query.arguments({"a": 1, "b": 2}) == [2, 1]


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT CAST(:x AS uuid[])", ("x",)),
        ("SELECT now()::date, a[1:n]", ()),
        ("SELECT '10:30 is :not_one', 'it''s :neither'", ()),
        ("SELECT 1 -- not :one\n, :x", ("x",)),
        ("-- :none\nSELECT :x", ("x",)),
        ("SELECT jsonb_path_exists(a, '$.b'), :x", ("x",)),
    ],
)
def test_only_a_parameter_is_a_parameter(sql: str, names: tuple[str, ...]) -> None:
    assert Query.parse("q", sql).parameters == names


@pytest.mark.parametrize("given", [{}, {"x": 1}, {"x": 1, "y": 2, "z": 3}, {"x": 1, "z": 3}])
def test_a_missing_or_unknown_parameter_is_a_mistake(given: dict[str, int]) -> None:
    query = Query.parse("save", "SELECT :x, :y")
    with pytest.raises(TypeError, match="query save takes"):
        query.arguments(given)


def test_a_file_holds_named_statements(tmp_path: Path) -> None:
    file = tmp_path / "queries.sql"
    file.write_text("Words.\n-- one --\n-- The first.\nSELECT 1;\n\n-- two --\nSELECT :x;\n")
    queries = Queries.beside(str(tmp_path / "store.py"))
    assert dict(queries) == {
        "one": Query("one", "SELECT 1", ()),
        "two": Query("two", "SELECT $1", ("x",)),
    }
    assert file.name == "queries.sql"


def test_a_query_has_one_text() -> None:
    with pytest.raises(ValueError, match="two texts"):
        Queries("-- one --\nSELECT 1;\n-- one --\nSELECT 2;\n")


def test_the_kits_own_statements_are_read() -> None:
    assert QUERIES["mark_received"].parameters == ("consumer", "ids")
    assert len(QUERIES) > 10
