"""The API on real services: approvals end to end, and what happens when an owner is silent."""

import base64
import errno
import hashlib
import json
import socket
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from grace.gateway.api.errors import STATUS
from grace.gateway.api.server import listen
from grace.gateway.app import build
from grace.gateway.settings import Settings
from grace.kit import Kind, SettingsError
from grace.kit.flushing import flush
from grace.testkit import House, eventually

OpenGateway = Callable[..., Any]
STALL = timedelta(seconds=0.2)
DECIDER = ("approvals:read", "approvals:decide")


async def decide(
    person: httpx.AsyncClient, approval: dict[str, Any], word: str = "approve", **headers: str
) -> httpx.Response:
    path = f"/api/approvals/{approval['approval_id']}/{word}"
    body = {"shown_hash": approval["shown_hash"], "reason": "read it"}
    return await person.post(path, json=body, headers={"If-Match": "*"} | headers)


def test_every_kind_of_failure_has_one_status() -> None:
    assert set(STATUS) == set(Kind)
    assert len(set(STATUS.values())) == len(STATUS)


async def test_the_probes_need_no_key(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        bare = await front.client()
        live, ready = await bare.get("/health/live"), await bare.get("/health/ready")
        assert (live.status_code, live.json()["data"]["status"]) == (200, "live")
        assert (ready.status_code, ready.json()["data"]["problems"]) == (200, [])


async def test_the_whole_health_names_who_does_not_answer(open_gateway: OpenGateway) -> None:
    async with open_gateway("identity", "governance") as front:

        async def known() -> bool:
            answer = await front.admin.get("/api/health")
            health = answer.json()["data"]
            return (health["services"]["governance"], health["status"]) == ("up", "degraded")

        await eventually(known)
        services = (await front.admin.get("/api/health")).json()["data"]["services"]
        assert services["learning"] == "down"
        assert services["identity"] == "up"


async def test_a_person_approves_what_was_shown(open_gateway: OpenGateway) -> None:
    async with open_gateway("governance") as front:
        approval = await front.hand_in(2)
        hashes = [hashlib.sha256(text.encode()).hexdigest() for text in approval["contracts"]]
        shown = hashlib.sha256("\n".join(hashes).encode()).hexdigest()
        assert shown == approval["shown_hash"]
        ada = await front.person("ada", *DECIDER)
        answer = await decide(ada, approval)
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"]["status"] == "granted"
        assert answer.headers["etag"] == '"2"'
        again = await decide(ada, approval)
        assert (again.status_code, again.json()["code"]) == (409, "conflict")


async def test_who_asked_is_refused_with_a_clear_sentence(open_gateway: OpenGateway) -> None:
    async with open_gateway("governance") as front:
        approval = await front.hand_in(2, requested_by="admin")
        for word in ("approve", "reject"):
            refused = await decide(front.admin, approval, word)
            assert refused.status_code == 403
            assert refused.json()["detail"] == (
                "Who asked for a plan may not decide on it; somebody else has to."
            )


async def test_two_keys_of_one_person_are_one_person(open_gateway: OpenGateway) -> None:
    async with open_gateway("governance") as front:
        approval = await front.hand_in(3)
        laptop = await front.person("ada", *DECIDER)
        phone = await front.person("ada", *DECIDER)
        await decide(laptop, approval)
        second = await decide(phone, approval)
        assert second.json()["data"]["status"] == "pending"
        assert len(second.json()["data"]["votes"]) == 1
        bob = await front.person("bob", *DECIDER)
        assert (await decide(bob, approval)).json()["data"]["status"] == "granted"


async def test_an_etag_that_moved_on_is_refused(open_gateway: OpenGateway) -> None:
    async with open_gateway("governance") as front:
        approval = await front.hand_in(3)
        ada, bob = await front.person("ada", *DECIDER), await front.person("bob", *DECIDER)
        read = await bob.get(f"/api/approvals/{approval['approval_id']}")
        await decide(ada, approval)
        stale = await decide(bob, approval, **{"If-Match": read.headers["etag"]})
        assert (stale.status_code, stale.json()["code"]) == (412, "stale")
        for tag in ('W/"2"', "2", '"x"', '"99999999999"'):
            assert (await decide(bob, approval, **{"If-Match": tag})).status_code == 412
        assert (await decide(bob, approval, **{"If-Match": '"2"'})).status_code == 200


async def test_seats_broken_glass_and_reviews_need_their_scopes(open_gateway: OpenGateway) -> None:
    async with open_gateway("governance") as front:
        approval = await front.hand_in(3)
        ada, bob = await front.person("ada", *DECIDER), await front.person("bob", *DECIDER)
        guard = await front.person("guard", "approvals:read", "approvals:break-glass")
        assert (await ada.put("/api/approvers/eve", json={"group": "dba"})).status_code == 403
        for name in ("ada", "bob", "guard"):
            seated = await front.admin.put(f"/api/approvers/{name}", json={"group": "dba"})
            assert seated.status_code == 200, seated.text
        own = await front.admin.put("/api/approvers/admin", json={"group": "dba"})
        assert (own.status_code, own.json()["code"]) == (403, "forbidden")
        assert (await decide(ada, approval)).status_code == 200
        assert (await decide(bob, approval)).json()["data"]["status"] == "pending"
        path = f"/api/approvals/{approval['approval_id']}/break-glass"
        body = {"shown_hash": approval["shown_hash"], "reason": "checkout is down"}
        any_version = {"If-Match": "*"}
        assert (await ada.post(path, json=body, headers=any_version)).status_code == 403
        assert (await guard.post(path, json=body)).status_code == 428
        broken = await guard.post(path, json=body, headers=any_version)
        assert (broken.status_code, broken.json()["data"]["status"]) == (200, "granted")
        done = f"/api/reviews/{broken.json()['data']['review_id']}/complete"
        finding = {"finding": "unjustified", "note": "bob was there"}
        assert (await guard.post(done, json=finding)).status_code == 403
        assert (await bob.post(done, json=finding)).json()["data"]["finding"] == "unjustified"
        assert (await bob.get("/api/reviews?status=open")).json()["data"] == []
        page = (await bob.get("/api/approvers?limit=2")).json()
        rest = await bob.get("/api/approvers", params={"cursor": page["meta"]["next_cursor"]})
        names = [each["principal"] for each in page["data"] + rest.json()["data"]]
        assert names == ["ada", "bob", "guard"]


async def test_a_rejection_ends_it(open_gateway: OpenGateway) -> None:
    async with open_gateway("governance") as front:
        approval = await front.hand_in(2)
        ada, bob = await front.person("ada", *DECIDER), await front.person("bob", *DECIDER)
        assert (await decide(ada, approval, "reject")).json()["data"]["status"] == "rejected"
        assert (await decide(bob, approval)).status_code == 409
        listed = await ada.get("/api/approvals?status=rejected")
        assert [a["approval_id"] for a in listed.json()["data"]] == [approval["approval_id"]]


async def test_what_an_owner_does_not_know_is_404(open_gateway: OpenGateway) -> None:
    async with open_gateway("governance") as front:
        answer = await front.admin.get("/api/approvals/approval-none")
        assert (answer.status_code, answer.json()["detail"]) == (404, "No such approval.")


async def test_an_owner_that_is_away_is_503_with_a_hint(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        answer = await front.admin.get("/api/approvals")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "1"


async def test_an_owner_that_stays_silent_is_504(open_gateway: OpenGateway) -> None:
    async with open_gateway(rpc_timeout="PT0.2S") as front:
        silent = await front.house.connect("governance")
        await silent.subscribe("rpc.governance.approvals")
        await flush(silent)
        answer = await front.admin.get("/api/approvals")
        assert (answer.status_code, answer.json()["code"]) == (504, "timeout")


async def test_a_lost_database_is_503_and_not_500(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        await front.services["gateway"].pool.close()
        answer = await front.admin.get("/api/keys")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        ready = await (await front.client()).get("/health/ready")
        assert ready.status_code == 503


async def test_the_log_proves_itself_over_http(open_gateway: OpenGateway) -> None:
    async with open_gateway("identity") as front:

        async def logged() -> list[dict[str, Any]]:
            answer = await front.admin.get("/api/log/entries")
            found: list[dict[str, Any]] = answer.json()["data"] if answer.is_success else []
            return found

        first = (await eventually(logged))[0]

        async def proven() -> dict[str, Any] | None:
            answer = await front.admin.get(f"/api/log/proof?message_id={first['message_id']}")
            return answer.json()["data"] if answer.is_success else None

        proof = await eventually(proven)
        leaf = base64.b64decode(proof["leaf"])
        assert hashlib.sha256(b"\x00" + leaf).hexdigest() == first["leaf_hash"]
        checkpoint = (await front.admin.get("/api/log/checkpoint")).json()["data"]
        assert checkpoint["note"].startswith(checkpoint["origin"])


async def test_every_answer_has_the_same_envelope_and_a_request_id(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway() as front:
        given = await front.admin.get("/api/keys", headers={"X-Request-ID": "my-request-1"})
        assert given.headers["x-request-id"] == "my-request-1"
        assert set(given.json()) == {"data", "meta"}
        assert given.json()["meta"]["request_id"] == "my-request-1"
        odd = await front.admin.get("/api/keys", headers={"X-Request-ID": "a b;"})
        assert odd.headers["x-request-id"] != "a b;"


async def test_the_description_is_served(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        document = (await (await front.client()).get("/openapi.json")).json()
        assert document["openapi"].startswith("3.1")
        problems = document["paths"]["/api/approvals/{approval_id}"]["get"]["responses"]["404"]
        assert "application/problem+json" in problems["content"]
        assert "HTTPValidationError" not in json.dumps(document["paths"])


def test_people_find_rest_on_port_8000_of_their_machine() -> None:
    settings = Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)


def test_no_part_of_an_answer_waits_until_another_is_acknowledged() -> None:
    with (
        listen("127.0.0.1", 0, stall=STALL) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        taken, _ = listener.accept()
        with taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_who_takes_nothing_of_an_answer_is_hung_up_on() -> None:
    with listen("127.0.0.1", 0, stall=STALL) as listener, socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(listener.getsockname())
        taken, _ = listener.accept()
        with taken:
            taken.settimeout(0)
            taken.send(b"x" * 65_536)
            ended = partial(taken.getsockopt, socket.SOL_SOCKET, socket.SO_ERROR)
            assert await eventually(ended) == errno.ETIMEDOUT


async def test_a_taken_port_is_one_clear_line(house: House) -> None:
    # Only this test starts it by hand.
    from grace.gateway.api.provider_keys import ProviderKeys  # noqa: PLC0415
    from grace.gateway.api.server import serve  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings(**house.installation.settings("gateway", house.database), port=port)
        with pytest.raises(SettingsError, match=f"cannot listen on 127.0.0.1 port {port}: "):
            build(settings).refuse_unfit()
        runtime = await house.act_as("gateway")
        with pytest.raises(SystemExit) as ended:
            await serve(settings, ProviderKeys(settings), runtime)
    assert ended.value.code == 78
    assert str(ended.value.__cause__).startswith(f"cannot listen on 127.0.0.1 port {port}: ")
