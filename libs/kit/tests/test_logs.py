import json
import logging
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from grace.kit import logs, rotation

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Lines]:
    """The log in a file of its own; the session's goes on afterwards."""
    before, handlers = structlog.get_config(), logging.getLogger().handlers
    level = logging.getLogger().level
    file = tmp_path / "grace.log"
    logs.configure("info", file)
    yield lambda: [json.loads(line) for line in file.read_text().splitlines()]
    structlog.configure(**before)
    for handler in logging.getLogger().handlers:
        handler.close()
    logging.getLogger().handlers = handlers
    logging.getLogger().setLevel(level)


def test_a_line_is_json_with_service_level_and_time(lines: Lines) -> None:
    logs.logger("htm").info("task.claimed", task_id="t-1")
    (line,) = lines()
    assert line["event"] == "task.claimed"
    assert (line["service"], line["level"], line["task_id"]) == ("htm", "info", "t-1")
    assert line["timestamp"].endswith("Z")


def test_a_full_file_is_set_aside_between_two_lines(
    lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "MOST", 1000)
    log = logs.logger("htm")
    for number in range(100):
        log.info("counted", number=number)
    logging.getLogger("library").error("heard")
    files = sorted(tmp_path.iterdir(), reverse=True)
    assert [file.name for file in files] == [
        "grace.log.3", "grace.log.2", "grace.log.1", "grace.log",
    ]  # fmt: skip
    told = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    numbers = [each["number"] for each in told if "number" in each]
    assert numbers == list(range(numbers[0], 100))
    assert told[-1]["event"] == "heard"
    assert all(file.stat().st_size < 1300 for file in files)
    assert lines()


def test_secrets_are_redacted_however_deep(lines: Lines) -> None:
    logs.logger("htm").info(
        "started",
        postgres_password="hunter2",
        settings={"master_secret": "hunter2", "url": "nats://grace:hunter2@host:4222"},
        servers=["postgresql://u:hunter2@h/db"],
        api_token="hunter2",
    )
    (line,) = lines()
    assert "hunter2" not in json.dumps(line)
    assert line["settings"]["url"] == "nats://[redacted]@host:4222"


def test_an_exceptions_text_is_redacted_too(lines: Lines) -> None:
    log = logs.logger("htm")
    try:
        raise ConnectionError("cannot reach postgresql://u:hunter2@h/db")  # noqa: TRY301
    except ConnectionError as error:
        log.exception("failed")
        log.error("failed.again", exc_info=error)  # noqa: TRY400 - as loops do
    text = json.dumps(lines())
    assert "hunter2" not in text
    assert text.count("ConnectionError: cannot reach") == 2


def test_the_lines_of_libraries_take_the_same_form(lines: Lines) -> None:
    logging.getLogger("somewhere").warning("at %s", "nats://u:hunter2@h")
    (line,) = lines()
    assert line["event"] == "at nats://[redacted]@h"
    assert line["level"] == "warning"


def test_what_is_below_the_level_is_left_out(lines: Lines) -> None:
    logs.logger("htm").debug("noise")
    assert lines() == []


def test_a_full_disk_stops_nobody_who_logs_and_is_told_of_later(
    lines: Lines, tmp_path: Path
) -> None:
    assert lines() == []
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        logs.logger("htm").info("task.claimed")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    for event in ("task.queued", "task.ended"):
        logs.logger("htm").info(event)
    written = (tmp_path / "grace.log").read_text(encoding="utf-8").splitlines()
    events = {json.loads(line)["event"] for line in written if line}
    assert events >= {"task.queued", "task.ended", "log.unwritable"}
