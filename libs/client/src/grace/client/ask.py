"""One request before it is sent, and its answer once it is there. Pure: nothing here waits."""

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
from pydantic import BaseModel, ValidationError

from grace.client.errors import Misconfigured, ServerFailed, Unsendable
from grace.client.models import Envelope, Page

T = TypeVar("T")
E = TypeVar("E", bound=BaseModel)
Query = Mapping[str, str | int | float | bool | None]

IDEMPOTENCY_KEY = "Idempotency-Key"
_JSON = {"Content-Type": "application/json"}
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. Sending it twice does no more than sending it once: each is built that way."""

    method: str
    path: str
    params: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None

    def __post_init__(self) -> None:
        # httpx drops what a path has behind its `?`: a dry run would be an order.
        if "?" in self.path:
            raise Unsendable("what is asked for stands in params, not in the path")


def get(path: str, query: Query | None = None) -> Ask:
    """Build a question."""
    return Ask("GET", path, params=_given(query))


def post(
    path: str,
    body: Mapping[str, Any],
    *,
    query: Query | None = None,
    headers: Mapping[str, str] | None = None,
    key: str | None = None,
) -> Ask:
    """Build a request that changes something. Its key makes a repeat the same request."""
    key = key or str(uuid4())
    if not _KEY.fullmatch(key):
        raise Unsendable("an idempotency key is 1 to 255 visible ASCII characters")
    content = _encoded({name: value for name, value in body.items() if value is not None})
    heads = _JSON | {IDEMPOTENCY_KEY: key, **(headers or {})}
    return Ask("POST", path, params=_given(query), headers=heads, content=content)


def patch(path: str, body: Mapping[str, Any]) -> Ask:
    """Build a request that changes what is given; twice is the same."""
    content = _encoded({name: value for name, value in body.items() if value is not None})
    return Ask("PATCH", path, headers=_JSON, content=content)


def question(path: str, body: Mapping[str, Any]) -> Ask:
    """Build a question that is too long for a URL; it changes nothing and needs no key."""
    return Ask("POST", path, headers=_JSON, content=_encoded(body))


def put(path: str, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Ask:
    """Build a request that makes something so: what is so stays so, and If-Match guards the rest."""
    return Ask("PUT", path, headers=_JSON | dict(headers or {}), content=_encoded(body))


def delete(
    path: str, query: Query | None = None, *, headers: Mapping[str, str] | None = None
) -> Ask:
    """Build a request that closes something; what is closed already is closed."""
    return replace(get(path, query), method="DELETE", headers=headers or {})


def part(identity: str) -> str:
    """An id is one part of a path, whatever it holds."""
    if not identity:
        raise Unsendable("an id is never empty")
    _check_text(identity)
    quoted = quote(identity, safe="")
    # "." and ".." would be resolved on the way, and something else would be asked for.
    return quoted.replace(".", "%2E") if set(quoted) == {"."} else quoted


def read(response: httpx.Response, model: type[T]) -> T:
    """Return what was asked for. ServerFailed where the answer is something else."""
    return _opened(response, Envelope[model]).data  # type: ignore[valid-type]


def read_page(response: httpx.Response, model: type[T]) -> Page[T]:
    """Return a page of a list. ServerFailed where the answer is something else."""
    found = _opened(response, Envelope[tuple[model, ...]])  # type: ignore[valid-type]
    return Page(items=found.data, next_cursor=found.meta.next_cursor)


def read_nothing(response: httpx.Response) -> None:
    """Take an answer that says no more than that it is done. ServerFailed where it says more.

    What stands before a gateway may answer anything with 200: a page to sign in, say.
    """
    if response.status_code != httpx.codes.NO_CONTENT:
        raise ServerFailed("the answer is not what was asked for", status=response.status_code)


def _opened(response: httpx.Response, envelope: type[E]) -> E:
    try:
        return envelope.model_validate_json(response.content)
    except ValidationError as error:
        raise ServerFailed(
            f"the answer is not what was asked for: {error.error_count()} fields do not fit",
            status=response.status_code,
        ) from None


def check_url(url: str) -> None:
    """Refuse what httpx would only stumble over later, and not always as an HTTPError."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        usable = usable and url.isprintable() and not parts.query and not parts.fragment
    except ValueError:
        usable = False
    if not usable:
        raise Misconfigured(f"{_without_password(url)!r} is no URL of a gateway")


def check_token(token: str) -> None:
    """Refuse what no header carries."""
    if not (token.isascii() and token.isprintable()):
        raise Misconfigured("the API key is no token: it must be one line of ASCII")


def is_loopback(url: str) -> bool:
    """Whether a URL means this machine: then no proxy is asked, whatever the environment says."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def trusted(url: str) -> ssl.SSLContext | bool:
    """Whose certificates count: nobody's without TLS, since to load them takes longer than a question."""
    return urlsplit(url).scheme == "https" or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise Unsendable("the body is no JSON: NaN, a lone surrogate, or no JSON type") from None


def _given(query: Query | None) -> Mapping[str, str | int | float | bool]:
    given = {name: value for name, value in (query or {}).items() if value is not None}
    for value in given.values():
        _check_text(str(value))
    return given


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unsendable(f"{text!r} is not Unicode") from None


def _without_password(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//..@", url)
