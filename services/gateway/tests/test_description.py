"""The description is complete: a client can be written from it alone."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from grace.gateway.api.application import rest
from grace.gateway.api.description import operations
from grace.gateway.settings import Settings

OPEN = {"/health/live", "/health/ready"}
PROBLEM = "application/problem+json"


@cache
def described() -> dict[str, Any]:
    document: dict[str, Any] = rest(None, Settings()).openapi()
    return document


def named() -> list[Any]:
    found = operations(described())
    return [pytest.param(path, op, id=f"{verb} {path}") for path, verb, op in found]


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


def problems_with(schema: dict[str, Any], value: object) -> list[str]:
    whole = {**schema, "components": described()["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(value)]


@pytest.mark.parametrize(("path", "operation"), named())
def test_an_operation_tells_what_it_is_for_and_who_may(
    path: str, operation: dict[str, Any]
) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]
    assert bool(operation.get("security")) is (path not in OPEN)


@pytest.mark.parametrize(("path", "operation"), named())
def test_every_failure_of_an_operation_is_a_problem(path: str, operation: dict[str, Any]) -> None:
    failures = {int(status) for status in operation["responses"] if int(status) >= 400}
    wanted = {400, 408, 429, 431, 500}
    wanted |= set() if path in OPEN else {401, 403, 422, 503, 504}
    wanted |= {413, 415} if "requestBody" in operation else set()
    wanted |= {404} if "{" in path else set()
    assert wanted <= failures
    for status in sorted(failures):
        response = operation["responses"][str(status)]
        assert PROBLEM in response["content"] or path == "/health/ready", status
        if PROBLEM in response["content"]:
            told = response["content"][PROBLEM]["example"]
            assert told["status"] == status
            assert told["code"] != "malformed" or status == 400


@pytest.mark.parametrize(("path", "operation"), named())
def test_everything_has_an_example_that_fits(path: str, operation: dict[str, Any]) -> None:
    found = dict(contents(operation))
    assert found.keys() >= {s for s in operation["responses"] if s != "204"}, path
    for what, media in contents(operation):
        for example in examples_of(media):
            assert problems_with(media["schema"], example) == [], (path, what)
    for parameter in operation["parameters"]:
        for example in examples_of(parameter):
            assert problems_with(parameter["schema"], example) == [], (path, parameter["name"])


def test_a_post_takes_an_idempotency_key_and_a_decision_its_version() -> None:
    for path, verb, operation in operations(described()):
        names = {each["name"].lower(): each for each in operation["parameters"]}
        assert ("idempotency-key" in names) is (verb == "post"), path
        if "if-match" in names:
            assert names["if-match"]["required"]
            assert {"412", "428"} <= operation["responses"].keys()


def test_no_other_shape_of_failure_is_left() -> None:
    assert (
        not {"HTTPValidationError", "ValidationError"} & described()["components"]["schemas"].keys()
    )
    assert "HTTPValidationError" not in str(described()["paths"])
