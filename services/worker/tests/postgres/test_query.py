"""postgres.query: numbers by one statement that reads, and nothing else."""

from decimal import Decimal
from typing import Any

import pytest

from grace.worker.domain.failure import InvalidError, KernelError, UnusableError
from grace.worker.kernels.operation import Role
from grace.worker.kernels.postgres import connection
from grace.worker.kernels.postgres.query import Query, QueryParams, number

Shop = Any


async def ask(shop: Shop, query: str) -> Any:
    return await Query().observe(shop.ctx(Role.OBSERVE), QueryParams(query=query))


async def test_one_row_gives_its_numbers_and_several_give_series(shop: Shop) -> None:
    one = await ask(shop, "SELECT 7 AS n, 1.5::numeric AS rate, 'x' AS word, true AS flag")
    assert (one["n"], one["rate"], one["rows"]) == (7, 1.5, 1)
    assert {"word", "flag"}.isdisjoint(one)
    several = await ask(shop, "SELECT i AS n FROM generate_series(1, 3) AS i")
    assert (several["rows"], several["series"]) == (3, {"n": [1, 2, 3]})
    assert "n" not in several
    assert (await ask(shop, "SELECT 1 AS n WHERE false")) == {"rows": 0, "series": {}}


CONFUSING = ("SELECT 0 AS rows", "SELECT 7 AS series", "SELECT 1 AS n, 2 AS n", "SELECT 1, 2")


async def test_a_number_that_could_be_taken_for_another_is_not_measured(shop: Shop) -> None:
    for query in CONFUSING:
        with pytest.raises(UnusableError, match="call it otherwise"):
            await ask(shop, query)


WRITING = (
    "INSERT INTO public.items VALUES (99, 0)",
    "DELETE FROM public.items",
    "WITH gone AS (DELETE FROM public.items RETURNING 1) SELECT count(*) FROM gone",
    "SELECT set_config('transaction_read_only', 'off', true); DELETE FROM public.items",
    "SELECT 1; SELECT 2",
    "COMMIT",
    "SET TRANSACTION READ WRITE",
    "CREATE TABLE public.mine (id int)",
    "SELECT * FROM public.items",
    "SELECT pg_sleep(60)",
    "SELECT i FROM generate_series(1, 2000) AS i",
    "not SQL",
    "SELECT 1 / 0",
)


async def test_what_does_not_only_read_is_refused_and_nothing_changes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection._SESSION, "statement_timeout", "300")
    owner = await shop.connect("shop_owner")
    await owner.execute("GRANT INSERT, DELETE ON items TO grace_eyes")  # a careless owner
    for query in WRITING:
        with pytest.raises(Exception, match=r".") as refused:
            await ask(shop, query)
        is_told = isinstance(refused.value, KernelError) or "statement timeout" in str(
            refused.value
        )
        assert is_told, (query, refused.value)
        assert await owner.fetchval("SELECT count(*) FROM items") == 10, query
        assert await owner.fetchval("SELECT to_regclass('public.mine')") is None, query


async def test_it_asks_with_the_credentials_that_look_and_with_no_others(shop: Shop) -> None:
    owner = await shop.connect("shop_owner")
    await owner.execute("GRANT SELECT ON items TO grace_eyes")
    seen = await ask(
        shop, "SELECT count(*) AS n FROM public.items WHERE current_user = 'grace_eyes'"
    )
    assert seen["n"] == 10
    with pytest.raises(InvalidError):
        await Query().observe(shop.ctx(Role.ACT), QueryParams(query="SELECT 1"))
    with pytest.raises(UnusableError, match="items"):
        await ask(shop, "SELECT * FROM items")  # the search path holds nobody's tables


@pytest.mark.parametrize(
    ("value", "found"),
    [(Decimal("NaN"), None), (float("inf"), None), (True, None), ("1", None), (None, None)],
)
def test_what_is_no_finite_number_is_none(value: object, found: object) -> None:
    assert number(value) is found
