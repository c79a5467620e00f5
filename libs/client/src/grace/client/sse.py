"""Reads a stream of server-sent events, whichever way its bytes are cut. Pure."""

import json
import re
from collections.abc import Iterator

from grace.client.errors import ServerFailed, Unsendable
from grace.client.models import Event

MEDIA_TYPE = "text/event-stream"

# A \r that ends the bytes may be the first half of \r\n: it waits for the next bytes.
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
_ID = re.compile(r"[\x21-\x7e]{1,128}")  # What a header can carry back.
_LONGEST = 4 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
# The gateway's last words; whether the next connection is let in says more than they do.
_GOODBYES = frozenset({"lagging", "stopping", "closed"})
_GAP = "gap"
_SHORTEST_PAUSE, _PAUSE, _LONGEST_PAUSE = 0.1, 1.0, 30.0  # seconds


class EventReader:
    """Turns bytes into events and remembers where to go on."""

    def __init__(self, last_id: str | None = None) -> None:
        if last_id is not None and not _ID.fullmatch(last_id):
            raise Unsendable(f"no event has the id {last_id!r}")
        self.last_id = last_id
        self.pause = _PAUSE
        self.begin_again()

    def begin_again(self) -> None:
        """Forget what was cut off: a new connection begins with a whole line."""
        self._rest = b""
        self._is_first = True
        self._fields: dict[str, list[str]] = {}

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yield the events that end in these bytes. ServerFailed where a line never ends."""
        *lines, self._rest = _LINE_END.split(self._rest + chunk)
        if len(self._rest) > _LONGEST:
            raise ServerFailed("an event never ends", status=200)
        for line in lines:
            if line:
                self._take(line)
            elif event := self._dispatched():
                yield event

    def _take(self, line: bytes) -> None:
        if self._is_first:
            line, self._is_first = line.removeprefix(_BOM), False
        name, _, value = line.decode("utf-8", "replace").partition(":")
        self._fields.setdefault(name, []).append(value.removeprefix(" "))

    def _dispatched(self) -> Event | None:
        """An empty line ends an event; without data it is a heartbeat or a wish."""
        fields, self._fields = self._fields, {}
        self._heed(fields)
        kind = fields.get("event", ["message"])[-1]
        if "data" not in fields or kind in _GOODBYES:
            return None
        return _event(self.last_id or "", kind, "\n".join(fields["data"]))

    def _heed(self, fields: dict[str, list[str]]) -> None:
        for given in fields.get("id", []):
            if _ID.fullmatch(given):
                self.last_id = given
        for given in fields.get("retry", []):
            if given.isascii() and given.isdigit():
                self.pause = min(max(int(given[:9]) / 1000, _SHORTEST_PAUSE), _LONGEST_PAUSE)


def _event(number: str, kind: str, text: str) -> Event:
    """Return what a frame tells: an event of Grace, or the stream's own word."""
    try:
        found = json.loads(text)
        if kind == _GAP:
            return Event(id=number, subject=kind, data=found)
        return Event.model_validate({**found, "id": number})
    except (ValueError, TypeError, RecursionError):
        raise ServerFailed("the stream holds something that is no event", status=200) from None
