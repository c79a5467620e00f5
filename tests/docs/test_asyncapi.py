"""The AsyncAPI document fits the published schema of AsyncAPI 3.0, and tells the truth of NATS.

`asyncapi-3.0.0.schema.json` is 3.0.0.json of the npm package @asyncapi/specs 6.11.1 (Apache-2.0),
without its prose and without the bindings of other protocols than NATS.
"""

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from grace.contracts.permissions import OUTSIDE, users
from grace.contracts.registry import SCHEMAS, model_of
from grace.contracts.subjects import STREAMS, SUBJECTS

SCHEMA = json.loads(Path(__file__).with_name("asyncapi-3.0.0.schema.json").read_text("utf-8"))
Json = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Json:
    found: Json = json.loads((files("grace.contracts") / "asyncapi.json").read_bytes())
    return found


@pytest.fixture(scope="module")
def schema() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(SCHEMA)


def without_channel(document: Json) -> None:
    del document["operations"]["receive.error.detected"]["channel"]


def another_action(document: Json) -> None:
    document["operations"]["receive.error.detected"]["action"] = "publish"


def a_misspelt_word(document: Json) -> None:
    document["channels"]["error.detected"]["adress"] = "error.detected"


def a_misspelt_binding(document: Json) -> None:
    document["operations"]["receive.error.detected"]["bindings"]["nats"]["qeue"] = "intent"


def test_it_fits_the_published_schema(document: Json, schema: jsonschema_rs.Validator) -> None:
    assert [(list(e.instance_path), e.message) for e in schema.iter_errors(document)] == []


@pytest.mark.parametrize(
    "spoil", [without_channel, another_action, a_misspelt_word, a_misspelt_binding]
)
def test_the_published_schema_sees_what_is_wrong(
    spoil: Any, document: Json, schema: jsonschema_rs.Validator
) -> None:
    spoilt = json.loads(json.dumps(document))
    spoil(spoilt)
    assert not schema.is_valid(spoilt)


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def resolved(document: Json, reference: str) -> Any:
    found: Any = document
    for token in reference.removeprefix("#/").split("/"):
        found = found[token]
    return found


def test_every_reference_leads_somewhere(document: Json) -> None:
    for reference in set(references(document)):
        assert resolved(document, reference), reference


def test_every_subject_is_a_channel_with_its_stream_as_tag(document: Json) -> None:
    channels = {c["address"]: c for c in document["channels"].values() if c["address"]}
    assert channels.keys() == SUBJECTS.keys()
    for name, subject in SUBJECTS.items():
        channel = channels[name]
        (tag,) = (resolved(document, each["$ref"])["name"] for each in channel["tags"])
        assert tag == subject.stream or (tag not in STREAMS and not subject.stream)
        assert set(channel.get("parameters", {})) == {
            token[1:-1] for token in name.split(".") if token.startswith("{")
        }
        sent = {resolved(document, m["$ref"])["name"] for m in channel["messages"].values()}
        assert sent == set(subject.schemas)


def test_what_outsiders_may_do_is_what_nats_lets_them_do(document: Json) -> None:
    received, read = set(), set()
    for operation in document["operations"].values():
        channel = resolved(document, operation["channel"]["$ref"])
        if operation["action"] == "receive":
            received.add(channel["address"])
        elif OUTSIDE in channel["x-readers"]:
            read.add(channel["address"])
    rights = users()[OUTSIDE]
    assert received == set(rights.publish)
    assert read == {subject for subject in rights.subscribe if not subject.startswith("_INBOX")}


def test_a_question_names_its_answers(document: Json) -> None:
    asked = {n: o for n, o in document["operations"].items() if n.startswith("send.rpc.")}
    assert len(asked) == sum(bool(subject.reply) for subject in SUBJECTS.values())
    for operation in asked.values():
        subject = SUBJECTS[resolved(document, operation["channel"]["$ref"])["address"]]
        replies = [resolved(document, each["$ref"]) for each in operation["reply"]["messages"]]
        names = {resolved(document, each["$ref"])["name"] for each in replies}
        assert names == {subject.reply, "grace.kit.v1.Problem"}


@pytest.mark.parametrize("name", [s for s in sorted(SCHEMAS) if model_of(s).SUBJECT])
def test_every_example_fits_its_payload_and_no_empty_one_does(name: str, document: Json) -> None:
    message = document["components"]["messages"][name]
    payload = {"components": document["components"], "$ref": message["payload"]["$ref"]}
    check = jsonschema_rs.Draft7Validator(payload)
    for example in message["examples"]:
        check.validate(example["payload"])
    required = resolved(document, message["payload"]["$ref"]).get("required")
    assert check.is_valid({}) is not bool(required)


def test_an_event_has_to_be_signed_and_a_report_need_not_be(document: Json) -> None:
    messages = document["components"]["messages"]

    def fits(name: str, headers: dict[str, str]) -> bool:
        wanted = {"components": document["components"], **messages[name]["headers"]}
        return bool(jsonschema_rs.Draft7Validator(wanted).is_valid(headers))

    assert fits("grace.intent.v1.ErrorDetected", {"Nats-Msg-Id": "mine"})
    assert not fits("grace.intent.v1.ErrorDetected", {"Grace-Schema": "another"})
    assert not fits("grace.verification.v1.MissionClosed", {"Nats-Msg-Id": "mine"})
    assert fits("grace.htm.v1.SubmittedTasks", {"Grace-Schema": "grace.htm.v1.SubmittedTasks"})
    assert not fits("grace.htm.v1.SubmittedTasks", {})
