"""The description is complete: a client can be written from it alone."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema_rs import Draft202012, Draft202012Validator, Registry

from grace.gateway.api.application import rest
from grace.gateway.api.description import operations
from grace.gateway.settings import Settings

OPEN = {"/health/live", "/health/ready"}
PROBLEM = "application/problem+json"
ADDRESS = "urn:grace:description"


@cache
def described() -> dict[str, Any]:
    document: dict[str, Any] = rest(None, Settings()).openapi()
    return document


def every_operation() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each with its name and its path: to describe them takes a second, so nobody does it to collect."""
    found = [(f"{verb} {path}", path, op) for path, verb, op in operations(described())]
    assert len(found) >= 100, "the description has lost operations"
    yield from found


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each body that an operation takes or gives, with what it is."""
    for media in operation.get("requestBody", {}).get("content", {}).values():
        yield "request", media
    for status, response in operation["responses"].items():
        for media in response.get("content", {}).values():
            yield status, media


def examples_of(part: dict[str, Any]) -> list[Any]:
    given = [each["value"] for each in part.get("examples", {}).values()]
    return given or [part["example"]]


@cache
def known() -> Registry:
    """The whole description, read once: each schema then takes of it what it refers to."""
    return Registry([(ADDRESS, described())], draft=Draft202012)


def problems_with(schema: dict[str, Any], value: object) -> list[str]:
    text = json.dumps(schema).replace('"$ref": "#/', f'"$ref": "{ADDRESS}#/')
    validator = Draft202012Validator(json.loads(text), registry=known())
    return [error.message for error in validator.iter_errors(value)]


def test_a_description_is_made_once_for_the_same_routes_and_anew_for_others() -> None:
    app = rest(None, Settings())
    assert app.openapi() is described()

    @app.get("/api/another", description="One more.")
    async def another() -> None:
        """Answer nothing."""

    assert app.openapi()["paths"].keys() - described()["paths"].keys() == {"/api/another"}


def test_an_operation_tells_what_it_is_for_and_who_may() -> None:
    for name, path, operation in every_operation():
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name
        assert bool(operation.get("security")) is (path not in OPEN), name


def test_every_failure_of_an_operation_is_a_problem() -> None:
    for name, path, operation in every_operation():
        failures = {int(status) for status in operation["responses"] if int(status) >= 400}
        assert failures_to_expect(path, operation) <= failures, name
        for status in sorted(failures):
            response = operation["responses"][str(status)]
            assert PROBLEM in response["content"] or path == "/health/ready", (name, status)
            if PROBLEM in response["content"]:
                told = response["content"][PROBLEM]["example"]
                assert told["status"] == status, name
                assert told["code"] != "malformed" or status == 400, name


def failures_to_expect(path: str, operation: dict[str, Any]) -> set[int]:
    wanted = {400, 408, 429, 431, 500}
    wanted |= set() if path in OPEN else {401, 403, 422, 503, 504}
    wanted |= {413, 415} if "requestBody" in operation else set()
    wanted |= {404} if "{" in path else set()
    return wanted


def test_everything_has_an_example_that_fits() -> None:
    for name, _, operation in every_operation():
        found = dict(contents(operation))
        assert found.keys() >= {s for s in operation["responses"] if s != "204"}, name
        for what, media in contents(operation):
            for example in examples_of(media):
                assert problems_with(media["schema"], example) == [], (name, what)
        for parameter in operation["parameters"]:
            for example in examples_of(parameter):
                assert problems_with(parameter["schema"], example) == [], (name, parameter["name"])


def test_a_post_takes_an_idempotency_key_and_a_decision_its_version() -> None:
    for path, verb, operation in operations(described()):
        names = {each["name"].lower(): each for each in operation["parameters"]}
        assert ("idempotency-key" in names) is (verb == "post"), path
        if "if-match" in names:
            may_do_without = (path, verb) == ("/api/htm/quotas", "put")
            assert names["if-match"]["required"] is not may_do_without
            assert "412" in operation["responses"]
            assert ("428" in operation["responses"]) is not may_do_without


def test_no_other_shape_of_failure_is_left() -> None:
    assert (
        not {"HTTPValidationError", "ValidationError"} & described()["components"]["schemas"].keys()
    )
    assert "HTTPValidationError" not in str(described()["paths"])
