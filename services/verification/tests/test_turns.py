"""Whose turn has come: each is handed out once, and whoever asks waits for the round that writes."""

import asyncio

import pytest

from grace.verification.store.turns import Turns


def test_each_name_is_handed_out_once_and_no_more_than_wanted() -> None:
    turns = Turns()
    turns.name(["a", "b"])
    turns.name(["b", "c"])
    assert turns.take(most=2) == (["a", "b"], [])
    assert turns
    assert turns.take(most=2) == (["c"], [])
    assert not turns


async def test_who_asks_for_what_is_in_hand_waits_for_the_end_of_the_round() -> None:
    turns = Turns()
    with turns.in_hand(["a"]):
        await turns.settled(["b"])
        waiting = asyncio.ensure_future(turns.settled(["a", "b"]))
        done, _ = await asyncio.wait({waiting}, timeout=0)
        assert not done
    await waiting


async def test_a_round_that_fails_lets_everybody_go_on() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="died"), turns.in_hand(["a"]):
        raise ValueError("died")
    await turns.settled(["a"])
