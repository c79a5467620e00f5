"""A secret that lies open in parameters is refused, and what refuses it does not repeat it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.contracts.secrets import objection

CANARY = "canary-7f3a91"
ARGV = ["/usr/bin/check"]
NAMED = {"secret": "shop-api"}


def said(**params: object) -> str | None:
    found = objection("command.run", json.dumps({"argv": ARGV, **params}))
    return None if found is None else str(found)


def test_a_secret_by_name_and_none_at_all_are_taken() -> None:
    assert said() is None
    assert said(environment=None) is None
    assert said(environment={"TOKEN": NAMED, "OTHER": {"secret": "a.b:c-d"}}) is None


@pytest.mark.parametrize(
    "given_",
    [
        CANARY, [CANARY], {}, {"value": CANARY}, {"secret": ""}, {"secret": [CANARY]},
        {"secret": "shop-api", "value": CANARY}, {"secret": f"no name {CANARY}"}, 7, True,
        {"extract": CANARY}, {"secret": NAMED},
    ],
)  # fmt: skip
def test_anything_but_a_name_is_refused_with_what_to_do(given_: object) -> None:
    why = said(environment={"TOKEN": given_}) or ""
    assert why.startswith('params.environment.TOKEN is a secret: give {"secret": "NAME"}')
    assert CANARY not in why


@pytest.mark.parametrize("whole", [CANARY, [CANARY], [{"TOKEN": CANARY}], 5])
def test_a_secret_in_the_place_of_the_table_around_it_is_refused(whole: object) -> None:
    assert "params.environment is a secret" in (said(environment=whole) or "")


def test_a_value_for_a_key_is_not_shown() -> None:
    assert "params.environment.* is" in (said(environment={f"{CANARY}!": CANARY}) or "")


@pytest.mark.parametrize(
    "params",
    [
        f'{{"environment": {{"T": "{CANARY}"}}, "environment": {{"T": {{"secret": "a"}}}}}}',
        f'{{"environment": {{"T": "{CANARY}", "T": {{"secret": "a"}}}}}}',
        f'{{"enviroment": {{"T": "{CANARY}"}}}}',
        f'{{"environment": {{"T": "{CANARY}"}}',
        f'["{CANARY}"]',
        "[" * 100_000,
        "",
    ],
)
def test_what_could_hide_one_is_refused(params: str) -> None:
    found = objection("command.run", params)
    assert found is not None
    assert CANARY not in str(found)


def test_an_operation_without_secrets_is_given_what_it_is_given() -> None:
    assert objection("postgres.table", '{"secret": 1') is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


@settings(max_examples=60)
@given(_JSON)
def test_no_value_but_a_reference_passes_anywhere_below_a_secret(value: object) -> None:
    is_named = isinstance(value, dict) and set(value) == {"secret"}
    if value is not None and not is_named:
        assert said(environment={"TOKEN": value}) is not None
