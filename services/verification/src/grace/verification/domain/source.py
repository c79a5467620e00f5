"""The sources that verification measures itself: which there are, what is asked, what the answer says.

The file of sources is the allow-list: nothing else is ever asked, whatever a playbook says.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import quote, unquote, urlencode, urlsplit

from grace.verification.domain.state import (
    Json,
    State,
    number,
    read_measured,
    read_state,
    shown_text,
)
from grace.verification.domain.verdict import Measured, Reading, Unmeasured

HTTP: Final = "http.get"
PROMQL: Final = "promql.query"
OPERATIONS: Final = (HTTP, PROMQL)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@%-]+/?)*(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")
_ENDS = re.compile(r"[/\\;]")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LONGEST_QUERY = 4096
_MOST_FIELDS = 100
_LONGEST_POINTER = 1000
_MOST_DIGITS = 9  # no answer has a list as long as that, and int() refuses thousands of digits
_MOST_POINTS = 1000
_LONGEST_RANGE = 86_400
# What is said of every answer: a field of that name would be hidden behind it.
_OWN_FIELDS = frozenset({"status", "ok", "latency_ms", "bytes"})


class BadSourceError(ValueError):
    """The file of sources, or what is asked of one, cannot be used; the text says what to change."""


class SourceKind(StrEnum):
    """How a source is asked."""

    HTTP = "http"
    PROMQL = "promql"


@dataclass(frozen=True, slots=True)
class Source:
    """One place that may be asked: its address is the operator's, never a playbook's."""

    name: str
    kind: SourceKind
    scheme: str
    host: str
    port: int
    base: str
    token_file: str | None = None

    @property
    def is_here(self) -> bool:
        """Whether the operator named this very machine."""
        return self.host in _LOOPBACK


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a source. `fields`: names of numbers and where the answer's JSON has them."""

    operation: str
    path: str
    fields: Mapping[str, str]


def parse_sources(text: str) -> dict[str, Source]:
    """Return the sources of a TOML text by name."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadSourceError(f"not TOML: {error}") from None
    _only(document, ("sources",), "the file")
    found = document.get("sources", {})
    if not isinstance(found, dict):
        raise BadSourceError("sources is not a table: write [sources.<name>]")
    return {name: _source(name, table) for name, table in found.items()}


def asked(source: Source, operation: str, params: str) -> Asked:
    """Return what is asked of a source; BadSourceError where it never could be."""
    if operation not in OPERATIONS:
        raise BadSourceError(f"{operation} is not measured here; known are {', '.join(OPERATIONS)}")
    if operation.partition(".")[0] != source.kind:
        raise BadSourceError(
            f"{source.name} is a source of kind {source.kind}, not for {operation}"
        )
    given = read_state(params)
    if given is None:
        raise BadSourceError("params is not a JSON object")
    if operation == HTTP:
        _only(given, ("path", "fields"), "params")
        return Asked(operation, source.base + _path(given.get("path")), _fields(given))
    _only(given, ("query", "range_seconds", "step_seconds"), "params")
    return Asked(operation, source.base + _prometheus(given), {})


def is_forbidden(address: str, *, is_here: bool) -> bool:
    """Whether an address that a source's name leads to is never asked.

    Metadata services live on link-local addresses; loopback is for sources that say so.
    """
    found = _mapped(ip_address(address))
    if found.is_loopback:
        return not is_here
    return found.is_link_local or found.is_multicast or found.is_unspecified or found.is_reserved


def read_answer(what: Asked, *, status: int, body: bytes, seconds: float) -> Reading:
    """Return what an answer says.

    A refusal says that it is one. The numbers in it, its size and how fast it came, are not the service's.
    """
    text = body.decode("utf-8", "replace")
    is_ok = 200 <= status < 300  # noqa: PLR2004 - what HTTP calls success
    if what.operation == PROMQL:
        return _read_prometheus(text, status, is_ok=is_ok)
    document = read_measured(text) if is_ok else None
    found: dict[str, Json] = {name: _at(document, pointer) for name, pointer in what.fields.items()}
    latency, size = (seconds * 1000, len(body)) if is_ok else (None, None)
    measured = {"status": status, "ok": int(is_ok), "latency_ms": latency, "bytes": size}
    return Measured({**found, **measured})


def _source(name: str, table: object) -> Source:
    where = f"sources.{name}"
    if not _ID.fullmatch(name):
        raise BadSourceError(f"{where}: not an id (A-Z a-z 0-9 . _ : -)")
    if not isinstance(table, dict):
        raise BadSourceError(f"{where}: not a table")
    _only(table, ("kind", "url", "token_file"), where)
    kind, url, token = table.get("kind"), table.get("url"), table.get("token_file")
    if kind not in tuple(SourceKind):  # not a set: a list has no hash
        raise BadSourceError(f"{where}.kind: must be {' or '.join(SourceKind)}")
    if token is not None and not (isinstance(token, str) and token.startswith("/")):
        raise BadSourceError(f"{where}.token_file: must be an absolute path")
    scheme, host, port, base = _url(url, where)
    if token is not None and scheme != "https" and host not in _LOOPBACK:
        raise BadSourceError(f"{where}: a token goes out over https only")
    return Source(name, SourceKind(kind), scheme, host, port, base, token)


def _url(url: object, where: str) -> tuple[str, str, int, str]:
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        port = parts.port
    except ValueError:
        raise BadSourceError(f"{where}.url: not a URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadSourceError(f"{where}.url: http:// or https:// and a host are needed")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise BadSourceError(f"{where}.url: no user, password, query or fragment; see token_file")
    default = 443 if parts.scheme == "https" else 80
    return parts.scheme, parts.hostname, port or default, parts.path.rstrip("/")


def _path(path: Json) -> str:
    if not isinstance(path, str) or len(path) > _LONGEST_QUERY or not _PATH.fullmatch(path):
        raise BadSourceError("params.path: a path of this source is needed, such as /health?full=1")
    # As servers read it: many take %2F and %5C for a slash, and leave out what stands behind a semicolon.
    if ".." in _ENDS.split(unquote(path.partition("?")[0])):
        raise BadSourceError("params.path: .. leads out of the source")
    return path


def _fields(given: State) -> dict[str, str]:
    fields = given.get("fields", {})
    if not isinstance(fields, Mapping) or len(fields) > _MOST_FIELDS:
        raise BadSourceError(f"params.fields: a table of at most {_MOST_FIELDS} names is needed")
    for name, pointer in fields.items():
        wrong = _flaw_of_field(name, pointer)
        if wrong:
            raise BadSourceError(f"params.fields.{name[:40]}: {wrong}")
    return {name: str(pointer) for name, pointer in fields.items()}


def _flaw_of_field(name: str, pointer: Json) -> str | None:
    if name in _OWN_FIELDS:
        return "is told of every answer: name it otherwise"
    if not _ID.fullmatch(name) or not isinstance(pointer, str) or not pointer.startswith("/"):
        return "a JSON pointer is needed: /queue/depth"
    if len(pointer) > _LONGEST_POINTER:
        return f"its JSON pointer is longer than {_LONGEST_POINTER} characters: shorten it"
    return None


def _prometheus(given: State) -> str:
    query = given.get("query")
    if not isinstance(query, str) or not query.strip() or len(query) > _LONGEST_QUERY:
        raise BadSourceError(f"params.query: PromQL of 1 to {_LONGEST_QUERY} characters is needed")
    if "range_seconds" not in given and "step_seconds" not in given:
        return f"/api/v1/query?{urlencode({'query': query}, quote_via=quote)}"
    length, step = given.get("range_seconds"), given.get("step_seconds")
    if not _is_whole(length, 1, _LONGEST_RANGE) or not _is_whole(step, 1, _LONGEST_RANGE):
        raise BadSourceError(
            f"params: range_seconds and step_seconds are whole, 1 to {_LONGEST_RANGE}"
        )
    if int(str(length)) // int(str(step)) > _MOST_POINTS:
        raise BadSourceError(f"params: a range of more than {_MOST_POINTS} steps")
    # A subquery is an instant query whose range ends at the server's own now: no clock of ours.
    subquery = f"({query})[{length}s:{step}s]"
    return f"/api/v1/query?{urlencode({'query': subquery}, quote_via=quote)}"


def _read_prometheus(text: str, status: int, *, is_ok: bool) -> Reading:
    answer = read_measured(text)
    if answer is None:
        return Unmeasured(f"Prometheus answers {status} without JSON")
    data = answer.get("data")
    if not is_ok or answer.get("status") != "success" or not isinstance(data, Mapping):
        return Unmeasured(shown_text(f"Prometheus says: {answer.get('error', status)}", 300))
    # A part of the data is missing, and nobody says which; VictoriaMetrics says so by isPartial.
    if lacks := answer.get("warnings") or (answer.get("isPartial") and "isPartial"):
        return Unmeasured(shown_text(f"Prometheus warns: {lacks}", 300))
    values = _values(data.get("resultType"), data.get("result"))
    if values is None:
        return Unmeasured(shown_text(f"Prometheus gives a {data.get('resultType')}", 300))
    if len(values) > _MOST_POINTS:
        return Unmeasured(f"Prometheus gives more than {_MOST_POINTS} values: aggregate them")
    return Measured(_summary(values))


def _values(kind: Json, result: Json) -> list[float | None] | None:
    """Return the values of all series, None for each that is no finite number."""
    if not isinstance(result, Sequence) or isinstance(result, str):
        return None
    points: list[Json]
    match kind:
        case "scalar":
            points = [result]
        case "vector":
            points = [each.get("value") if isinstance(each, Mapping) else None for each in result]
        case "matrix":
            points = [point for each in result for point in _points(each)]
        case _:
            return None
    return [_value(point) for point in points]


def _points(series: Json) -> Sequence[Json]:
    """Return the points of a series; one that is no number where it has none, as of histograms."""
    values = series.get("values") if isinstance(series, Mapping) else None
    return values if isinstance(values, Sequence) and not isinstance(values, str) else (None,)


def _value(point: Json) -> float | None:
    if not isinstance(point, Sequence) or isinstance(point, str) or len(point) != 2:  # noqa: PLR2004 - time and value
        return None
    try:
        return number(float(str(point[1])))
    except ValueError:
        return None


def _summary(values: Sequence[float | None]) -> State:
    """Return the fields of an answer. Without data, or with NaN among it, there is no number."""
    known = [value for value in values if value is not None]
    is_whole = bool(known) and len(known) == len(values)
    return {
        "count": len(values) if is_whole else None,
        "value": known[0] if is_whole and len(known) == 1 else None,
        "min": min(known) if is_whole else None,
        "max": max(known) if is_whole else None,
        "sum": number(sum(known)) if is_whole else None,
        "series": known if is_whole else [],
    }


def _at(document: Json, pointer: str) -> Json:
    """Return the number that a JSON pointer leads to; None for anything else."""
    here = document
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(here, Mapping):
            here = here.get(key)
        elif isinstance(here, Sequence) and not isinstance(here, str):
            here = _item(here, key)
        else:
            return None
    return number(here)


def _item(items: Sequence[Json], key: str) -> Json:
    """Return an item by its index; None where no list has one there."""
    if not key.isdecimal() or len(key) > _MOST_DIGITS:
        return None
    return items[int(key)] if int(key) < len(items) else None


def _is_whole(value: Json, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _only(table: Mapping[str, object], known: Sequence[str], where: str) -> None:
    unknown = sorted(table.keys() - set(known))
    if unknown:
        raise BadSourceError(
            f"{where}: unknown key {unknown[0][:40]}; known are {', '.join(known)}"
        )


def _mapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
