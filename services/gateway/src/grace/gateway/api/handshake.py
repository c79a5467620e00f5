"""What a request for a WebSocket asks: whether it is one, with which key, from whose page."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from grace.gateway.api.sockets import Bounds, Socket
from grace.kit import Forbidden

PATH = "/api/ws"
SUBPROTOCOL = "grace.v1"
# Where in its scope a request finds the Offer.
EXTENSION = "grace.websocket"
_KEY = "bearer."
_PROTOCOLS = b"sec-websocket-protocol"
# All that the library has to see: no key is among them, so none can get into its logs.
_OF_HANDSHAKE = frozenset({
    b"connection", b"upgrade", b"sec-websocket-key", b"sec-websocket-version",
})  # fmt: skip
# What comes behind such a head would be taken for frames.
_OF_BODY = frozenset({b"content-length", b"transfer-encoding"})
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}

Lines = Sequence[tuple[bytes, bytes]]


class ForeignOrigin(Forbidden):
    """Pages of this origin may not connect: GRACE_GATEWAY_SOCKET_ORIGINS names those of other hosts."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A WebSocket for who may have it, and the head of the answer that gives it."""

    socket: Socket
    head: Lines


def offer_of(
    first: Request, lines: Lines, bounds: Bounds, connections: set[object]
) -> Offer | None:
    """Return what a handshake in order is offered; None where it is none, or none for this path."""
    if first.path.partition("?")[0] != PATH or any(name in _OF_BODY for name, _ in lines):
        return None
    for name, value in lines:
        if name in _OF_HANDSHAKE:
            first.headers[name.decode("ascii")] = value.decode("latin-1")
    # It begins open: the handshake is answered by whoever answers every other request.
    conn = ServerProtocol(state=State.OPEN, max_size=bounds.message_bytes)
    answer = conn.accept(first)
    if answer.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        return None
    head = [(name.lower().encode(), value.encode()) for name, value in answer.headers.raw_items()]
    return Offer(Socket(conn, bounds, connections), head)


def with_key_in_place(lines: Lines) -> list[tuple[bytes, bytes]]:
    """Return the head with a key among the subprotocols moved to where keys belong.

    The scripts of a page can name subprotocols and nothing else. From here on nobody has to know.
    """
    offered = ",".join(value.decode("latin-1") for name, value in lines if name == _PROTOCOLS)
    names = [each.strip() for each in offered.split(",")]
    keys = [name.removeprefix(_KEY) for name in names if name.startswith(_KEY)]
    if not keys:
        return list(lines)
    rest = ", ".join(name for name in names if not name.startswith(_KEY))
    return [
        *(line for line in lines if line[0] != _PROTOCOLS),
        (_PROTOCOLS, rest.encode("latin-1")),
        *((b"authorization", b"Bearer " + key.encode("latin-1")) for key in keys),
    ]


def chosen_subprotocol(headers: Mapping[str, str]) -> str | None:
    """Return the subprotocol to answer with; 400 where only others are offered."""
    offered = headers.get(_PROTOCOLS.decode())
    if offered is None:
        return None
    if SUBPROTOCOL not in {name.strip() for name in offered.split(",")}:
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, f"Offer the subprotocol {SUBPROTOCOL}, or none."
        )
    return SUBPROTOCOL


def refuse_foreign_origin(headers: Mapping[str, str], allowed: Collection[str]) -> None:
    """Only pages of the host that was asked may connect, and those that the operator names.

    Programs send no Origin. A page could not send a key that it has not got; this is the second lock.
    """
    origin = headers.get("origin")
    if origin is not None and not is_own(origin, headers.get("host", "")) and origin not in allowed:
        raise ForeignOrigin


def is_own(origin: str, host: str) -> bool:
    """Whether a page's origin is the host that it asks, be it behind a proxy that speaks TLS."""
    try:
        found = urlsplit(origin)
    except ValueError:
        return False
    if found.scheme not in _DEFAULT_PORTS or origin != f"{found.scheme}://{found.netloc}":
        return False
    port = _DEFAULT_PORTS[found.scheme]
    return found.netloc.lower().removesuffix(port) == host.lower().removesuffix(port)
