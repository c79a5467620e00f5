"""Cases made from the API's description, and what came of asking them."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi import checks as openapi

from grace.gateway.settings import Settings

MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
# What never ends is no case: the stream has tests of its own.
LONGEST_BODY = Settings().body_limit
ENDLESS = {"/api/approvals/stream", "/api/events/stream"}
CHECKS = [
    not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
    openapi.negative_data_rejection,
    openapi.missing_required_header,
]


@dataclass
class Findings:
    """What came of the cases."""

    offered: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)

    def ask(self, case: Case, url: str, session: requests.Session) -> None:
        """Send one case and check the answer; a failure is kept and not shrunk."""
        operation = f"{case.method} {case.path}"
        self.asked[operation] += 1
        response = case.call(base_url=url, session=session, timeout=20)
        self.statuses[response.status_code] += 1
        try:
            case.validate_response(response, checks=checks_of(response))
        except (Failure, FailureGroup) as failure:
            parts = failure.exceptions if isinstance(failure, FailureGroup) else [failure]
            for part in parts:
                told = f"{part}\n{response.text[:500]}\n{case.as_curl_command()[:1500]}"
                self.failures.setdefault(f"{operation}: {type(part).__name__}", told)


def checks_of(response: Any) -> list[Any]:
    """All of them. What is too long is refused for that alone, a status that schemathesis takes for no refusal."""
    is_too_long = len(response.request.body or b"") > LONGEST_BODY
    if response.status_code != HTTPStatus.REQUEST_ENTITY_TOO_LARGE or not is_too_long:
        return CHECKS
    return [each for each in CHECKS if each is not openapi.negative_data_rejection]


def explore(url: str, token: str, cases: int) -> Findings:
    """Ask every operation its share of the cases, half of them with what it forbids; 0 is the fewest."""
    findings, session = Findings(), requests.Session()
    session.trust_env = False
    session.headers["X-API-Key"] = token
    found = [each for each in operations(url, session) if each.path not in ENDLESS]
    share = math.ceil(cases / sum(map(takes_anything, found)) / len(MODES))
    turns = itertools.cycle(MODES)
    for operation in found:
        one = next(turns) if takes_anything(operation) else GenerationMode.POSITIVE
        for mode in MODES if cases else (one,):
            asked_of(operation, mode, max(1, share), lambda c: findings.ask(c, url, session))
        if f"{operation.method.upper()} {operation.path}" not in findings.asked:  # forbids nothing
            asked_of(operation, MODES[0], 1, lambda c: findings.ask(c, url, session))
    findings.offered = len(found)
    return findings


def operations(url: str, session: requests.Session) -> Iterator[Any]:
    document = session.get(f"{url}/openapi.json", timeout=20).json()
    # A made-up key would end a case at the door; who gets in is asked elsewhere, of every route.
    del document["components"]["securitySchemes"]
    for path in document["paths"].values():
        for operation in path.values():
            operation.pop("security", None)
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        yield result.ok()


def takes_anything(operation: Any) -> bool:
    """What takes nothing has one case only."""
    return bool(list(operation.iter_parameters()) or list(operation.body))


def asked_of(operation: Any, mode: GenerationMode, share: int, ask: Any) -> None:
    @seed(20261120)
    @settings(
        max_examples=share,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: Case) -> None:
        ask(case)

    # An operation that takes nothing cannot be asked anything wrong.
    with suppress(Unsatisfiable):
        each()
