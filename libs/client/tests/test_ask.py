"""What is sent, when it is sent again, and what is never sent at all. Pure."""

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import RetryCallState, Retrying

from grace.client.ask import IDEMPOTENCY_KEY, check_url, get, is_loopback, part, post, trusted
from grace.client.errors import (
    ApiError,
    Conflict,
    Forbidden,
    GatewayTimeout,
    GraceClientError,
    Invalid,
    Misconfigured,
    NotFound,
    RateLimited,
    ServerFailed,
    Unavailable,
    Unreachable,
    Unsendable,
    error_of,
    seconds_of,
)
from grace.client.patience import Patience, is_passing

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_each_request_that_changes_something_has_a_key_of_its_own() -> None:
    first, second = post("/x", {}), post("/x", {})
    assert first.headers[IDEMPOTENCY_KEY] != second.headers[IDEMPOTENCY_KEY]
    assert post("/x", {}, key="mine").headers[IDEMPOTENCY_KEY] == "mine"


def test_what_a_request_asks_for_is_in_its_url() -> None:
    ask = post("/x", {}, query={"dry_run": True, "absent": None})
    sent = httpx.Client(base_url="http://grace").build_request("POST", ask.path, params=ask.params)
    assert str(sent.url) == "http://grace/x?dry_run=true"
    with pytest.raises(Unsendable, match="params"):
        post("/x?dry_run=true", {})


@pytest.mark.parametrize("key", ["a b", "a\n", "\u00e9", "k" * 256])
def test_a_key_that_no_header_carries_is_refused(key: str) -> None:
    with pytest.raises(Unsendable):
        post("/x", {}, key=key)


@pytest.mark.parametrize("value", [float("nan"), "\ud800", {1, 2}])
def test_what_is_no_json_is_not_sent(value: object) -> None:
    with pytest.raises(Unsendable):
        post("/x", {"details": value})


def test_text_that_is_not_unicode_is_not_sent() -> None:
    with pytest.raises(Unsendable):
        get("/x", {"cursor": "\udcff"})
    with pytest.raises(Unsendable):
        part("\udcff")


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_an_id_is_one_part_of_a_path_whatever_it_holds(identity: str) -> None:
    url = httpx.URL("http://grace").join(f"/api/missions/{part(identity)}")
    assert url.raw_path.startswith(b"/api/missions/")
    assert url.raw_path.count(b"/") == 3
    assert url.path == f"/api/missions/{identity}"


def test_no_id_is_no_id() -> None:
    with pytest.raises(Unsendable):
        part("")


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:8000", True),
        ("http://localhost:8000", True),
        ("http://grace.localhost", True),
        ("http://10.0.0.1", False),
        ("https://grace.example", False),
        ("https://localhost.example", False),
    ],
)
def test_this_machine_is_known_by_its_names(url: str, here: bool) -> None:
    assert is_loopback(url) is here


def test_a_password_in_a_bad_url_is_not_repeated() -> None:
    with pytest.raises(Misconfigured) as raised:
        check_url("ftp://ada:secret@grace.example")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (Unreachable(""), True),
        (RateLimited("", status=429), True),
        (Unavailable("", status=503), True),
        (GatewayTimeout("", status=504), True),
        (ServerFailed("", status=502), True),
        (ServerFailed("", status=500), False),
        (Conflict("", status=409), False),
        (Conflict("still in hand", status=409, retry_after=1), True),
        (Invalid("", status=422), False),
        (Forbidden("", status=403), False),
        (NotFound("", status=404), False),
    ],
    ids=repr,
)
def test_what_passes_is_asked_for_again_and_a_refusal_is_not(
    error: GraceClientError, again: bool
) -> None:
    assert is_passing(error) is again


def paused(error: GraceClientError) -> float:
    state = RetryCallState(Retrying(), None, (), {})
    state.set_exception((type(error), error, None))
    pause = Patience().retrying(Retrying).wait(state)
    assert isinstance(pause, float)
    return pause


@given(st.floats(0, 60))
def test_it_is_never_sent_again_sooner_than_grace_asked_for(seconds: float) -> None:
    assert paused(Unavailable("", status=503, retry_after=seconds)) >= seconds


def test_a_pause_longer_than_patience_ends_it_at_once() -> None:
    sent = 0

    def refuse() -> None:
        nonlocal sent
        sent += 1
        raise RateLimited("", status=429, retry_after=3600)

    with pytest.raises(RateLimited):
        Patience().retrying(Retrying)(refuse)
    assert sent == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        ("-3", 0.0),
        (format_datetime(NOW + timedelta(seconds=9), usegmt=True), 9.0),
        (format_datetime(NOW - timedelta(seconds=9), usegmt=True), 0.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str | None, seconds: float | None) -> None:
    assert seconds_of(header, now=NOW) == seconds


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, b"<html>", ServerFailed),
        (502, b"", ServerFailed),
        (503, b"<html>", Unavailable),
        (401, b"", ApiError),
        (418, b"[]", ApiError),
        (400, b"[" * 100_000, Invalid),
        (422, b'{"code":"invalid","detail":"d","errors":[{"field":"f","problem":"p"}]}', Invalid),
        (500, b'{"code":"internal","detail":"d","errors":"odd"}', ServerFailed),
    ],
)
def test_strange_answers_are_still_exceptions(
    status: int, body: bytes, kind: type[ApiError]
) -> None:
    error = error_of(httpx.Response(status, content=body, headers={"Retry-After": "2"}))
    assert isinstance(error, kind)
    assert (error.status, error.retry_after) == (status, 2.0)


def test_certificates_are_loaded_for_tls_alone_and_without_them_nobody_is_trusted() -> None:
    assert trusted("https://localhost") is True
    nobody = trusted("http://localhost")
    assert isinstance(nobody, ssl.SSLContext)
    assert (nobody.verify_mode, nobody.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert nobody.cert_store_stats()["x509_ca"] == 0
