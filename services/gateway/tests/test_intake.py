"""Errors that come in over HTTP: what was accepted is on disk, and says who answers for it."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from grace.contracts.cloudevents import name_of
from grace.gateway.domain.intake import repeatable_id, seen_at
from grace.kit import issued_at
from grace.testkit import House, eventually

OpenGateway = Callable[..., Any]
ERRORS, ALERTS = "/api/errors", "/api/webhooks/alertmanager"
REPORT = {"kind": "postgres.blocked_sessions", "target": "shop-db", "message": "12 wait"}
REPORT_OF_NOTHING = REPORT | {"kind": "nothing.answers"}
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "event-1",
    "source": "https://monitor.example.org/pg watch",
    "type": "postgres.blocked_sessions",
    "subject": "shop-db",
    "data": {"message": "12 wait"},
}
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def on_disk(house: House) -> list[dict[str, Any]]:
    query = "SELECT body FROM outbox WHERE subject = 'error.detected' ORDER BY position"
    return [json.loads(row["body"]) for row in await house.rows("gateway", query)]


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 202, answer.text
    found: list[str] = answer.json()["data"]["message_ids"]
    return found


async def test_a_report_is_on_disk_when_it_is_accepted(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        ada = await front.person("ada", "errors:write")
        details = {"blocked": 12}
        (first,) = ids(await ada.post(ERRORS, json=REPORT | {"details": details}))
        (body,) = await on_disk(front.house)
        (sent,) = await eventually(lambda: front.house.messages("error.detected"))
        assert sent.headers["Nats-Msg-Id"] == first
        assert sent.headers["Grace-Key-Id"].startswith("gateway-")
        assert (body["requested_by"], body["source"], body["severity"]) == ("ada", "ada", "error")
        assert body["details"] == details
        again = ids(await ada.post(ERRORS, json=REPORT))
        assert again != [first]
        key = {"Idempotency-Key": "mine"}
        twice = [ids(await ada.post(ERRORS, json=REPORT, headers=key)) for _ in range(2)]
        assert twice[0] == twice[1] != again
        await keep_apart(front.house, ada)


async def keep_apart(house: House, ada: httpx.AsyncClient) -> None:
    """What many report at once goes into the outbox together, each in the trace of who reports it."""
    traces = [f"{number:032x}" for number in range(1, 9)]
    reports = (
        ada.post(
            ERRORS,
            json=REPORT | {"message": trace},
            headers={"traceparent": f"00-{trace}-00000000000000aa-01"},
        )
        for trace in traces
    )
    told = [ids(answer) for answer in await asyncio.gather(*reports)]
    rows = await house.rows("gateway", "SELECT id, body, traceparent FROM outbox")
    found = {str(row["id"]): (json.loads(row["body"]), row["traceparent"]) for row in rows}
    kept = [found[identity] for (identity,) in told]
    assert [(body["message"], trace.split("-")[1]) for body, trace in kept] == [
        (trace, trace) for trace in traces
    ]


async def test_who_reports_an_error_answers_for_its_mission(open_gateway: OpenGateway) -> None:
    async with open_gateway("intent") as front:
        ada = await front.person("ada", "errors:write")
        await ada.post(ERRORS, json=REPORT | {"source": "pg-watch"})

        async def captured() -> dict[str, Any] | None:
            found = await front.house.messages("error.captured")
            return json.loads(found[0].data) if found else None

        mission = await eventually(captured)
        assert (mission["requested_by"], mission["source"]) == ("ada", "pg-watch")
        # Whoever sees it next joins them; what comes on its own way may overtake what was sent before.
        await ada.post(ERRORS, json=EVENT | {"id": "event-2"})

        async def counted() -> bool:
            rows = await front.house.rows("intent", "SELECT signal_count, source FROM missions")
            return [tuple(row) for row in rows] == [(2, "pg-watch")]

        await eventually(counted)


async def test_a_cloud_event_is_the_same_report_however_often_it_comes(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway() as front:
        client = front.admin
        binary = {
            "ce-specversion": "1.0",
            "ce-id": "event-1",
            "ce-source": "https://monitor.example.org/pg%20watch",
            "ce-type": "postgres.blocked_sessions",
            "ce-subject": "shop-db",
        }
        sent = [ids(await client.post(ERRORS, json=EVENT)) for _ in range(2)]
        sent.append(ids(await client.post(ERRORS, json=EVENT["data"], headers=binary)))
        structured = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
        content = json.dumps(EVENT).encode()
        sent.append(ids(await client.post(ERRORS, content=content, headers=structured)))
        assert sent == [sent[0]] * 4
        (body,) = await on_disk(front.house)
        assert body["kind"] == "postgres.blocked_sessions"
        assert body["target"] == "shop-db"
        assert body["source"] == "https:-monitor.example.org-pg-watch"
        more = EVENT["data"] | {"pid": 8}
        odd = binary | {"ce-id": "event-0"}
        assert len(ids(await client.post(ERRORS, json=more, headers=odd))) == 1
        assert (await on_disk(front.house))[1]["details"] == {"pid": 8}
        batched = {"Content-Type": "application/cloudevents-batch+json"}
        two = [EVENT, EVENT | {"id": "event-2", "data": {"message": "13 wait", "pid": 7}}]
        content = json.dumps(two).encode()
        first, _ = ids(await client.post(ERRORS, content=content, headers=batched))
        assert [first] == sent[0]
        *_, body = await on_disk(front.house)
        assert (body["message"], body["details"]) == ("13 wait", {"pid": 7})
        other = ids(await client.post(ERRORS, json=EVENT | {"source": "elsewhere"}))
        assert other != sent[0]
        timed = EVENT | {
            "id": "timed",
            "time": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
        }
        (identity,) = ids(await client.post(ERRORS, json=timed))
        at = issued_at(UUID(identity))
        assert at is not None
        assert abs(at - datetime.fromisoformat(str(timed["time"]))) < timedelta(milliseconds=2)


async def test_another_error_under_the_id_of_an_event_is_not_lost(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway() as front:
        (first,) = ids(await front.admin.post(ERRORS, json=EVENT))
        for change in (
            {"subject": "bank-db"},
            {"type": "disk.full"},
            {"data": EVENT["data"] | {"resolved": True}},
        ):
            assert ids(await front.admin.post(ERRORS, json=EVENT | change)) != [first]
        assert ids(await front.admin.post(ERRORS, json=EVENT)) == [first]
        found = await on_disk(front.house)
        assert [(body["target"], body["kind"], body.get("resolved")) for body in found] == [
            ("shop-db", EVENT["type"], None),
            ("bank-db", EVENT["type"], None),
            ("shop-db", "disk.full", None),
            ("shop-db", EVENT["type"], True),
        ]


async def test_a_report_after_the_end_of_a_mission_opens_the_next_and_its_repeat_none(
    open_gateway: OpenGateway,
) -> None:
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    event = EVENT | {"type": REPORT_OF_NOTHING["kind"]}
    reports: list[tuple[dict[str, Any], dict[str, str]]] = [
        (REPORT_OF_NOTHING, {"Idempotency-Key": "one"}),
        (REPORT_OF_NOTHING, {"Idempotency-Key": "two"}),
        (event, {}),
        (event | {"id": "timed", "time": hour_ago}, {}),
    ]
    async with open_gateway("intent", "verification") as front:
        for number, (body, headers) in enumerate(reports, start=1):
            sent = [
                ids(await front.admin.post(ERRORS, json=body, headers=headers)) for _ in range(2)
            ]
            assert sent[0] == sent[1]
            counted = await eventually(partial(ended, front.house, number))
            assert counted == [1] * number


async def ended(house: House, wanted: int) -> list[int] | None:
    """Return how many reports each mission counts, once so many have ended."""
    missions = await house.rows(
        "intent", "SELECT status, signal_count FROM missions ORDER BY captured_at"
    )
    counts = [each["signal_count"] for each in missions if each["status"] == "closed"]
    return counts if len(counts) >= wanted else None


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"target": "shop-db"}, "body.kind"),
    ({"kind": "a"}, "body.target"),
    (REPORT | {"kind": "a b"}, "body.report.kind"),
    (REPORT | {"unknown": 1}, "body.report.unknown"),
    (REPORT | {"severity": "fatal"}, "body.report.severity"),
    (REPORT | {"resolved": "true"}, "body.report.resolved"),
    (REPORT | {"message": "x" * 4097}, "body.report.message"),
    (REPORT | {"detected_at": "2026-11-20T12:00:00"}, "body.report.detected_at"),
    (REPORT | {"detected_at": 5}, "body.report.detected_at"),
    (REPORT | {"detected_at": "5"}, "body.report.detected_at"),
    (REPORT | {"details": {"a": "x" * 17_000}}, "body.report.details"),
    (REPORT | {"details": {"a": 2**60}}, "body.details"),
    (EVENT | {"specversion": "0.3"}, "body.event.specversion"),
    (EVENT | {"id": ""}, "body.event.id"),
    (EVENT | {"type": "a/b"}, "body.kind"),
    (EVENT | {"data": {"severity": "fatal"}}, "body.event.data.severity"),
    (EVENT | {"data": ["text"]}, "body.event.data"),
    (EVENT | {"data_base64": "AA=="}, "body.event.data_base64"),
    (EVENT | {"time": "yesterday"}, "body.event.time"),
]


async def test_what_does_not_fit_is_named_and_nothing_is_kept(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        for body, field in WRONG:
            answer = await front.admin.post(ERRORS, json=body)
            assert answer.status_code == 422, (body, answer.text)
            assert [error["field"] for error in answer.json()["errors"]] == [field]
        half = await front.admin.post(ERRORS, json=REPORT, headers={"ce-id": "1"})
        fields = {error["field"] for error in half.json()["errors"]}
        assert fields == {"header.ce-specversion", "header.ce-source", "header.ce-type"}
        assert (await front.admin.post(ERRORS, json=[])).status_code == 422
        batch = await front.admin.post(ERRORS, json=[EVENT, EVENT | {"id": ""}])
        assert [error["field"] for error in batch.json()["errors"]] == ["body.batch.1.id"]
        extreme = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"]
        for moment in extreme:
            assert ids(await front.admin.post(ERRORS, json=REPORT | {"detected_at": moment}))
        kept = await on_disk(front.house)
        assert len(kept) == len(extreme)
        assert all(body["detected_at"] > "2026" for body in kept)


def alert(status: str = "firing", **labels: str) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {"alertname": "Blocked", "severity": "page"} | labels,
        "annotations": {"summary": "12 wait"},
        "startsAt": "2026-11-20T12:00:00Z",
        "endsAt": "2026-11-20T12:30:00Z" if status == "resolved" else "0001-01-01T00:00:00Z",
        "fingerprint": "c1f2",
    }


async def test_alerts_become_errors_and_the_rest_is_counted(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        addressed = {"grace_kind": "postgres.blocked_sessions", "grace_target": "shop-db"}
        notification = {
            "version": "4",
            "receiver": "grace",
            "status": "firing",
            "truncatedAlerts": 3,
            "alerts": [
                alert(**addressed),
                alert("resolved", **addressed | {"grace_target": "toy-db"}),
                alert(),
                alert(grace_kind="canary kind", grace_target="shop-db"),
                alert(**addressed | {"severity": "critical", "note": "x" * 900_000}),
                # It still fires elsewhere: that it is over here is told, and after what fires.
                alert("resolved", **addressed | {"instance": "another"}) | {"fingerprint": ""},
            ],
        }
        with capture_logs() as told:
            answer = await front.admin.post(ALERTS, json=notification)
        assert [each["alerts"] for each in told if each["event"] == "alerts.left_aside"] == [2]
        assert len(ids(answer)) == 4
        taken = answer.json()["data"]
        assert (taken["resolved"], taken["unaddressed"], taken["truncated"]) == (2, 1, 3)
        assert len(taken["refused"]) == 1
        assert taken["refused"][0].startswith("addressed alert 3: grace_kind:")
        assert "canary" not in answer.text
        kept = await on_disk(front.house)
        assert [body["severity"] for body in kept] == ["error", "critical", "error", "error"]
        assert [body.get("resolved") for body in kept] == [None, None, True, True]
        assert [body["instance"] for body in kept[:3]] == ["c1f2"] * 3
        assert len(kept[3]["instance"]) == 32
        assert kept[2]["detected_at"].startswith("2026-11-20T12:30:00")
        assert {body["message"] for body in kept} == {"12 wait"}
        assert kept[0]["details"]["labels"]["alertname"] == "Blocked"
        assert list(kept[1]["details"]) == ["dropped_characters"]
        for wrong in ({"version": "3"}, {"alerts": [{"status": "odd", "labels": {}}]}):
            answer = await front.admin.post(ALERTS, json=notification | wrong)
            assert answer.status_code == 422


async def test_what_was_accepted_survives_the_loss_of_nats(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        (first,) = ids(await front.admin.post(ERRORS, json=REPORT))
        await eventually(lambda: front.house.messages("error.detected"))
        await asyncio.to_thread(front.house.installation.nats.wipe)
        (second,) = ids(await front.admin.post(ERRORS, json=REPORT))
        await eventually(lambda: front.services["gateway"].client.is_connected, timeout=10)
        await front.house.installation.apply_streams()

        async def sent() -> bool:
            found = await front.house.messages("error.detected")
            return {message.headers["Nats-Msg-Id"] for message in found} == {first, second}

        await eventually(sent, timeout=20)


@given(st.lists(st.text(), min_size=1), st.datetimes(timezones=st.just(UTC)) | st.none())
def test_a_repeat_has_the_same_id_and_other_parts_another(
    parts: list[str], at: datetime | None
) -> None:
    identity = repeatable_id(*parts, at=at, now=NOW)
    assert identity == repeatable_id(*parts, at=at, now=NOW + timedelta(hours=1))
    assert identity != repeatable_id(*parts, "", at=at, now=NOW)
    issued = issued_at(identity)
    assert issued is not None
    assert NOW - timedelta(days=6) <= issued <= NOW + timedelta(minutes=1)


@given(st.text())
def test_every_text_has_a_name(text: str) -> None:
    assert 1 <= len(name_of(text)) <= 128
    assert set(name_of(text)) <= set("._:-") | set(map(chr, range(48, 58))) | set(
        map(chr, range(65, 91))
    ) | set(map(chr, range(97, 123)))


@pytest.mark.parametrize("claimed", [None, NOW - timedelta(days=1), NOW + timedelta(hours=1)])
def test_a_time_is_taken_only_where_it_can_be_one(claimed: datetime | None) -> None:
    expected = claimed if claimed is not None and claimed < NOW else NOW
    assert seen_at(claimed, NOW) == expected
