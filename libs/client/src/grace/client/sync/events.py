# Made from grace.client.aio by grace.client.twins: do not edit.
"""Events, live: followed over lost connections without a gap."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from time import sleep

import httpx
from tenacity import Retrying

from grace.client.ask import Ask, get
from grace.client.errors import ServerFailed, error_of
from grace.client.models import Event
from grace.client.patience import Patience, jittered
from grace.client.sse import MEDIA_TYPE, EventReader
from grace.client.sync.connection import Connection

_PATH = "/api/events/stream"
_SILENT_FOR = 45.0  # seconds: three heartbeats of the gateway
# A gateway that was there is waited for through a restart or an upgrade.
_LASTING = Patience(attempts=1_000, seconds=300.0)


class Events(Connection):
    """The method about events."""

    def follow(self, *, subjects: Sequence[str] = (), after: str | None = None) -> Iterator[Event]:
        """Every event from now on, or after an event's id; ends only by an exception.

        A connection that breaks is taken up behind the last event. Unreachable where the gateway
        cannot be reached at first, or is away for five minutes later.
        """
        reader, patience = EventReader(after), self._patience
        while True:
            ask = _stream_of(subjects, reader.last_id)
            response: httpx.Response = patience.retrying(Retrying)(self._open, ask)
            patience = _LASTING
            try:
                for chunk in response.iter_bytes():
                    yield from reader.feed(chunk)
            except httpx.HTTPError:
                pass  # Whatever broke: the next connection goes on behind the last event.
            finally:
                response.close()
            reader.begin_again()
            sleep(jittered(reader.pause))

    def _open(self, ask: Ask) -> httpx.Response:
        """Return a stream that has begun. GraceClientError where it is refused."""
        timeout = _patient(self._http.timeout)
        response = self._answered(ask, stream=True, timeout=timeout)
        if response.is_success and response.headers.get("content-type", "").startswith(MEDIA_TYPE):
            return response
        try:
            response.read()
        except httpx.HTTPError as error:
            raise ServerFailed("the refusal broke off", status=response.status_code) from error
        finally:
            response.close()
        if response.is_success:
            raise ServerFailed("the answer is no stream of events", status=response.status_code)
        raise error_of(response)


def _patient(timeout: httpx.Timeout) -> httpx.Timeout:
    """Silence is normal between events, but not for longer than some heartbeats."""
    return httpx.Timeout(
        connect=timeout.connect, read=_SILENT_FOR, write=timeout.write, pool=timeout.pool
    )


def _stream_of(subjects: Sequence[str], last_id: str | None) -> Ask:
    ask = get(_PATH, {"subjects": ",".join(subjects) or None})
    headers = {"Accept": MEDIA_TYPE} | ({"Last-Event-ID": last_id} if last_id else {})
    return replace(ask, headers=headers)
