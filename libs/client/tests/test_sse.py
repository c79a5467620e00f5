"""A stream of events, however its bytes are cut. Pure."""

from itertools import chain, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.client import Event, ServerFailed, Unsendable
from grace.client.sse import EventReader

STREAM = (
    "\ufeffretry: 500\r\nid: 41\r\n\r\n"
    ': heartbeat\nid: 41\n\nid: 42\nevent: a.b\ndata: {"subject": "a.b",\ndata: "data": '
    '{"text": "gr\u00fc\u00dfe"}}\n\n'
    'event: lagging\ndata: {"reason": "slow"}\n\nid: 43\revent: gap\rdata: {"kept_after": 43}\r\r'
    ": heartbeat\nid: 50\n\nid: 51\nevent: cut.off\ndata: {"
).encode()
EVENTS = [
    Event(id="42", subject="a.b", data={"text": "gr\u00fc\u00dfe"}),
    Event(id="43", subject="gap", data={"kept_after": 43}),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_the_same_events_come_out_wherever_the_bytes_are_cut(cuts: list[int]) -> None:
    reader, ends = EventReader("7"), [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in pairwise(ends)]
    assert [event for chunk in chunks for event in reader.feed(chunk)] == EVENTS
    assert (reader.last_id, reader.pause) == ("50", 0.5)


def test_what_was_cut_off_is_not_mixed_with_what_comes_next() -> None:
    reader = EventReader()
    assert list(reader.feed(b'id: 1\ndata: {"subject": "x"')) == []
    reader.begin_again()
    assert list(reader.feed(b"data: {}\n")) == []
    assert reader.last_id is None


@pytest.mark.parametrize("data", [b"data: [1]\n\n", b"data: {\n\n", b'data: {"subject": 1}\n\n'])
def test_what_is_no_event_is_an_error_and_not_passed_over(data: bytes) -> None:
    with pytest.raises(ServerFailed):
        list(EventReader().feed(data))


def test_a_line_that_never_ends_is_given_up() -> None:
    reader, megabytes = EventReader(), [b"x" * 1024 * 1024] * 5
    with pytest.raises(ServerFailed, match="never ends"):
        list(chain.from_iterable(map(reader.feed, megabytes)))


@pytest.mark.parametrize("wish", ["0", "99999999999", "-1", "soon"])
def test_a_pause_stays_within_reason(wish: str) -> None:
    reader = EventReader()
    list(reader.feed(f"retry: {wish}\n\n".encode()))
    assert 0.1 <= reader.pause <= 30


@pytest.mark.parametrize("last_id", ["", "a\nb", "\u00e9", "x" * 129])
def test_an_id_that_no_event_has_is_refused(last_id: str) -> None:
    with pytest.raises(Unsendable):
        EventReader(last_id)
