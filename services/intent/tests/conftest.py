"""What intent's tests share: one plain example of each fact, different where a test says so."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from grace.contracts.intent import ErrorDetected
from grace.intent.domain.document import parse_playbook
from grace.intent.domain.lifecycle import State
from grace.intent.domain.mission import Mission
from grace.intent.domain.playbook import Playbook
from grace.intent.domain.signal import Signal
from grace.testkit import House

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MEND_IT = """\
playbook: mend-it
version: 1
trigger:
  condition: kind == "thing.broken"
steps:
  - action:
      operation: thing.mend
      params: {b: 2, a: [1, null, true, "x"]}
    measurement:
      operation: thing.look
      params: {}
    expectations:
      - {field: cracks, comparison: at_most, value: 0}
"""
SIGNAL = Signal(
    id=uuid4(),
    tenant="default",
    source="watch",
    kind="thing.broken",
    target="t-1",
    message="it is broken",
    severity="error",
    details=None,
    requested_by="admin",
    detected_at=NOON,
    issued_at=NOON,
)
MISSION = Mission(
    mission_id="mission-1",
    tenant_id="default",
    signal_id=str(uuid4()),
    fingerprint="f" * 64,
    source="watch",
    kind="thing.broken",
    target="t-1",
    message="it is broken",
    severity="error",
    requested_by="admin",
    detected_at=NOON,
    captured_at=NOON,
    signal_count=1,
    state=State.CAPTURED,
    attempt=1,
    plan=None,
    plan_hash=None,
    reason=None,
    blocked_at=None,
    intent_id=None,
)


@pytest.fixture(scope="session")
def mend_it() -> str:
    """The text of a playbook."""
    return MEND_IT


@pytest.fixture(scope="session")
def noon() -> datetime:
    """When the examples happen."""
    return NOON


@pytest.fixture(scope="session")
def make_signal() -> Callable[..., Signal]:
    """Make a signal with an id of its own, sent so many seconds after noon."""

    def make(*, sent: float = 0, **other: object) -> Signal:
        at = NOON + timedelta(seconds=sent)
        return replace(SIGNAL, **({"id": uuid4(), "detected_at": at, "issued_at": at} | other))

    return make


@pytest.fixture(scope="session")
def make_mission() -> Callable[..., Mission]:
    """Make a captured mission."""
    return lambda **other: replace(MISSION, **other)


@pytest.fixture(scope="session")
def make_playbook() -> Callable[..., Playbook]:
    """Make a playbook with another name, condition or priority."""

    def make(name: str = "mend-it", condition: str | None = None, priority: int = 0) -> Playbook:
        text = MEND_IT.replace("mend-it", name)
        if condition is not None:
            text = text.replace('kind == "thing.broken"', condition)
        text = text.replace("steps:", f"  priority: {priority}\nsteps:", 1)
        return parse_playbook(text.encode())

    return make


@pytest.fixture(scope="session")
def make_error() -> Callable[..., ErrorDetected]:
    """Make the report of an error, detected now."""

    def make(**other: object) -> ErrorDetected:
        facts = {
            "source": "watch",
            "kind": "thing.broken",
            "target": "t-1",
            "message": "it is broken",
            "severity": "error",
            "detected_at": datetime.now(UTC),
        }
        return ErrorDetected(**(facts | other))

    return make


@pytest.fixture
def with_target(tmp_path: Path) -> dict[str, Any]:
    """The worker's settings, with `shop` as a registered database."""
    file = tmp_path / "targets.toml"
    file.write_text(
        '[targets.shop]\nkind = "postgres"\nenvironment = "test"\nhost = "127.0.0.1"\n'
        'database = "shop"\n'
        '[targets.shop.act]\nuser = "ops"\npassword_file = "/nowhere/ops"\n'
        '[targets.shop.observe]\nuser = "eyes"\npassword_file = "/nowhere/eyes"\n'
    )
    return {"targets_file": file}


@pytest.fixture
def own_playbooks(tmp_path: Path) -> Path:
    """An operator's folder for playbooks, empty."""
    folder = tmp_path / "playbooks"
    folder.mkdir()
    return folder


@pytest.fixture
async def report(house: House) -> Callable[..., Awaitable[None]]:
    """Send errors as an outside program does: unsigned, each awaited by the stream."""
    client = await house.connect("outside")
    jetstream = client.jetstream(timeout=30)

    async def send(*errors: ErrorDetected, **headers: str) -> None:
        for some in batched(errors, 256):
            await asyncio.gather(
                *(
                    jetstream.publish(ErrorDetected.SUBJECT, each.to_bytes(), headers=headers)
                    for each in some
                )
            )

    return send


def batched(errors: Sequence[ErrorDetected], size: int) -> Iterator[Sequence[ErrorDetected]]:
    """Cut into pieces, so that no more than `size` publishes are in flight."""
    return (errors[start : start + size] for start in range(0, len(errors), size))
