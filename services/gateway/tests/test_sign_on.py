"""Tokens of an identity provider: genuine ones open what their roles may do, and nothing else opens anything."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from grace.gateway.api.server import refuse_unfit
from grace.gateway.domain.access import Scope
from grace.gateway.domain.sign_on import ClaimError, Claims, is_signed_token, key_of
from grace.gateway.settings import Settings
from grace.kit import SettingsError
from grace.stack.ports import free_port
from grace.testkit import eventually
from grace.testkit.certificates import certify

from . import provider as providers
from .provider import AUDIENCE, ISSUER, ROLES, Provider

KEYS = "grace.gateway.api.provider_keys"
OpenGateway = Callable[..., Any]
CLAIMS = Claims("sub", "", "roles", {"reader": (Scope.MISSIONS_READ,)})
SAID = {"iss": ISSUER, "sub": "Ada", "iat": 1, "exp": 2, "roles": ["reader", "unheard"]}


def told(provider: Provider, **other: object) -> dict[str, object]:
    """The settings of a gateway that knows the provider."""
    return {
        "oidc_issuer": ISSUER, "oidc_audience": AUDIENCE, "oidc_keys": provider.url, "oidc_roles": ROLES,
        "oidc_principal_claim": "preferred_username",
    } | other  # fmt: skip


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def status_of(front: Any, token: str, path: str = "/api/missions") -> int:
    answer = await front.admin.get(path, headers=bearer(token))
    status: int = answer.status_code
    assert status in {200, 401, 403, 404}, answer.text
    return status


async def test_a_token_opens_what_its_roles_may_do_as_the_person_it_names(
    open_gateway: OpenGateway,
) -> None:
    async with (
        providers.running() as provider,
        open_gateway("governance", "verification", **told(provider)) as front,
    ):
        token = provider.token()
        assert await status_of(front, token) == 200
        refused = await front.admin.post("/api/knowledge/ingest", headers=bearer(token), json={})
        assert refused.status_code == 403
        assert await status_of(front, provider.token(roles=[]), "/api/approvals") == 403
        # Two tokens of one person are one person, whatever kind they are.
        approval = await front.hand_in(3)
        path = f"/api/approvals/{approval['approval_id']}/approve"
        body = {"shown_hash": approval["shown_hash"]}
        ada = await front.person("ada", "approvals:read", "approvals:decide")
        first = await ada.post(path, json=body, headers={"If-Match": '"1"'})
        assert first.json()["data"]["status"] == "pending"
        mine = bearer(provider.token(preferred_username="ADA", roles="sre")) | {"If-Match": '"2"'}
        again = await front.admin.post(path, json=body, headers=mine)
        assert again.json()["data"]["status"] == "pending"
        bob = bearer(provider.token(preferred_username="bob", roles=["sre"])) | {"If-Match": '"2"'}
        last = await front.admin.post(path, json=body, headers=bob)
        assert last.json()["data"]["status"] == "granted"
        assert [each["principal"] for each in last.json()["data"]["votes"]] == ["ada", "bob"]
        assert provider.asked == 1


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")  # the short key's
async def test_what_is_not_genuine_not_for_us_or_not_of_now_opens_nothing(
    open_gateway: OpenGateway,
) -> None:
    async with providers.running() as provider:
        provider.keys |= {
            "strange": rsa.generate_private_key(65537, 2048),
            "short": rsa.generate_private_key(65537, 1024),  # noqa: S505 - it must not open
            "curve": ec.generate_private_key(ec.SECP256R1()),
        }
        provider.published |= {"short", "curve"}
        async with open_gateway("verification", **told(provider)) as front:
            await opens_nothing(front, provider)


async def opens_nothing(front: Any, provider: Provider) -> None:
    now = int(time.time())
    public = provider.keys["one"].public_key()
    assert await status_of(front, provider.token("curve", algorithm="ES256")) == 200
    wrong = {
        "over": provider.token(exp=now - 60), "early": provider.token(nbf=now + 300),
        "from tomorrow": provider.token(iat=now + 3600), "without an end": provider.token(exp=None),
        "of another house": provider.token(iss="https://evil.example"),
        "for another program": provider.token(aud="shop"), "for nobody": provider.token(aud=None),
        "by a stranger": forged(provider, "strange"), "by nobody known": provider.token("strange"),
        "by a short key": provider.token("short"),
        "by the public key as a secret": by_secret(public),
        "unsigned": unsigned(provider.token()),
        "of the admin": provider.token(preferred_username="admin"),
        "of no name": provider.token(preferred_username="a b"),
        "of nobody": provider.token(preferred_username=None),
        "changed": changed(provider.token()),
        "cut": provider.token()[:-8], "long": provider.token(x="x" * 8_192),
        "deep": deep(),
    }  # fmt: skip
    found = {name: await status_of(front, token) for name, token in wrong.items()}
    assert found == dict.fromkeys(wrong, 401)
    why = await front.admin.get("/api/missions", headers=bearer(wrong["over"]))
    assert why.json()["detail"] == "This token opens nothing: Signature has expired"


def forged(provider: Provider, other: str) -> str:
    """Signed by another key under the name of the right one."""
    right = provider.keys["one"]
    provider.keys["one"] = provider.keys[other]
    try:
        return provider.token()
    finally:
        provider.keys["one"] = right


def part(said: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()


def body_of(**claims: object) -> str:
    now = int(time.time())
    said = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "preferred_username": "ada",
        "iat": now,
        "exp": now + 300,
    }
    return part(said | {"roles": ["reader"]} | claims)


def by_secret(public: Any) -> str:
    """HS256 with what everybody can read: libraries fell for it."""
    signed = f"{part({'alg': 'HS256', 'kid': 'one'})}.{body_of()}"
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    mark = hmac.new(pem, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


def unsigned(token: str) -> str:
    return f"{part({'alg': 'none', 'kid': 'one'})}.{token.split('.')[1]}.AA"


def changed(token: str) -> str:
    head, _, mark = token.split(".")
    return f"{head}.{body_of(roles=['sre'])}.{mark}"


def deep() -> str:
    head = base64.urlsafe_b64encode(b"[" * 2_000).rstrip(b"=").decode()
    return f"{head}.{head}.{head}"


async def test_a_key_that_is_new_is_found_and_one_that_was_withdrawn_is_gone(
    open_gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        providers.running() as provider,
        open_gateway("verification", **told(provider)) as front,
    ):
        old = provider.token()
        assert await status_of(front, old) == 200
        provider.keys["two"] = rsa.generate_private_key(65537, 2048)
        provider.published = {"two"}
        # Who asks for keys that are not there cannot make us ask each time.
        for _ in range(5):
            assert await status_of(front, provider.token("two")) == 401
        assert provider.asked == 1
        monkeypatch.setattr(f"{KEYS}._ASK_AGAIN_SECONDS", 0.0)
        assert await status_of(front, provider.token("two")) == 200
        assert await status_of(front, old) == 401


async def test_a_key_that_is_withdrawn_is_gone_though_no_new_one_is_asked_for(
    open_gateway: OpenGateway,
) -> None:
    async with (
        providers.running() as provider,
        open_gateway("verification", **told(provider, oidc_refresh="PT0.2S")) as front,
    ):
        token = provider.token()
        assert await status_of(front, token) == 200
        provider.published = set()

        async def is_gone() -> bool:
            return await status_of(front, token) == 401

        await eventually(is_gone)


async def test_while_the_provider_is_away_known_keys_count_and_others_are_told_to_wait(
    open_gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{KEYS}._ASK_AGAIN_SECONDS", 0.05)
    often = {"oidc_refresh": "PT0.05S", "oidc_outage": "PT1H"}
    async with (
        providers.running() as provider,
        open_gateway("verification", **told(provider, **often)) as front,
    ):
        known = provider.token()
        assert await status_of(front, known) == 200
        provider.is_well = False
        await eventually(lambda: complains(front))
        assert await status_of(front, known) == 200
        provider.keys["two"] = rsa.generate_private_key(65537, 2048)
        provider.published = {"two"}
        answer = await front.admin.get("/api/missions", headers=bearer(provider.token("two")))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert "provider" in answer.json()["detail"]
        # Nothing but time has to pass, and it is the loop that finds out.
        provider.is_well = True
        await eventually(lambda: not complains(front))
        assert await status_of(front, provider.token("two")) == 200


async def test_a_key_counts_no_longer_than_an_outage_may_last(
    open_gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{KEYS}._ASK_AGAIN_SECONDS", 0.05)
    often = {"oidc_refresh": "PT0.05S", "oidc_outage": "PT0.001S", "event_heartbeat": "PT0.1S"}
    async with (
        providers.running() as provider,
        open_gateway("governance", "verification", **told(provider, **often)) as front,
    ):
        token = provider.token()
        assert await status_of(front, token) == 200
        path = "/api/approvals/stream"
        async with front.admin.stream("GET", path, headers=bearer(token), timeout=15) as answer:
            provider.is_well = False
            said = "".join([text async for text in answer.aiter_text()])
        assert "does not say which keys are its own" in said
        refused = await front.admin.get("/api/missions", headers=bearer(token))
        assert refused.status_code == 503


async def test_who_comes_while_keys_are_read_waits_for_them(open_gateway: OpenGateway) -> None:
    async with providers.running() as provider:
        provider.let_answer.clear()
        async with open_gateway("verification", **told(provider)) as front:
            await eventually(lambda: provider.asked == 1)
            coming = [asyncio.create_task(status_of(front, provider.token())) for _ in range(3)]
            ready = await front.admin.get("/api/missions")
            assert ready.status_code == 200  # a key of Grace waits for nobody
            assert not any(each.done() for each in coming)
            provider.let_answer.set()
            assert await asyncio.gather(*coming) == [200, 200, 200]
        assert provider.asked == 1


async def test_a_provider_that_never_ends_its_answer_is_not_waited_for(
    open_gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{KEYS}._PATIENCE_SECONDS", 0.2)
    async with providers.running() as provider:
        provider.let_answer.clear()
        async with open_gateway("verification", **told(provider)) as front:
            answer = await front.admin.get("/api/missions", headers=bearer(provider.token()))
            assert answer.status_code == 503
            assert complains(front)
        provider.let_answer.set()


def complains(front: Any) -> bool:
    told = front.services["gateway"].complaints.get("sign_on", [])
    assert not told or "GRACE_GATEWAY_OIDC_KEYS" in told[0]
    return bool(told)


async def test_tenants_and_roles_come_from_where_the_house_says(open_gateway: OpenGateway) -> None:
    claims = {"oidc_tenant_claim": "org", "oidc_roles_claim": "realm_access.roles"}
    async with (
        providers.running() as provider,
        open_gateway("verification", **told(provider, **claims)) as front,
    ):
        realm = {"roles": ["reader"]}
        assert await status_of(front, provider.token(org="acme", realm_access=realm)) == 200
        assert await status_of(front, provider.token(org="acme")) == 403
        assert await status_of(front, provider.token(realm_access=realm)) == 401
        # What is all tenants' together is not theirs.
        assert await status_of(front, provider.token(org="a/b", realm_access=realm)) == 401


async def test_without_a_provider_tokens_open_nothing_and_say_so(open_gateway: OpenGateway) -> None:
    async with open_gateway("verification") as front:
        answer = await front.admin.get("/api/missions", headers=bearer(Provider().token()))
        assert answer.status_code == 401
        assert "no identity provider here" in answer.json()["detail"]


async def test_a_stream_ends_when_its_token_opens_nothing_any_more(
    open_gateway: OpenGateway,
) -> None:
    often = {"event_heartbeat": "PT0.1S", "oidc_refresh": "PT0.1S"}
    async with (
        providers.running() as provider,
        open_gateway("governance", **told(provider, **often)) as front,
    ):
        headers, path = bearer(provider.token()), "/api/approvals/stream"
        async with front.admin.stream("GET", path, headers=headers, timeout=15) as answer:
            assert answer.status_code == 200
            provider.published = set()
            said = "".join([text async for text in answer.aiter_text()])
        assert "a key that its provider does not publish" in said


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"oidc_audience": ""}, "OIDC_AUDIENCE is not set"),
        ({"oidc_keys": ""}, "OIDC_KEYS is not set"),
        ({"oidc_principal_claim": ""}, "OIDC_PRINCIPAL_CLAIM is not set: .* one person twice"),
        ({"oidc_keys": "http://sso.example/keys"}, "is not https"),
    ],
)
def test_a_provider_that_could_not_be_trusted_is_told_before_anything_starts(
    changes: dict[str, str], says: str
) -> None:
    right = {
        "oidc_issuer": ISSUER, "oidc_audience": AUDIENCE, "oidc_keys": "https://sso.example/k",
        "oidc_principal_claim": "preferred_username",
    }  # fmt: skip
    refuse_unfit(Settings(**right, port=free_port()))
    with pytest.raises(SettingsError, match=says):
        refuse_unfit(Settings(**right | changes))


async def test_keys_come_from_whom_an_authority_of_this_machine_vouches_for(
    tmp_path: Path, open_gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certify(tmp_path / "house.pem")
    monkeypatch.setattr(f"{KEYS}._ASK_AGAIN_SECONDS", 0.0)
    async with (
        providers.running(certificate) as provider,
        open_gateway("verification", **told(provider)) as front,
    ):
        answer = await front.admin.get("/api/missions", headers=bearer(provider.token()))
        assert (answer.status_code, provider.asked) == (503, 0)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert await status_of(front, provider.token()) == 200


async def test_keys_may_lie_in_a_file(tmp_path: Path, open_gateway: OpenGateway) -> None:
    file = tmp_path / "keys.json"
    async with providers.running() as provider:
        provider.keys["ed"] = ed25519.Ed25519PrivateKey.generate()
        file.write_bytes(provider.key_set())
        async with open_gateway("verification", **told(provider, oidc_keys=str(file))) as front:
            assert await status_of(front, provider.token()) == 200
            assert await status_of(front, provider.token("ed", algorithm="EdDSA")) == 401
        assert provider.asked == 0


def test_a_genuine_token_becomes_a_key_of_small_letters_and_known_roles() -> None:
    key = key_of(SAID, CLAIMS)
    assert (key.principal, key.tenant_id, key.scopes) == ("ada", "default", ("missions:read",))
    assert key.key_id == key_of(SAID | {"exp": 9, "roles": None}, CLAIMS).key_id
    assert key.key_id != key_of(SAID | {"sub": "bob"}, CLAIMS).key_id
    for said in (
        {"sub": "admin"},
        {"sub": "ADMIN"},
        {"sub": ["ada"]},
        {"sub": "ada@example"},
        {"sub": "\u212aate"},
    ):
        with pytest.raises(ClaimError):
            key_of(SAID | said, CLAIMS)


@given(st.text())
def test_whatever_is_no_token_is_known_by_its_form(text: str) -> None:
    assert not is_signed_token(text) or text.count(".") == 2
    assert not is_signed_token("grace_" + text.replace(".", ""))
