"""Secrets are found by their form, nothing is repeated, and what is no secret stays as it was."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grace.contracts.hunter import (
    KINDS,
    SECRETS,
    SUSPECTED,
    Finding,
    cleaned,
    cleaned_json,
    has_secret,
    secret_in,
    suspected_in,
)

# Put together here, so that nothing which looks for secrets in sources finds one.
_LONG = "a1B2c3D4" * 8
_PEM = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\nDEK-Info: AES-128-CBC,1\n\nMIIE\n-----END OPENSSH PRIVATE"
)
CLEAR = {
    "private key": _PEM + " KEY-----",
    "AWS access key": "AK" + "IA" * 9,
    "GitHub token": "gh" + "p_" + _LONG[:36],
    "GitLab token": "glp" + "at-" + _LONG[:20],
    "Slack token": "xo" + "xb-1234567890-" + _LONG[:20],
    "Stripe key": "sk_" + "live_" + _LONG[:24],
    "Google API key": "AI" + "za" + _LONG[:35],
    "Vault token": "hv" + "s." + _LONG[:24],
    "npm token": "np" + "m_" + _LONG[:36],
    "PyPI token": "py" + "pi-" + _LONG[:60],
    "NATS seed": "SU" + "A2B7" * 14,
    "Grace key": "gra" + "ce_" + _LONG[:43],
    "JWT": "ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxIn0." + _LONG[:43],
}
WORDS = {
    "URL password": ("postgres://shop:", "hunter2", "@db:5432/shop"),
    "password": ("login failed, Password = '", "hunter2", "' for shop"),
    "HTTP credentials": ("Authorization: Bearer ", _LONG[:32], ", sent"),
}


def test_every_kind_has_a_case() -> None:
    assert CLEAR.keys() | WORDS.keys() == set(KINDS)


@pytest.mark.parametrize(("kind", "secret"), CLEAR.items())
def test_a_secret_that_says_what_it_is_is_found_and_taken_out(kind: str, secret: str) -> None:
    found: list[str] = []
    text = f"it said ({secret}), twice: {secret}."
    assert has_secret(text)
    assert secret_in({"a": [text]}, "body") == Finding("body.a.0", kind)
    clean = cleaned(text, found, vague=False)
    assert clean == f"it said ([removed: {kind}]), twice: [removed: {kind}]."
    assert found == [kind, kind]
    assert cleaned(clean, found) == clean
    assert not has_secret(clean)


@pytest.mark.parametrize(("kind", "parts"), WORDS.items())
def test_a_secret_that_its_neighbour_tells_of_is_taken_out_alone(
    kind: str, parts: tuple[str, str, str]
) -> None:
    before, secret, after = parts
    found: list[str] = []
    assert cleaned(f"{before}{secret}{after}", found) == f"{before}[removed: {kind}]{after}"
    assert found == [kind]
    assert has_secret(f"{before}{secret}{after}") is (kind == "URL password")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("auth_token: Bearer 0123456789abcdef0123", "auth_token: Bearer [removed: HTTP credentials]"),
        ("postgres://u:p@ss@h/db", "postgres://u:[removed: URL password]@h/db"),
        ("postgres://postgres:postgres@db", "postgres://postgres:[removed: URL password]@db"),
        ("postgres://u:$ecret@h", "postgres://u:[removed: URL password]@h"),
        ("password=$ecret123", "password=[removed: password]"),
        ("access_token=ya29.abcdefgh", "access_token=[removed: password]"),
        ('{\\"password\\":\\"hunter2\\"}', '{\\"password\\":\\"[removed: password]\\"}'),
        (f"x\\n{CLEAR['GitHub token']}", "x\\n[removed: GitHub token]"),
        (f"a%20{CLEAR['JWT']}", "a%20[removed: JWT]"),
        (f"\x1b[31m{CLEAR['Vault token']}\x1b[0m", "\x1b[31m[removed: Vault token]\x1b[0m"),
        ("-----BEGIN PRIVATE" + " KEY-----\\nMIIEvQIBADANBgkq\\nhkiG9w0BAQEFAASC and on", "[removed: private key]and on"),
    ],
)  # fmt: skip
def test_a_secret_goes_whole_and_alone(text: str, clean: str) -> None:
    found: list[str] = []
    assert cleaned(text, found) == clean
    assert len(found) == 1


@pytest.mark.parametrize(
    "text",
    [
        "password=****", "docker://nginx:1.25@sha256:abc", "http://web-1:8080,ops@example.com",
        "postgres://user:password@localhost/db", "-----BEGIN PRIVATE" + " KEY----- header expected, none there", "password: ${DB_PASSWORD}", "pwd=<redacted>", "secret: null", "api_key={{key}}",
        "postgres://shop:***@db/shop", "https://db:5432/a@b", "http://a.b/c:d@e", "mail to a@b.c: hello",
        "AKIA is a prefix", "see gh" + "p_ tokens", "token: expired", "basic understanding",
        "bearer of bad news, internationalization", "the key: value pair", "SUSE", "pass=4", "eyJhbGci",
        "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----", "018f2f6e-7c1e-7c33-9f5e-2f5d7f6f1a10",
        "sha256:" + "ab12" * 16, "a/b/c/AKIAS/d", "", "é\u202e\U0001f469",
    ],
)  # fmt: skip
def test_what_is_no_secret_stays_as_it_was(text: str) -> None:
    found: list[str] = []
    assert (cleaned(text, found), found) == (text, [])
    assert secret_in(text, "body") is None


def test_evidence_is_cleaned_where_it_stands_and_by_its_name() -> None:
    found: list[str] = []
    token = CLEAR["GitHub token"]
    given_ = {
        "db_password": "hunter2", "password": 7, "api_key": ["a1b2", True, None],
        "env": [{"PGPASSWORD": "hunter3", "HOME": "/root"}],
        token: [token, None, True, 1.5], "secret": "tls-cert", "rows": 12,
    }  # fmt: skip
    assert cleaned_json(given_, found) == {
        "db_password": "[removed: password]",
        "password": "[removed: password]",
        "api_key": ["[removed: password]", True, None],
        "env": [{"PGPASSWORD": "[removed: password]", "HOME": "/root"}],
        "[removed: GitHub token]": ["[removed: GitHub token]", None, True, 1.5],
        "secret": "tls-cert",
        "rows": 12,
    }
    assert sorted(found) == ["GitHub token"] * 2 + ["password"] * 4
    assert cleaned_json({"db_password": "hunter2"}, [], vague=False) == {"db_password": "hunter2"}


def test_a_finding_repeats_no_secret_even_as_a_name() -> None:
    token = CLEAR["Slack token"]
    assert secret_in({token: 1}, "body") == Finding("body", "Slack token")
    assert secret_in({f"{token} ": {"b": token}}, "body.x") == Finding("body.x", "Slack token")
    assert secret_in({"odd name": token}, "body") == Finding("body.*", "Slack token")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("markup", "<SCRIPT src=x>"), ("markup", "JavaScript:alert(1)"), ("shell", "$(id)"),
        ("shell", "a; rm -rf /"), ("shell", "`id`"), ("SQL", "' OR 1=1 --"), ("SQL", "x'; DROP TABLE t"),
        ("SQL", "' UNION SELECT 1"), ("lookup", "${jndi:ldap://x}"), ("path", "../../etc/passwd"),
        ("path", "..\\..\\boot"), ("instruction", "Please ignore all previous instructions"),
    ],
)  # fmt: skip
def test_words_for_a_program_are_known(kind: str, text: str) -> None:
    assert suspected_in(text) == {kind}
    assert kind in SUSPECTED


def test_ordinary_errors_are_not_suspected() -> None:
    ordinary = [
        "12 sessions wait for one that is idle in its transaction", "it's down, isn't it; restart?",
        "duplicate key value violates unique constraint 't_pkey'", "cost ${5}", "see ../README",
        "the previous instructions were followed",
    ]  # fmt: skip
    assert [suspected_in(text) for text in ordinary] == [frozenset()] * len(ordinary)


_PIECES = st.sampled_from([*CLEAR.values(), *("".join(parts) for parts in WORDS.values())])
_NOISE = st.text(max_size=12) | st.sampled_from([" ", "\n", "-", "://", "password=", "'", '"'])


@given(st.lists(_PIECES | _NOISE, max_size=8).map(" ".join))
@example("password=" + CLEAR["JWT"] + "@")
def test_what_was_cleaned_holds_nothing_clear_and_stays_clean(text: str) -> None:
    clean = cleaned(text, [])
    assert not any(secret in clean for secret in CLEAR.values())
    assert secret_in(clean, "body") is None
    found: list[str] = []
    assert (cleaned(clean, found), found) == (clean, [])


@given(st.recursive(_NOISE | st.none() | st.integers(), lambda inner: st.lists(inner, max_size=3)))
def test_a_value_without_secrets_is_the_same_value(value: object) -> None:
    if secret_in(value, "body") is None:
        assert json.dumps(cleaned_json(value, [], vague=False)) == json.dumps(value)


def _hostile() -> Iterator[str]:
    signs = {sign for form in SECRETS for sign in form.signs}
    for sign in sorted(
        signs | {"eyJ", "password=", "-----BEGIN PRIVATE KEY-----", "xoxb-", "-", "pwd: "}
    ):
        yield sign * (200_000 // len(sign))


def test_no_text_takes_more_than_a_few_steps_for_each_character() -> None:
    """A quadratic search would take hours for these; the suite's own limit is what it would meet."""
    for text in _hostile():
        cleaned(text, [])
        suspected_in(text)
        has_secret(text)
