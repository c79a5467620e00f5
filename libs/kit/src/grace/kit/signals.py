"""Hears signals: hints and beacons on core NATS. They may be lost, so nothing may depend on one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nats.aio.msg import Msg

from grace.contracts.message import Message
from grace.contracts.subject import Subject
from grace.contracts.subjects import SUBJECTS
from grace.kit.envelope import KEY_ID, SIGNATURE, Raw, Received, Refusal, open_message
from grace.kit.errors import GraceError

if TYPE_CHECKING:
    from grace.kit.runtime import Runtime

SignalHandler = Callable[[Received[Any], "Runtime"], Awaitable[None]]


async def listen(runtime: Runtime, model: type[Message], handler: SignalHandler) -> None:
    """Subscribe; every valid signal goes to the handler, every other one into the log."""
    spec = SUBJECTS[model.SUBJECT]

    async def hear(message: Msg) -> None:
        try:
            await handler(await _open(runtime, spec, message), runtime)
        except (Refusal, GraceError) as error:
            runtime.log.warning("signal.refused", subject=spec.name, error=str(error))
        except Exception:  # the edge: the next signal must be heard
            runtime.log.exception("signal.failed", subject=spec.name)

    await runtime.client.subscribe(spec.pattern, cb=hear)


async def _open(runtime: Runtime, spec: Subject, message: Msg) -> Received[Any]:
    headers = message.headers or {}
    if headers.get(SIGNATURE) and headers.get(KEY_ID):
        await runtime.keys.learn({headers[KEY_ID]})
    raw = Raw(message.subject, message.data, headers, "", datetime.now(UTC))
    return open_message(raw, spec, runtime.keys)
