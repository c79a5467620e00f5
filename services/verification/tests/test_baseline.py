"""What becomes of a measurement that is to be a baseline."""

from datetime import UTC, datetime

import pytest

from grace.verification.domain.baseline import Failed, Stored, settle, settle_reading
from grace.verification.domain.source import HTTP, Asked, read_answer
from grace.verification.domain.task import Outcome, Report

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def page(status):
    answer = read_answer(Asked(HTTP, "/", {}), status=status, body=b"{}", seconds=0.1)
    return settle_reading(answer, now=NOW)


def command(result):
    return settle(Report(Outcome.SUCCEEDED, result=result, finished_at=NOW))


@pytest.mark.parametrize("status", [302, 404, 503])
def test_an_answer_that_refuses_is_no_healthy_state(status):
    why = f"what was measured says that it is not well: ok 0, status {status}"
    assert page(status) == Failed(why)
    assert isinstance(page(200), Stored)


def test_a_command_that_fails_is_no_healthy_state():
    why = "what was measured says that it is not well: ok 0, exit_code 2"
    assert command('{"exit_code": 2, "ok": 0, "value": null}') == Failed(why)
    assert isinstance(command('{"exit_code": 0, "ok": 1}'), Stored)
    assert isinstance(command('{"waiting": 0}'), Stored)
